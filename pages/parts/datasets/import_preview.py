"""Preview of an import on the page: classes with examples, splits, and what is skipped."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.summary import sentences, source_of_labels
from core.datasets.columns import Split
from core.datasets.importing.preview import EXAMPLES, NO_SPLIT, Preview
from core.datasets.layout import AS_RECOGNIZED, Reading
from core.datasets.splits import SplitConfig
from core.datasets.tally import Rejected
from core.errors import WorkbenchError
from pages.parts.components.text import counted, plain
from pages.parts.components.tiles import SHORT_SPLITS
from pages.parts.datasets.reading_fields import Read
from state.previews import Listed

HEIGHT, EMPTY_HEIGHT, NOTES_HEIGHT = 460, 150, 90
"""In pixels: of the panel, of one without a preview, and of sentences about annotations."""

ROW_HEIGHT, MAX_TABLE_HEIGHT = 48, 290
"""In pixels: of a class with its examples, and of the table of classes."""

MAX_CLASSES = 2000
"""Most classes in the table."""

MAX_NAMED = 3
"""Files of a reason that are named."""

UNLABELED = "unlabeled"


def panel(read: Read | WorkbenchError | None, splits: SplitConfig | None, key: str) -> None:
    """Draw the preview in a panel.

    Args:
        read: The files and their preview, or why there is none; None if there is no source so far.
        splits: How images are split that their folders do not assign.
        key: Widget key of the panel.
    """
    height = EMPTY_HEIGHT
    if isinstance(read, tuple):
        height = HEIGHT + (NOTES_HEIGHT if sentences(read[1].annotated) else 0)
    with st.container(border=True, height=height, key=key):
        if read is None:
            st.caption(":material/preview: Preview of classes and splits")
        elif isinstance(read, WorkbenchError):
            _failure(read)
        else:
            listed, seen = read
            st.markdown(f":material/check_circle: {_facts(seen)}")
            _annotations(seen.annotated)
            _offer(seen, listed)
            _classes(seen, listed.thumbnails(seen), key)
            st.caption(f"Splits: {_splits(seen, splits)}")
            _skipped(seen.skipped, seen.rejected, f"{key}-skipped")


def line(listed: Callable[[Reading], Listed]) -> Preview | None:
    """Draw a preview as one line; return it, or None with the error if it failed."""
    try:
        seen = listed(AS_RECOGNIZED).read(AS_RECOGNIZED)
    except WorkbenchError as error:
        _failure(error)
        return None
    st.markdown(f":material/check_circle: {_facts(seen)}")
    _annotations(seen.annotated)
    return seen


def _annotations(annotated: Annotated) -> None:
    """Draw where annotations come from, and what they leave open."""
    said = sentences(annotated)
    if source := source_of_labels(annotated):
        said.insert(0, f"Labels from {source}.")
    if said:
        st.caption(":material/label: " + " ".join(map(plain, said)))


def _offer(seen: Preview, listed: Listed) -> None:
    """Name an annotation file that was not recognized, if there are no classes without it."""
    files = listed.listing.offered
    if files and not seen.classes and not seen.annotated.is_used and not seen.annotated.notes:
        advice = "may have labels; choose it under Labels and folders."
        st.caption(f":material/label: {plain(files[0])} {advice}")


def _failure(error: WorkbenchError) -> None:
    st.markdown(f":red[:material/error: {plain(str(error))}]")


def _facts(seen: Preview) -> str:
    if not seen.num_images and not seen.is_complete:
        return "Too large for a preview; it can be imported."
    count = f"**{counted(seen.num_images, 'image')}**"
    if not seen.is_complete:
        count = f"First {count}"
    classes = len(seen.classes)
    facts = [count, f"{classes:,} {'class' if classes == 1 else 'classes'}"]
    if seen.classes and seen.num_unlabeled:
        facts.append(f"{seen.num_unlabeled:,} unlabeled")
    return " · ".join(facts)


def _classes(seen: Preview, examples: dict[str | None, list[str]], key: str) -> None:
    """Draw a row for each class, and one for the unlabeled images."""
    counts: list[tuple[str | None, dict[str, int]]] = []
    counts += list(seen.classes.items())[:MAX_CLASSES]
    if seen.unlabeled:
        counts.append((None, seen.unlabeled))
    if not counts:
        return
    named = [split for split in Split if any(split in each for _, each in counts)]
    table: dict[str, list[Any]] = {"class": [label or UNLABELED for label, _ in counts]}
    for split in named:
        table[SHORT_SPLITS[split]] = [each.get(split, 0) for _, each in counts]
    if not named or any(NO_SPLIT in each for _, each in counts):
        table["no split" if named else "images"] = [each.get(NO_SPLIT, 0) for _, each in counts]
    for number in range(EXAMPLES):
        images = [examples.get(label, []) for label, _ in counts]
        table[f"example {number + 1}"] = [
            each[number] if number < len(each) else "" for each in images
        ]
    st.dataframe(
        table,
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=min(MAX_TABLE_HEIGHT, ROW_HEIGHT * len(counts) + 38),
        key=f"{key}-classes",
        column_config={
            f"example {number + 1}": st.column_config.ImageColumn(" " * (number + 1), width=56)
            for number in range(EXAMPLES)
        },
    )


def _splits(seen: Preview, splits: SplitConfig | None) -> str:
    if seen.splits:
        known = [name for name in Split if name in seen.splits]
        source = "annotations" if seen.annotated.has_splits else "folders"
        return " · ".join(f"{name} {seen.splits[name]:,}" for name in known) + f" ({source})"
    if splits is None or not seen.classes:
        return "none"
    if splits.train_per_class:
        return f"{splits.train_per_class} train images per class, the rest at random"
    train = round(100 * (1 - splits.validation - splits.test))
    shares = f"{train} / {splits.validation:.0%} / {splits.test:.0%}".replace("%", "")
    return f"{shares} % at random"


def _skipped(counts: dict[str, int], files: Sequence[Rejected], key: str) -> None:
    """Draw how many files are not imported for each reason, with some of them."""
    if not counts:
        return
    reasons = " · ".join(f"{count:,} {plain(reason)}" for reason, count in counts.items())
    st.caption(f"Not imported: {reasons}")
    examples: dict[str, list[str]] = {reason: [] for reason in counts}
    for file in files:
        if len(named := examples.setdefault(file.problem, [])) < MAX_NAMED:
            named.append(file.path)
    with st.expander("Files that are not imported"):
        st.dataframe(
            {
                "reason": list(counts),
                "files": list(counts.values()),
                "such as": [", ".join(examples[reason]) for reason in counts],
            },
            hide_index=True,
            key=key,
        )

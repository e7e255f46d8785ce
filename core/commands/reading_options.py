"""Options that say how a source is read, and the preview of an import as text."""

import argparse

from core.commands.command import Result, choice, option
from core.datasets.annotations.roles import Role
from core.datasets.annotations.summary import sentences, source_of_labels
from core.datasets.columns import Split
from core.datasets.folder_names import Use
from core.datasets.importing.archive_names import ENCODINGS
from core.datasets.importing.preview import NO_SPLIT, Preview
from core.datasets.layout import Labels, Reading

KEEP_BACKGROUND = option(
    "--keep-background", "Keep Caltech-101's BACKGROUND_Google.", action="store_true"
)
USES = ", ".join(Use)
COLUMNS = {
    Role.PATH: "paths",
    Role.LABEL: "labels",
    Role.SPLIT: "splits",
    Role.TAGS: "tags",
}
READING_OPTIONS = (
    KEEP_BACKGROUND,
    choice("--labels", "Which folders name the class.", Labels, Labels.AUTO),
    option(
        "--folder",
        f"Use of a folder at the level of the splits ({USES}); repeat it for several.",
        action="append",
        metavar="NAME=USE",
    ),
    option("--no-loose", "Skip images beside class folders.", action="store_true"),
    option("--no-links", "Follow no links.", action="store_true"),
    option(
        "--annotations",
        "Table or annotations with labels, relative to the folder; `none` uses folder names. "
        "By default they are detected.",
        default="",
        metavar="FILE",
    ),
    *(
        option(
            f"--{role}-column",
            f"Column of {what} in the table; detected by default.",
            metavar="NAME",
        )
        for role, what in COLUMNS.items()
    ),
    option(
        "--pattern",
        "Pattern of file names that contain the class, such as {class}_{number}; also {split}, "
        "{tag}, {any}.",
        default="",
    ),
)
ENCODING = option(
    "--names-encoding",
    "Encoding of the names in a zip that are not marked as UTF-8; detected by default.",
    choices=ENCODINGS,
    default="",
)
DRY_RUN = option("--dry-run", "Print what would be done, and do nothing.", action="store_true")

MAX_CLASSES, MAX_EXAMPLES = 200, 3
"""Most classes, and files of a reason, that a preview lists as text."""


def read_reading(options: argparse.Namespace) -> Reading:
    """Return how the options say that a source is read.

    Raises:
        ValueError: A use of a folder is malformed, or labels have two sources.
    """
    return Reading(
        labels=Labels(options.labels),
        folders=tuple(_folder_use(text) for text in options.folder or ()),
        loose=not options.no_loose,
        links=not options.no_links,
        keep_background=options.keep_background,
        encoding=getattr(options, "names_encoding", ""),
        annotations=options.annotations,
        columns=tuple(
            (role, name)
            for role in COLUMNS
            if (name := getattr(options, f"{role}_column")) is not None
        ),
        pattern=options.pattern,
    )


def as_reading_arguments(reading: Reading) -> list[str]:
    """Return the options that say the same as a reading, without its defaults."""
    arguments = [] if reading.labels == Labels.AUTO else ["--labels", str(reading.labels)]
    for name, use in reading.folders:
        arguments += ["--folder", f"{name}={use}"]
    if reading.encoding:
        arguments += ["--names-encoding", reading.encoding]
    if reading.annotations:
        arguments += [f"--annotations={reading.annotations}"]
    for role, column in reading.columns:
        arguments += [f"--{role}-column={column}"]
    if reading.pattern:
        arguments += [f"--pattern={reading.pattern}"]
    flags = {
        "--no-loose": not reading.loose,
        "--no-links": not reading.links,
        "--keep-background": reading.keep_background,
    }
    return arguments + [flag for flag, is_set in flags.items() if is_set]


def _folder_use(text: str) -> tuple[str, Use]:
    name, separator, use = text.rpartition("=")
    if not separator or not name or use not in list(Use):
        raise ValueError(f"folder must be NAME=USE, USE one of {USES}, got {text}")
    return name, Use(use)


def preview_facts(seen: Preview) -> Result:
    """Return a preview as the result of a verb."""
    return {
        "dry_run": True,
        "num_images": seen.num_images,
        "num_classes": len(seen.classes),
        "classes": seen.classes,
        "splits": seen.splits,
        "num_unlabeled": seen.num_unlabeled,
        "num_loose": seen.num_loose,
        "folders": [
            {"name": each.name, "use": str(each.use), "num_images": each.num_images}
            for each in seen.folders
        ],
        "labels": str(seen.layout.labels),
        "annotations": list(seen.annotated.files),
        "labels_from": source_of_labels(seen.annotated),
        "num_unused_rows": len(seen.annotated.unused),
        "num_not_annotated": len(seen.annotated.without),
        "notes": sentences(seen.annotated),
        "skipped": seen.skipped,
        "skipped_files": [[file.path, file.problem] for file in seen.rejected],
        "is_complete": seen.is_complete,
    }


def describe_preview(result: Result) -> str:
    """Return a preview as text: totals, folders, classes, and what is skipped."""
    first = "" if result["is_complete"] else "First "
    lines = [
        f"{first}{result['num_images']:,} images, {result['num_classes']:,} classes, "
        f"{result['num_unlabeled']:,} unlabeled. Nothing was imported."
    ]
    if result["labels_from"]:
        lines.append(f"Labels from {result['labels_from']}.")
    lines += result["notes"]
    lines += _table(
        ("Folder", "Images", "Use"),
        [(each["name"], each["num_images"], each["use"]) for each in result["folders"]],
    )
    splits = [split for split in (*Split, NO_SPLIT) if _has(result, split)]
    heads = ("Class", *(split or ("no split" if splits[1:] else "images") for split in splits))
    rows = [
        (label, *(counts.get(split, 0) for split in splits))
        for label, counts in list(result["classes"].items())[:MAX_CLASSES]
    ]
    lines += _table(heads, rows)
    more = result["num_classes"] - len(rows)
    lines += [f"… and {more:,} more classes"] if more > 0 else []
    return "\n".join([*lines, *describe_skipped(result)])


def describe_skipped(result: Result) -> list[str]:
    """Return a line for each reason for which files are not imported, with some of them."""
    lines = []
    for reason, count in result["skipped"].items():
        files = [path for path, problem in result["skipped_files"] if problem == reason]
        named = ", ".join(files[:MAX_EXAMPLES]) + (", …" if count > MAX_EXAMPLES else "")
        lines.append(f"Not imported: {count:,} · {reason} · {named}")
    return lines


def _has(result: Result, split: str) -> bool:
    return any(split in counts for counts in result["classes"].values())


def _table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    """Return rows as lines with aligned columns; none without rows."""
    if not rows:
        return []
    texts = [heads, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    return ["", *("  ".join(map(str.ljust, row, widths)).rstrip() for row in texts), ""]

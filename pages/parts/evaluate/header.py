"""Header of an evaluation: its choice, its headline figures, and what was measured."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.evaluation.config import Gallery
from core.evaluation.files import interval_of, system_name
from core.evaluation.measure_names import definition_of, name_of
from pages.parts.components import picker
from pages.parts.components.text import plain
from pages.parts.evaluate.form import GALLERIES
from state import session

HEADLINES = (
    *("map_at_10", "recall_at_1", "recall_at_10", "map_at_r", "classifier_accuracy"),
    *("precision_at_10", "mrr", "ndcg_at_10"),
)
NUM_HEADLINES = 5
SKIPPED_SHOWN = 8
WIDTH = 420
"""Width of the choice of the evaluation, in pixels."""


def choose(current: Manifest, available: list[Manifest]) -> None:
    """Draw the choice of the evaluation."""
    titles = titles_of(available)
    picker.pick(
        "Evaluation",
        list(titles),
        current.id,
        key="evaluate-current",
        name=titles.__getitem__,
        choose=_choose,
        width=WIDTH,
    )


def _choose(evaluation_id: str) -> None:
    chosen = session.selection()
    chosen.evaluation, chosen.open_confusion = evaluation_id, None


def titles_of(manifests: list[Manifest]) -> dict[str, str]:
    """Return id → title of evaluations in lists; equal titles end with the id."""
    titles = {manifest.id: _title(manifest) for manifest in manifests}
    counts = list(titles.values())
    return {i: f"{t} · {i}" if counts.count(t) > 1 else t for i, t in titles.items()}


def _title(manifest: Manifest) -> str:
    how = "via index" if "index" in manifest.made_from else "exact search"
    return f"{system_name(manifest)} · {manifest.config['queries']} · {how}"


def describe(manifest: Manifest) -> None:
    """Draw the protocol in one line, and what was left out as its help."""
    summary = manifest.summary
    gallery = GALLERIES[Gallery(manifest.config.get("gallery", Gallery.TRAIN))]
    facts = [f"{summary['num_queries']:,} {manifest.config['queries']} queries"]
    if "num_gallery" in summary:
        facts.append(f"{summary['num_gallery']:,} {gallery} images in the gallery")
    if "index_recall_at_10" in summary:
        exact = summary.get("exact_map_at_10", summary["map_at_10"])
        facts.append(f"index recall {100 * summary['index_recall_at_10']:.1f} %")
        facts.append(f"exact search mAP@10 {exact:.3f}")
    st.caption(
        " · ".join(facts),
        width="content",
        help="  \n".join(
            ["A result is relevant if it has the query's class.", *_left_out(manifest)]
        ),
    )


def _left_out(manifest: Manifest) -> list[str]:
    summary, facts = manifest.summary, []
    if summary.get("num_skipped"):
        named = [plain(label) for label in summary.get("skipped_classes", {})]
        more = f" and {len(named) - SKIPPED_SHOWN} more" if len(named) > SKIPPED_SHOWN else ""
        classes = f": {', '.join(named[:SKIPPED_SHOWN])}{more}" if named else ""
        facts.append(f"{summary['num_skipped']:,} queries have no relevant image{classes}.")
    if summary.get("num_copies"):
        facts.append(f"{summary['num_copies']:,} exact copies of queries are ignored.")
    if summary.get("num_beyond_depth"):
        facts.append(
            f"{summary['num_beyond_depth']:,} queries have more than 1,000 relevant images; mAP@R "
            "and R-precision use the first 1,000 ranks."
        )
    if summary.get("num_problems"):
        facts.append(f"{summary['num_problems']:,} images could not be read.")
    return facts


def figures(manifest: Manifest) -> None:
    """Draw the headline figures with their 95 % CIs, and the macro average beneath each."""
    names = [name for name in HEADLINES if name in manifest.summary][:NUM_HEADLINES]
    with st.container(key="evaluate-figures"):
        grid = st.grid(len(names), min_column_width=110)
    for name in names:
        with grid.cell(), st.container(gap=None):
            st.metric(
                name_of(name),
                f"{manifest.summary[name]:.3f}",
                help=f"{definition_of(name)} Average over queries (micro) with its 95 % CI "
                "(bootstrap); beneath it the average over classes (macro).",
            )
            st.caption(
                "  \n".join(filter(None, (_interval(manifest, name), _macro(manifest, name))))
            )


def _interval(manifest: Manifest, name: str) -> str:
    limits = interval_of(manifest, name)
    return f"CI {limits[0]:.3f}–{limits[1]:.3f}" if limits else ""


def _macro(manifest: Manifest, name: str) -> str:
    value = manifest.summary.get(f"{name}_macro")
    return f"Macro {value:.3f}" if value is not None else ""

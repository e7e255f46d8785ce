"""Header of an evaluation: its choice, its system and protocol, and its main figures."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.evaluation.config import Gallery
from core.evaluation.files import interval_of, system_name
from core.evaluation.measure_names import definition_of, name_of
from core.lineage.graph import Lineage
from pages.parts.components.text import plain, stale_badge
from pages.parts.evaluate.form import GALLERIES
from state import session

FIRST = ("map_at_10", "map_at_10_macro", "recall_at_1", "recall_at_1_macro")
SKIPPED_SHOWN = 8


def choose(current: Manifest, available: list[Manifest]) -> None:
    """Draw the choice of the evaluation."""
    titles = {manifest.id: title_of(manifest) for manifest in available}
    st.selectbox(
        "Evaluation",
        list(titles),
        format_func=titles.__getitem__,
        key=session.set_widget("evaluate-current", current.id),
        on_change=_change,
    )


def _change() -> None:
    chosen = session.selection()
    chosen.evaluation, chosen.open_confusion = session.value_of("evaluate-current"), None


def title_of(manifest: Manifest) -> str:
    """Return the title of an evaluation in lists."""
    how = "as the index searches" if "index" in manifest.made_from else "exact search"
    return f"{system_name(manifest)} · {manifest.config['queries']} images · {how} · {manifest.id}"


def describe(manifest: Manifest, lineage: Lineage) -> None:
    """Describe the system and the protocol, whether it is stale, and what was left out."""
    summary, gallery = manifest.summary, manifest.config.get("gallery", Gallery.TRAIN)
    how = "through that index" if "index" in manifest.made_from else "by exact search"
    stale = stale_badge(lineage.stale_reason(manifest))
    st.markdown(
        f"**{plain(system_name(manifest))}**: each of {summary['num_queries']:,} "
        f"{manifest.config['queries']} images searched {how} among the "
        f"{GALLERIES[Gallery(gallery)]}"
        + (f" ({summary['num_gallery']:,})" if "num_gallery" in summary else "")
        + f". What has its class counts as found.{stale}"
    )
    facts = _left_out(manifest)
    if "index_recall_at_10" in summary:
        exact = summary.get("exact_map_at_10", summary["map_at_10"])
        facts.append(
            "of exact search's first ten this index finds "
            f"{summary['index_recall_at_10']:.1%}; "
            f"exact search has mAP@10 {exact:.3f}"
        )
    if facts:
        st.caption("; ".join(facts)[:1].upper() + "; ".join(facts)[1:] + ".")


def _left_out(manifest: Manifest) -> list[str]:
    summary, facts = manifest.summary, []
    if summary.get("num_skipped"):
        named = [plain(label) for label in summary.get("skipped_classes", {})]
        more = f" and {len(named) - SKIPPED_SHOWN} more" if len(named) > SKIPPED_SHOWN else ""
        classes = f" ({', '.join(named[:SKIPPED_SHOWN])}{more})" if named else ""
        facts.append(
            f"{summary['num_skipped']:,} queries whose class has nothing to find were left out"
            f"{classes}"
        )
    if summary.get("num_copies"):
        facts.append(f"{summary['num_copies']:,} matches with a query's own content do not count")
    if summary.get("num_beyond_depth"):
        facts.append(
            f"{summary['num_beyond_depth']:,} queries have more than 1,000 images to find: mAP@R "
            "and R-precision look at the first 1,000 ranks only"
        )
    if summary.get("num_problems"):
        facts.append(f"{summary['num_problems']:,} images could not be read")
    return facts


def figures(manifest: Manifest) -> None:
    """Draw the main figures with their 95 % CIs."""
    names = [
        name for name in (*FIRST, "map_at_r", "classifier_accuracy") if name in manifest.summary
    ]
    grid = st.grid(len(names), min_column_width=132)
    for name in names:
        base = name.removesuffix("_macro")
        over = ", by class" if name != base else ""
        with grid.cell():
            st.metric(
                f"{name_of(base)}{over}",
                f"{manifest.summary[name]:.3f}",
                help=definition_of(base)
                + (" Mean over the classes' means, so that small classes count." if over else ""),
            )
            limits = interval_of(manifest, name)
            if limits is not None:
                st.caption(f"95 %: {limits[0]:.3f} to {limits[1]:.3f}")
    if manifest.summary.get("intervals"):
        st.caption(
            "Under each figure where it would lie, 95 times in 100, had other queries of their "
            "kind been asked (bootstrap over queries)."
        )

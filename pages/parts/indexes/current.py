"""The current index: its lineage, and its recall and latency at any effort."""

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title
from core.datasets.registry import open_dataset
from core.embeddings.config import Precision
from core.index_benchmark.points import Measured
from core.indexes.info import RECALL, read_info
from core.lineage.graph import Lineage
from pages.parts.components import errors, sample_retrievals
from pages.parts.components.text import duration, plain, size
from pages.parts.indexes import rebuild
from state import flush, resources

EFFORTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


def show(index: Manifest, lineage: Lineage) -> None:
    """Draw the current index."""
    title = read_title(resources.workspace().indexes, index.id)
    st.header(f"Current index: {plain(title)}", anchor=False)
    rebuild.offer(index, lineage)
    if index.made_from["dataset"] in lineage.datasets:
        _figures(index, lineage)
    _lineage(index, lineage)


def _lineage(index: Manifest, lineage: Lineage) -> None:
    """Draw dataset, model, embeddings and index; `rebuild.offer` says what is stale."""
    made_from = index.made_from
    has_dataset = made_from["dataset"] in lineage.datasets
    links = [
        ("dataset", made_from["dataset"], has_dataset),
        ("model", made_from["model"], lineage.model(made_from["model"])),
        ("embeddings", made_from["embeddings"], lineage.embeddings_of_index(index)),
        ("index", index.id, True),
    ]
    shown = [
        f":gray[{kind}] {plain(name)}" + ("" if is_there else " :orange-badge[deleted]")
        for kind, name, is_there in links
    ]
    st.markdown(" → ".join(shown))
    info = read_info(index)
    facts = [
        info.description,
        f"{index.summary['count']:,} images",
        f"{index.summary['dimension']} dimensions",
        f"on the server as {info.collection}" if info.size_bytes is None else size(info.size_bytes),
    ]
    if RECALL in index.summary:
        facts.append(f"recall@10 {index.summary[RECALL]:.3f}")
    if "build_s" in index.summary:
        facts.append(f"built in {duration(index.summary['build_s'])}")
    facts += _encoded(index)
    st.caption(" · ".join(facts))
    _left_out(lineage.embeddings_of_index(index))


def _encoded(index: Manifest) -> list[str]:
    """Return in words how images and queries are embedded, if not by default."""
    encoding = index.summary.get("encoding", {})
    words = {"flip": "flip", "whiten": "whitened"}
    chosen = [text for name, text in words.items() if encoding.get(name)]
    if encoding.get("precision", Precision.FLOAT32) != Precision.FLOAT32:
        chosen.append(str(encoding["precision"]))
    return chosen + (["subset of the images"] if index.summary.get("images") else [])


def _left_out(embeddings: Manifest | None) -> None:
    """List the images that could not be read."""
    if embeddings is None or not embeddings.summary["num_problems"]:
        return
    problems: dict[str, str] = embeddings.summary["problems"]
    with st.expander(f"{embeddings.summary['num_problems']:,} unreadable images"):
        st.dataframe(
            pd.DataFrame({"image": list(problems), "reason": list(problems.values())}),
            hide_index=True,
            key="indexes-left-out",
        )


@st.fragment
@flush.complete()
def _figures(index: Manifest, lineage: Lineage) -> None:
    embeddings = lineage.embeddings_of_index(index)
    if embeddings is None:
        st.caption("The embeddings were deleted; rebuild the index to measure it.")
        return
    # Here, as what a fragment raises does not reach its caller: a damaged file, no server
    with errors.shown(st.warning):
        chosen = _effort(index, embeddings)
        dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
        _metrics(resources.measured(index, embeddings, dataset, chosen))
        samples = resources.sample_matches(index, embeddings, dataset, chosen)
        st.markdown(
            "**Sample queries**", help="Five nearest images of each query: green if of its class."
        )
        sample_retrievals.strip(dataset, samples, key="indexes-samples", label="Sample queries")


def _effort(index: Manifest, embeddings: Manifest) -> int | None:
    """Draw the choice of the effort, if the index has one; return it."""
    effort = resources.index(index.id, index.fingerprint).store.effort
    if effort is None:
        return None
    steps = sorted({*(step for step in EFFORTS if step < effort.most), effort.value, effort.most})
    line = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = line.select_slider(
        f"{effort.name} (default {effort.value})",
        steps,
        value=effort.value,
        key=f"indexes-effort-{index.id}",
    )
    with line:
        rebuild.with_effort(index, embeddings, effort, int(chosen))
    return int(chosen)


def _metrics(measured: Measured) -> None:
    with st.container(key="indexes-figures"):
        grid = st.grid(7, min_column_width=80)
    recall = {f"Recall@{depth}": f"{value:.3f}" for depth, value in measured.recall.items()}
    latency = {f"p{at} ms": f"{value:.3g}" for at, value in measured.latency_ms.items()}
    helps = dict.fromkeys(recall, "Recall vs. exact search.")
    helps |= dict.fromkeys(latency, "Latency of one query for 10 images, on one thread.")
    helps["Queries/s"] = "In batches of 100, on all cores."
    figures = recall | latency | {"Queries/s": f"{measured.queries_per_s:,.0f}"}
    for name, value in figures.items():
        grid.metric(name, value, help=helps[name])
    words = f"{measured.num_queries} random queries"
    if measured.precision is not None:
        words += (
            f" · Precision@10 by class: {measured.precision:.3f} "
            f"(exact search: {measured.exact_precision:.3f})"
        )
    st.caption(words)

"""The current index: its lineage, and its recall and latency at any effort."""

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title
from core.datasets.registry import open_dataset
from core.embeddings.config import Precision
from core.index_benchmark.points import Measured
from core.indexes.info import read_info
from core.lineage.graph import Lineage
from pages.parts.components import errors, guards
from pages.parts.components.text import duration, plain, size
from pages.parts.indexes import rebuild, recommend
from state import flush, resources

EFFORTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


def show(index: Manifest, lineage: Lineage) -> None:
    """Draw the current index."""
    title = read_title(resources.workspace().indexes, index.id)
    st.subheader(f"Current index: {plain(title)}")
    _lineage(index, lineage)
    rebuild.offer(index, lineage, "current")
    recommend.result(index)
    if index.made_from["dataset"] not in lineage.datasets:
        return
    with errors.shown(st.warning):
        _figures(index, lineage)
    guards.next_step("Query", "Next: query it")


def _lineage(index: Manifest, lineage: Lineage) -> None:
    """Draw dataset, model, embeddings and index, each with the reason if it is stale."""
    made_from = index.made_from
    has_dataset = made_from["dataset"] in lineage.datasets
    links = [
        ("dataset", made_from["dataset"], "" if has_dataset else "gone"),
        ("model", made_from["model"], _state_of(lineage.model(made_from["model"]), lineage)),
        (
            "embeddings",
            made_from["embeddings"],
            _state_of(lineage.embeddings_of_index(index), lineage),
        ),
        ("index", index.id, lineage.stale_reason(index)),
    ]
    shown = [
        f":gray[{kind}] {plain(name)}" + (f" :orange-badge[{reason}]" if reason else "")
        for kind, name, reason in links
    ]
    st.markdown(" → ".join(shown))
    info = read_info(index)
    facts = [
        info.description,
        f"{index.summary['count']:,} images of {index.summary['dimension']} dimensions",
        f"on the server as {info.collection}"
        if info.size_bytes is None
        else f"{size(info.size_bytes)} on the disk, about as much in memory",
    ]
    if "build_s" in index.summary:
        facts.append(f"built in {duration(index.summary['build_s'])}")
    facts += _encoded(index)
    st.caption(" · ".join(facts))
    _left_out(lineage.embeddings_of_index(index))


def _encoded(index: Manifest) -> list[str]:
    """Return in words how images and queries are embedded, if not by default."""
    encoding = index.summary.get("encoding", {})
    words = {"flip": "mirror images too", "whiten": "whitened"}
    chosen = [text for name, text in words.items() if encoding.get(name)]
    if encoding.get("precision", Precision.FLOAT32) != Precision.FLOAT32:
        chosen.append(f"computed in {encoding['precision']}")
    return chosen + (["only some of the images"] if index.summary.get("images") else [])


def _left_out(embeddings: Manifest | None) -> None:
    """List the images that could not be read."""
    if embeddings is None or not embeddings.summary["num_problems"]:
        return
    problems: dict[str, str] = embeddings.summary["problems"]
    with st.expander(f"{embeddings.summary['num_problems']:,} images could not be read"):
        st.dataframe(
            pd.DataFrame({"image": list(problems), "reason": list(problems.values())}),
            hide_index=True,
            key="indexes-left-out",
        )


def _state_of(artifact: Manifest | None, lineage: Lineage) -> str:
    return "gone" if artifact is None else lineage.stale_reason(artifact)


@st.fragment
@flush.complete()
def _figures(index: Manifest, lineage: Lineage) -> None:
    embeddings = lineage.embeddings_of_index(index)
    if embeddings is None:
        st.caption("Its embeddings are gone, so it cannot be measured. Rebuild it to do that.")
        return
    effort = resources.index(index.id, index.fingerprint).store.effort
    chosen = None
    if effort is not None:
        steps = sorted(
            {*(step for step in EFFORTS if step < effort.most), effort.value, effort.most}
        )
        chosen = st.select_slider(
            f"{effort.name}, how far a search looks; built with {effort.value}",
            steps,
            value=effort.value,
            key=f"indexes-effort-{index.id}",
        )
    dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
    with errors.shown(st.warning):  # A server may become unavailable while the slider is moved
        _metrics(resources.measured(index, embeddings, dataset, chosen))
        if effort is not None and chosen != effort.value:
            rebuild.with_effort(index, embeddings, effort, int(chosen or effort.value))


def _metrics(measured: Measured) -> None:
    exact = "of exact search's nearest images, the share that this index finds"
    grid = st.grid(7, min_column_width=112)
    recall = {f"Recall@{depth}": f"{value:.3f}" for depth, value in measured.recall.items()}
    latency = {f"p{at} ms": f"{value:.3g}" for at, value in measured.latency_ms.items()}
    helps = dict.fromkeys(recall, f"Recall vs. exact search: {exact}. An image never finds itself.")
    helps |= dict.fromkeys(latency, "Milliseconds of one query for 10 images, on one thread.")
    figures = recall | latency | {"Queries/s": f"{measured.queries_per_s:,.0f}"}
    helps["Queries/s"] = "In batches of 100, on all cores."
    for name, value in figures.items():
        grid.metric(name, value, help=helps[name])
    words = f"Measured now, with {measured.num_queries} random images as queries."
    if measured.precision is not None:
        words += (
            f" Of the ten that it finds, **{measured.precision:.1%}** are of the query's class; "
            f"of exact search's ten {measured.exact_precision:.1%}. That is the model's doing, "
            "recall is the index's."
        )
    st.caption(words)

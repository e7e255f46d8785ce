"""Header of every page: pickers of dataset, model and index, and the jobs menu; page titles."""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import jobs_menu, picker
from pages.parts.components.text import plain, shortened
from state import resources, selection_rules, session
from state.session import Selection

MAX_LENGTH = 60
"""Characters of a name in a picker."""


def show(chosen: Selection, lineage: Lineage) -> None:
    """Draw the header."""
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", key="header"
    ):
        _picker("Dataset", list(lineage.datasets), chosen.dataset, str, _choose_dataset)
        models, indexes = _artifacts(chosen, lineage)
        parent = resources.workspace().indexes
        titles = {index.id: read_title(parent, index.id) for index in indexes}
        parents = {model.id: chosen.dataset or "" for model in models}
        parents |= {index.id: index.made_from["model"] for index in indexes}
        reasons = []
        for label, artifacts, current, choose in (
            ("Model", models, chosen.model, _choose_model),
            ("Index", indexes, chosen.index, _choose_index),
        ):
            stale = {each.id: lineage.stale_reason(each) for each in artifacts}
            _picker(label, list(stale), current, _named(titles, stale, parents), choose)
            if reason := stale.get(current or ""):
                reasons.append(f"{label}: {reason}")
        if reasons:
            st.markdown(":orange[:material/warning:]", width="content", help="  \n".join(reasons))
        _damage(lineage)
        jobs_menu.show()


def title(text: str) -> DeltaGenerator:
    """Draw the title of a page; return the place of its actions, on the same line."""
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key="title")
    line.title(text, anchor=False, width="content")
    return line


def _artifacts(chosen: Selection, lineage: Lineage) -> tuple[list[Manifest], list[Manifest]]:
    """Return the models that can embed the dataset, and its indexes, newest first."""
    indexes = lineage.indexes_of(dataset=chosen.dataset) if chosen.dataset else []
    used = {index.made_from["model"] for index in indexes} | {chosen.model}
    own = {model.id for model in [*lineage.models_of(chosen.dataset), *lineage.imported]}
    return [model for model in lineage.models if model.id in used | own], indexes


def _named(
    titles: dict[str, str], stale: dict[str, str], parents: dict[str, str]
) -> Callable[[str], str]:
    """Return how an artifact is called beside the one that it was made from (`parents`)."""

    def name(artifact_id: str) -> str:
        title = titles.get(artifact_id, artifact_id)
        start = f"{parents[artifact_id]}-"
        text = shortened(title.removeprefix(start) or title, MAX_LENGTH)
        return f"{text} (stale)" if stale[artifact_id] else text

    return name


def _picker(
    label: str,
    options: Sequence[str],
    current: str | None,
    name: Callable[[str], str],
    choose: Callable[[str], None],
) -> None:
    """Draw the choice of what all pages work with."""
    picker.pick(
        label,
        options,
        current,
        key=f"header-{label.lower()}",
        name=name,
        choose=choose,
        placeholder=f"No {label.lower()}" if not options else f"Select {label.lower()}",
        disabled=not options,
    )


def _choose_dataset(name: str) -> None:
    lineage = read_lineage(resources.workspace())
    selection_rules.choose_dataset(session.selection(), name, lineage)


def _choose_model(model_id: str) -> None:
    session.selection().model = model_id


def _choose_index(index_id: str) -> None:
    lineage = read_lineage(resources.workspace())
    selection_rules.choose_index(session.selection(), index_id, lineage)


def _damage(lineage: Lineage) -> None:
    """Draw what of the workspace cannot be read."""
    if lineage.damaged:
        with st.popover(f":orange[{len(lineage.damaged)}]", icon=":material/broken_image:"):
            for sentence in lineage.damaged:
                st.markdown(plain(sentence))

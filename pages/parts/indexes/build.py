"""Form that builds an index."""

from typing import NoReturn

import streamlit as st

from core.commands.indexes import BUILD_INDEX
from core.indexes.config import IndexConfig
from core.lineage.graph import Lineage
from core.options import as_arguments
from pages.parts.components.launch import launch
from pages.parts.indexes import kinds
from pages.parts.indexes.source import choose as choose_source

BUILD = ":material/play_arrow:"


def form(dataset: str, lineage: Lineage) -> None:
    """Draw the form that builds an index, after embedding missing images."""
    config = kinds.choose("indexes")
    source = choose_source(dataset, lineage)
    if config is None or source.engine is None:
        return
    if st.button("Build index", key="indexes-build", type="primary", icon=BUILD):
        start(source.arguments, config, source.dataset, source.model)


def start(arguments: list[str], config: IndexConfig, dataset: str, model: str) -> NoReturn:
    """Queue the job that builds an index of the embeddings that the arguments name."""
    title = BUILD_INDEX.title_of(["--dataset", dataset, "--model", model])
    launch(BUILD_INDEX, [*arguments, *as_arguments(config)], dataset=dataset, title=title)

"""Evaluations and their comparisons, cached for all tabs."""

from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.manifests import Manifest
from core.evaluation.files import protocol_of
from core.lineage.graph import Lineage
from state import resources
from state.cache_keys import BY_CONTENT
from state.session import Selection

if TYPE_CHECKING:
    from core.evaluation.comparison import Comparison
    from core.evaluation.files import Evaluation

REPLICATES = 1000
"""Bootstrap samples of a difference."""


def current(chosen: Selection, lineage: Lineage) -> Manifest | None:
    """Return the chosen evaluation, else one of the index, else the newest, baselines last."""
    evaluations = lineage.evaluations_of(chosen.dataset)
    by_id = {manifest.id: manifest for manifest in evaluations}
    if chosen.evaluation in by_id:
        return by_id[chosen.evaluation]
    of_index = [m for m in evaluations if chosen.index and m.made_from.get("index") == chosen.index]
    of_models = [m for m in evaluations if "baseline" not in m.summary]
    return next(iter([*of_index, *of_models, *evaluations]), None)


def comparable(evaluation: Manifest, lineage: Lineage) -> list[Manifest]:
    """Return the other evaluations by the same protocol and of the same state of the dataset."""
    options = protocol_of(evaluation)
    others = lineage.evaluations_of(evaluation.made_from["dataset"])
    return [m for m in others if m.id != evaluation.id and protocol_of(m) == options]


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=BY_CONTENT)
def opened(manifest: Manifest) -> "Evaluation":
    """Return an evaluation with its tables.

    Raises:
        MissingError: It was deleted.
        DamagedArtifactError: One of its files was changed.
    """
    from core.evaluation.files import open_evaluation

    return open_evaluation(resources.workspace(), manifest.id)


@st.cache_resource(max_entries=12, show_spinner="Comparing queries…", hash_funcs=BY_CONTENT)
def compared(first: Manifest, second: Manifest) -> "Comparison":
    """Return the comparison of a second evaluation with a first.

    Raises:
        DamagedArtifactError: A file of either was changed.
        WorkbenchError: They have no common query or measure.
    """
    from core.evaluation.comparison import compare

    return compare(opened(first), opened(second), REPLICATES, seed=0)

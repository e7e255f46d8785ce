"""Evaluations and their comparisons, cached for all tabs."""

from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.evaluation.files import protocol_of
from core.lineage.graph import Lineage
from state import resources
from state.session import Selection

if TYPE_CHECKING:
    from core.evaluation.comparison import Comparison
    from core.evaluation.files import Evaluation

REPLICATES = 1000
"""Bootstrap samples of a difference."""


def current(chosen: Selection, lineage: Lineage) -> Manifest | None:
    """Return the chosen evaluation, else the newest that is not a baseline, else the newest."""
    evaluations = lineage.evaluations_of(chosen.dataset)
    by_id = {manifest.id: manifest for manifest in evaluations}
    if chosen.evaluation in by_id:
        return by_id[chosen.evaluation]
    of_models = (m for m in evaluations if "baseline" not in m.summary)
    return next(of_models, next(iter(evaluations), None))


def comparable(evaluation: Manifest, lineage: Lineage) -> list[Manifest]:
    """Return the other evaluations by the same protocol and of the same state of the dataset."""
    options = protocol_of(evaluation)
    others = lineage.evaluations_of(evaluation.made_from["dataset"])
    return [m for m in others if m.id != evaluation.id and protocol_of(m) == options]


def opened(manifest: Manifest) -> "Evaluation":
    """Return an evaluation with its tables.

    Raises:
        MissingError: It was deleted.
        DamagedArtifactError: One of its files was changed.
    """
    return _opened(manifest.id, manifest.fingerprint)


def compared(first: Manifest, second: Manifest) -> "Comparison":
    """Return the comparison of a second evaluation with a first.

    Raises:
        DamagedArtifactError: A file of either was changed.
        WorkbenchError: They have no common query or measure.
    """
    return _compared(first.id, first.fingerprint, second.id, second.fingerprint)


def delete(manifest: Manifest) -> None:
    """Delete an evaluation."""
    delete_artifact(resources.workspace().evaluations, manifest.id)


@st.cache_resource(max_entries=12, show_spinner="Opening the evaluation…")
def _opened(evaluation_id: str, fingerprint: str) -> "Evaluation":
    del fingerprint
    from core.evaluation.files import open_evaluation

    return open_evaluation(resources.workspace(), evaluation_id)


@st.cache_resource(max_entries=12, show_spinner="Comparing query by query…")
def _compared(
    first_id: str, first_fingerprint: str, second_id: str, second_fingerprint: str
) -> "Comparison":
    from core.evaluation.comparison import compare

    first, second = _opened(first_id, first_fingerprint), _opened(second_id, second_fingerprint)
    return compare(first, second, REPLICATES, seed=0)

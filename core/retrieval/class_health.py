"""How well each class of a dataset can be retrieved, by its newest evaluation."""

from dataclasses import dataclass

import pandas as pd

from core.artifacts import Manifest, list_artifacts, open_artifact
from core.retrieval.config import CATEGORIES
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ClassHealth:
    """An evaluation's row for each category."""

    evaluation: Manifest

    classes: pd.DataFrame
    """Columns label, num_queries, the measures of `core.metrics`, and most_confused."""


def newest_evaluation(workspace: Workspace, dataset: str) -> Manifest | None:
    """Return the evaluation of a dataset that was made last, if there is one."""
    made = list_artifacts(workspace.evaluations)[0]
    return next((m for m in made if m.made_from["dataset"] == dataset), None)


def read_class_health(workspace: Workspace, evaluation_id: str) -> ClassHealth:
    """Read the categories of an evaluation.

    Raises:
        MissingError: There is no such evaluation.
        DamagedArtifactError: It was edited.
    """
    evaluation = open_artifact(workspace.evaluations, evaluation_id)
    path = workspace.evaluations / evaluation_id / CATEGORIES
    # A class may be called “NA”, or 101
    text = {"label": str, "most_confused": str}
    return ClassHealth(evaluation, pd.read_csv(path, dtype=text, keep_default_na=False))

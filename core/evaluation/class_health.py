"""How well each class of a dataset can be retrieved, by an evaluation."""

import pandas as pd

from core.artifacts.folders import open_artifact
from core.evaluation.config import CLASSES
from core.workspace import Workspace


def read_class_health(workspace: Workspace, evaluation_id: str) -> pd.DataFrame:
    """Read the categories of an evaluation.

    Returns:
        Columns label, num_queries, the measures of `core.metrics`, and most_confused.

    Raises:
        MissingError: There is no such evaluation.
        DamagedArtifactError: It was edited.
    """
    open_artifact(workspace.evaluations, evaluation_id)
    path = workspace.evaluations / evaluation_id / CLASSES
    # A class may be called “NA”, or 101
    text = {"label": str, "most_confused": str}
    return pd.read_csv(path, dtype=text, keep_default_na=False)

"""Evaluations on disk: opened for looking at, and what can be compared with what."""

from dataclasses import dataclass

import pandas as pd

from core.artifacts.folders import open_artifact
from core.artifacts.manifests import Manifest
from core.errors import DamagedArtifactError
from core.evaluation.config import CLASSES, CONFUSION, QUERIES, Gallery
from core.workspace import Workspace

TEXT = dict.fromkeys(("path", "label", "found", "most_confused", "classified_as", "matches"), str)
"""Columns that are text whatever is in them: a class may be called “NA”, or 101."""

FACTS = {"image_id", "path", "label", "num_relevant", "classified_as", "matches"}
"""Columns of the queries that are no measure."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation, read."""

    manifest: Manifest
    queries: pd.DataFrame
    """A row a query: image_id, path, label, measures, and `matches`, ids with spaces between."""

    classes: pd.DataFrame
    """A row a class: label, num_queries, measures, most_confused."""

    confusion: pd.DataFrame
    """A row for each pair of label and found: count, over 10 ranks. Empty in evaluations from
    before it was kept."""

    @property
    def measures(self) -> list[str]:
        """The measures that each query has."""
        return [name for name in self.queries.columns if name not in FACTS]

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return the 95 % interval of a mean; None where none was computed."""
        return interval_of(self.manifest, name)


def open_evaluation(workspace: Workspace, evaluation_id: str) -> Evaluation:
    """Read an evaluation, after checking its checksums.

    Raises:
        MissingError: There is no such evaluation.
        DamagedArtifactError: A file of it was changed, or is no table.
    """
    manifest = open_artifact(workspace.evaluations, evaluation_id)
    folder = workspace.evaluations / evaluation_id

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / name, dtype=TEXT, keep_default_na=False)

    try:
        queries, classes = read(QUERIES), read(CLASSES)
        pairs = pd.DataFrame({"label": [], "found": [], "count": []})
        confusion = read(CONFUSION) if CONFUSION in manifest.files else pairs
    except (ValueError, OSError) as error:
        raise DamagedArtifactError(
            f"The tables of the evaluation “{evaluation_id}” cannot be read.",
            "Delete that folder and evaluate again.",
        ) from error
    return Evaluation(manifest, queries, classes, confusion)


def interval_of(manifest: Manifest, name: str) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean; None where none was computed."""
    found = manifest.summary.get("intervals", {}).get(name)
    return (float(found[0]), float(found[1])) if found else None


def measured_of(manifest: Manifest) -> str:
    """Return the id of what was evaluated, an index or embeddings, or a baseline's name."""
    made_from = manifest.made_from
    found: str = (
        made_from.get("index") or made_from.get("embeddings") or manifest.summary["baseline"]
    )
    return found


def protocol_of(manifest: Manifest) -> tuple[str, ...]:
    """Return what two evaluations must share to be compared: images, classes, splits, gallery."""
    config, made_from = manifest.config, manifest.made_from
    return (
        made_from["dataset"],
        made_from["dataset_fingerprint"],
        str(config["queries"]),
        str(config.get("gallery", Gallery.TRAIN)),
    )

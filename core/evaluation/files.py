"""Evaluations on disk: reading them, and the facts of their manifests."""

from dataclasses import dataclass

import pandas as pd

from core.artifacts.folders import open_artifact
from core.artifacts.manifests import Manifest
from core.errors import DamagedArtifactError
from core.evaluation.config import CLASSES, CONFUSION, QUERIES, Gallery
from core.workspace import Workspace

OLD_COLUMNS = {"found": "retrieved"}
"""Column in evaluations of release 0.1.0 → its name now."""

TEXT = dict.fromkeys(
    ("path", "label", "retrieved", "most_confused", "classified_as", "matches", *OLD_COLUMNS), str
)
"""Text columns, read as such: a class may be named “NA” or 101."""

FACTS = {"image_id", "path", "label", "num_relevant", "classified_as", "matches"}
"""Columns of the queries that are not measures."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation, read from disk."""

    manifest: Manifest
    queries: pd.DataFrame
    """A row a query: image_id, path, label, measures, and `matches`, ids separated by spaces."""

    classes: pd.DataFrame
    """A row a class: label, num_queries, measures, most_confused."""

    confusion: pd.DataFrame
    """A row a pair of query class (label) and class of a result (retrieved): count over 10 ranks.
    Empty in evaluations of early versions."""

    @property
    def measures(self) -> list[str]:
        """Names of the measures of each query."""
        return [name for name in self.queries.columns if name not in FACTS]

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return the 95 % CI of an average; None if it was not computed."""
        return interval_of(self.manifest, name)


def open_evaluation(workspace: Workspace, evaluation_id: str) -> Evaluation:
    """Read an evaluation after verifying its checksums.

    Raises:
        MissingError: The evaluation does not exist.
        DamagedArtifactError: One of its files was changed, or is not a table.
    """
    manifest = open_artifact(workspace.evaluations, evaluation_id)
    folder = workspace.evaluations / evaluation_id

    def read(name: str) -> pd.DataFrame:
        table = pd.read_csv(folder / name, dtype=TEXT, keep_default_na=False)
        return table.rename(columns=OLD_COLUMNS)

    try:
        queries, classes = read(QUERIES), read(CLASSES)
        pairs = pd.DataFrame({"label": [], "retrieved": [], "count": []})
        confusion = read(CONFUSION) if CONFUSION in manifest.files else pairs
    except (ValueError, OSError) as error:
        raise DamagedArtifactError(
            f"The tables of the evaluation “{evaluation_id}” cannot be read.",
            "Delete that folder and evaluate again.",
        ) from error
    return Evaluation(manifest, queries, classes, confusion)


def interval_of(manifest: Manifest, name: str) -> tuple[float, float] | None:
    """Return the 95 % CI of an average; None if it was not computed."""
    interval = manifest.summary.get("intervals", {}).get(name)
    return (float(interval[0]), float(interval[1])) if interval else None


def system_name(manifest: Manifest) -> str:
    """Return the name of the baseline, or the id of the index or embeddings, that was evaluated."""
    made_from, summary = manifest.made_from, manifest.summary
    name: str = summary.get("baseline") or made_from.get("index") or made_from["embeddings"]
    return name


def protocol_of(manifest: Manifest) -> tuple[str, ...]:
    """Return what two comparable evaluations have in common: dataset, its state, and splits."""
    config, made_from = manifest.config, manifest.made_from
    return (
        made_from["dataset"],
        made_from["dataset_fingerprint"],
        str(config["queries"]),
        str(config.get("gallery", Gallery.TRAIN)),
    )

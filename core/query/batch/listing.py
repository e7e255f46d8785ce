"""The batch queries of a workspace: listing and deleting their tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.artifacts.folders import delete_artifact, list_artifacts
from core.artifacts.manifests import Manifest
from core.query.batch.config import BatchFormat
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A finished batch query."""

    id: str
    """Its folder's name: index, date, and whether it was stopped."""

    index: str
    """Id of the index that was searched."""

    source: str
    """Name of the folder or zip of query images."""

    dataset: str
    """Name of the dataset that was searched."""

    format: BatchFormat
    path: Path
    """The table; see `batch_table` for its columns."""

    created: str
    """ISO 8601, UTC."""

    k: int
    """Number of matches of each query."""

    num_queries: int
    """Rows of the table."""

    num_searched: int
    """Queries with a prediction and matches."""

    num_unreadable: int
    """Queries that could not be read; their rows give the reason."""

    stopped: bool
    """Whether it was stopped before the last query; the remaining rows say so."""

    size_bytes: int

    @property
    def file_name(self) -> str:
        """Name of the table as a download."""
        return f"{self.id}.{self.format}"


def list_batches(workspace: Workspace, dataset: str) -> Sequence[Batch]:
    """Return the batch queries of a dataset, newest first."""
    manifests, _ = list_artifacts(workspace.batches)
    return [
        describe_batch(workspace, manifest)
        for manifest in manifests
        if manifest.made_from["dataset"] == dataset
    ]


def describe_batch(workspace: Workspace, manifest: Manifest) -> Batch:
    """Return a batch query by its manifest."""
    summary, form = manifest.summary, BatchFormat(manifest.config["format"])
    return Batch(
        id=manifest.id,
        index=manifest.made_from["index"],
        source=summary["source"],
        dataset=manifest.made_from["dataset"],
        format=form,
        path=workspace.batches / manifest.id / table_name(form),
        created=manifest.created,
        k=manifest.config["k"],
        num_queries=summary["num_queries"],
        num_searched=summary["num_searched"],
        num_unreadable=summary["num_unreadable"],
        stopped=summary["stopped"],
        size_bytes=summary["size_bytes"],
    )


def table_name(form: BatchFormat) -> str:
    """Return the name of the table in its folder."""
    return f"results.{form}"


def delete_batch(workspace: Workspace, batch_id: str) -> None:
    """Delete a batch query's table; the query images are not touched.

    Raises:
        MissingError: There is no such batch query.
    """
    delete_artifact(workspace.batches, batch_id)

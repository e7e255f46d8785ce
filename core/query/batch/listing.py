"""The tables of answers in a workspace: which there are, and deleting them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.artifacts.folders import delete_artifact, list_artifacts
from core.artifacts.manifests import Manifest
from core.query.batch.config import BatchFormat
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What came of many queries."""

    id: str
    """Its folder's name: index, date, and whether it was stopped."""

    index: str
    """Id of the index that was searched."""

    source: str
    """What the folder or zip of queries is called."""

    dataset: str
    """Whose images that index holds."""

    format: BatchFormat
    path: Path
    """The table; see `batch_table` for its columns."""

    created: str
    """ISO 8601, UTC."""

    k: int
    """Matches that were asked for."""

    num_queries: int
    """Rows of the table."""

    num_answered: int
    """Queries with a prediction and matches."""

    num_unreadable: int
    """Queries that are no images, or damaged ones; their rows say why."""

    stopped: bool
    """Whether somebody stopped it before the last query; the rows of the rest say so."""

    size_bytes: int

    @property
    def file_name(self) -> str:
        """What to call the table elsewhere."""
        return f"{self.id}.{self.format}"


def list_batches(workspace: Workspace, dataset: str) -> Sequence[Batch]:
    """Return the tables of queries against a dataset's images, newest first."""
    manifests, _ = list_artifacts(workspace.batches)
    return [
        describe_batch(workspace, manifest)
        for manifest in manifests
        if manifest.made_from["dataset"] == dataset
    ]


def describe_batch(workspace: Workspace, manifest: Manifest) -> Batch:
    """Return what a manifest says of a table."""
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
        num_answered=summary["num_answered"],
        num_unreadable=summary["num_unreadable"],
        stopped=summary["stopped"],
        size_bytes=summary["size_bytes"],
    )


def table_name(form: BatchFormat) -> str:
    """Return what the table is called in its folder."""
    return f"answers.{form}"


def delete_batch(workspace: Workspace, batch_id: str) -> None:
    """Remove a table; the images that were searched by are not touched.

    Raises:
        MissingError: There is no such table.
    """
    delete_artifact(workspace.batches, batch_id)

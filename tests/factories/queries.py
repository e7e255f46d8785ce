"""Queries by a file, and results made by hand."""

from collections.abc import Sequence
from pathlib import Path

from core.artifacts.manifests import Manifest
from core.query import (
    ImageSource,
    Match,
    OpenedIndex,
    Query,
    QueryImage,
    QueryResult,
    SearchOptions,
    open_for_search,
    search,
)
from core.workspace import Workspace


def source_of(path: Path) -> ImageSource:
    """Return an image file as the content of a query image."""
    return ImageSource(path.name, path, str(path))


def search_by_file(
    opened: OpenedIndex, path: Path, options: SearchOptions, image_id: int | None = None
) -> QueryResult:
    """Search an index by an image file, as an upload or as the image of that id."""
    query = Query(images=(QueryImage(image_id=image_id),), options=options)
    return search(opened, query, [source_of(path)])


def search_workspace(
    workspace: Workspace, index_id: str, path: Path, options: SearchOptions
) -> QueryResult:
    """Open an index and search it by an image file, as the command does."""
    return search_by_file(open_for_search(workspace, index_id), path, options)


def result_of(
    index: Manifest,
    matches: Sequence[Match],
    *,
    name: str,
    query: Query | None = None,
    prediction: Sequence[tuple[str, float]] = (),
) -> QueryResult:
    """Return a result with these matches."""
    return QueryResult(
        query=query or Query(),
        name=name,
        index=index,
        prediction=list(prediction),
        vote=[],
        matches=list(matches),
        out_of_distribution=None,
        seconds={},
        batch_size=0,
    )

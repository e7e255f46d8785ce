"""Batch query: search by many images and write one table, complete or not at all."""

import json
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.artifacts.folders import draft, publish
from core.datasets.export.listing import Record, Write
from core.datasets.layout import readable
from core.errors import WorkbenchError
from core.progress import Progress, Stop, Work, format_rate
from core.query.batch.config import BatchConfig
from core.query.batch.listing import Batch, describe_batch, table_name
from core.query.batch.rows import rows_of
from core.query.batch.sources import BatchImages, find_images
from core.query.batch.table import batch_table, failed_row, rows_at_once
from core.query.opened import open_with_encoder
from core.workspace import Workspace

MAX_INDEX_LENGTH = 48
"""Characters of the index's id in a table's id, which has at most 80."""

NOT_REACHED = "Not searched: the batch was stopped before it."
"""The problem of a query that was not reached before a stop."""


def query_batch(workspace: Workspace, source: Path, config: BatchConfig) -> Work[Batch]:
    """Classify each image of a folder or a zip, and find the most similar ones, into a table.

    There is a row for each query, in the order of their paths; images that could not be unpacked
    are last. The row of an image that cannot be read gives the reason. An indexed image finds
    itself, like any other; the column `copy_of` names a match with the same bytes.

    When `Stop` is thrown in, the rows so far are published; the remaining rows say that they were
    not searched.

    Returns:
        The table in the workspace's exports, and what is in it.

    Raises:
        MissingError: The index, its model or its dataset was deleted, or there is no such source.
        WorkbenchError: The source has no images, or none that can be read; the zip cannot be
            used; or the index was made with another model.
    """
    yield Progress(0, 0, "opening the model")
    opened, encoder = open_with_encoder(workspace, config.index)
    made_from = opened.index.manifest.as_source
    with draft(workspace.batches) as unpacked, draft(workspace.batches) as folder:
        yield Progress(0, 0, "looking for images")
        images = yield from find_images(source, unpacked / "images")
        facts = {"results_of": json.dumps({**asdict(config), "made_from": made_from})}
        path = folder / table_name(config.format)
        with batch_table(path, config.format, facts) as write:
            rows = rows_of(opened, encoder, images, config.k)
            tally = yield from _write_rows(rows, images, write, rows_at_once(config.k))
        stopped = "-stopped" if tally.num_left else ""
        manifest = publish(
            folder,
            kind="batch",
            stem=f"{config.index[:MAX_INDEX_LENGTH]}-{datetime.now(UTC):%Y%m%d}-queries{stopped}",
            config=asdict(config),
            made_from=made_from,
            summary=_summary(tally, source, path),
        )
    return describe_batch(workspace, manifest)


@dataclass(slots=True)
class _Tally:
    """Counts of the rows so far."""

    num_searched: int = 0
    num_unreadable: int = 0
    num_left: int = 0
    """Queries that were not reached before a stop."""

    first_problem: str = ""
    """The problem of the first query that could not be read."""

    @property
    def num_queries(self) -> int:
        """Number of queries, with a result or without."""
        return self.num_searched + self.num_unreadable + self.num_left

    def add(self, rows: Sequence[Record]) -> None:
        for row in rows:
            if row["problem"] is None:
                self.num_searched += 1
                continue
            self.num_unreadable += 1
            self.first_problem = self.first_problem or f"{row['query'][:80]}: {row['problem']}"


def _write_rows(
    coming: Generator[list[Record], None, None], images: BatchImages, write: Write, at_once: int
) -> Work[_Tally]:
    """Write a row for each query.

    Raises:
        WorkbenchError: None of them can be read.
        Stop: It was thrown in before the first result.
    """
    tally = _Tally()
    held: list[Record] = []
    started = time.perf_counter()
    try:
        for rows in coming:
            tally.add(rows)
            held += rows
            if len(held) >= at_once:
                write(held)
                held.clear()
            speed = format_rate(tally.num_queries / (time.perf_counter() - started))
            note = f"searching, {speed} images a second"
            yield Progress(tally.num_queries, len(images.names), note)
    except Stop:
        if not tally.num_searched:
            raise
        tally.num_left = len(images.names) - tally.num_queries
    finally:
        coming.close()
    write(held)
    _write_rest(images, tally, write, at_once)
    if not tally.num_searched:
        raise WorkbenchError(
            f"None of the {images.count:,} images can be read.",
            f"The first is {tally.first_problem}",
        )
    return tally


def _write_rest(images: BatchImages, tally: _Tally, write: Write, at_once: int) -> None:
    """Write the rows of the images that a stop has left, and of the rejected ones."""
    left = images.names[len(images.names) - tally.num_left :]
    for start in range(0, len(left), at_once):
        names = left[start : start + at_once]
        write([failed_row(readable(name), NOT_REACHED) for name in names])
    rejected = [failed_row(image.path, image.problem) for image in images.rejected]
    tally.add(rejected)
    write(rejected)


def _summary(tally: _Tally, source: Path, table: Path) -> dict[str, Any]:
    return {
        "source": readable(source.name or str(source)),
        "num_queries": tally.num_queries,
        "num_searched": tally.num_searched,
        "num_unreadable": tally.num_unreadable,
        "stopped": tally.num_left > 0,
        "size_bytes": table.stat().st_size,
    }

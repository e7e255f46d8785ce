"""Answering many queries at once, into one table: complete or not at all.

Which images they are is the business of `batch_queries.py`, what their rows say that of
`batch_answers.py`, and what the table looks like that of `batch_table.py`.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.export.table import Record, Write
from core.datasets.layout import readable
from core.datasets.registry import open_dataset
from core.embeddings.encoding import Encoder
from core.errors import WorkbenchError
from core.indexes.files import open_index
from core.models.model import load_model
from core.progress import Progress, Stop, Work, pace
from core.query.batch.config import BatchConfig
from core.query.batch.listing import Batch, describe_batch, table_name
from core.query.batch.rows import Answerer
from core.query.batch.sources import Queries, find_queries
from core.query.batch.table import batch_table, rows_at_once, unanswered
from core.query.query import check_model
from core.workspace import Workspace

MAX_INDEX_LENGTH = 48
"""Characters of an index's id in that of a table, which has 80 with date, words and number."""

NOT_REACHED = "Not searched: the batch was stopped before it."
"""The problem of a query that a stop left without an answer."""


def query_batch(workspace: Workspace, source: Path, config: BatchConfig) -> Work[Batch]:
    """Classify each image of a folder or a zip, and find those most like it, into a table.

    A row a query, in the order of their paths; what did not come out of a zip is last. An image
    that cannot be read has a row with its problem. One that is indexed finds itself, as any other
    does; where the bytes are the same, the row says so.

    Thrown `Stop`, it keeps what is answered; the rows of the rest say that they are not.

    Returns:
        Where in the workspace's exports the table is, and what is in it.

    Raises:
        MissingError: The index, its model or its dataset is gone, or there is no such source.
        WorkbenchError: The source holds no images, or none that can be read; the zip cannot be
            used; or the index was made with another model.
    """
    yield Progress(0, 0, "opening the model")
    index = open_index(workspace, config.index)
    dataset = open_dataset(workspace, index.dataset)
    model = load_model(workspace, index.model)
    check_model(index, model.manifest)
    answerer = Answerer(index, dataset, Encoder(model, index.encoding), config.k)
    made_from = _made_from(index.manifest)
    with draft(workspace.batches) as unpacked, draft(workspace.batches) as folder:
        yield Progress(0, 0, "looking for images")
        queries = yield from find_queries(source, unpacked / "images")
        told = {"answers_to": json.dumps({**asdict(config), "made_from": made_from})}
        path = folder / table_name(config.format)
        with batch_table(path, config.format, told) as write:
            tally = yield from _write_answers(answerer, queries, write)
        facts = _facts(tally, source, path)
        return _publish(workspace, folder, facts, config, made_from)


@dataclass(slots=True)
class _Tally:
    """What the rows say so far."""

    num_answered: int = 0
    num_unreadable: int = 0
    num_left: int = 0
    """Queries that a stop left without an answer."""

    first_problem: str = ""
    """Of the first query that could not be read."""

    @property
    def num_queries(self) -> int:
        """How many there were, answered or not."""
        return self.num_answered + self.num_unreadable + self.num_left

    def add(self, rows: Sequence[Record]) -> None:
        for row in rows:
            if row["problem"] is None:
                self.num_answered += 1
                continue
            self.num_unreadable += 1
            self.first_problem = self.first_problem or f"{row['query'][:80]}: {row['problem']}"


def _write_answers(answerer: Answerer, queries: Queries, write: Write) -> Work[_Tally]:
    """Write a row for each query.

    Raises:
        WorkbenchError: None of them can be read.
        Stop: It was asked for before one was answered.
    """
    tally, at_once = _Tally(), rows_at_once(answerer.k)
    held: list[Record] = []
    started = time.perf_counter()
    coming = answerer.rows_of(queries)
    try:
        for rows in coming:
            tally.add(rows)
            held += rows
            if len(held) >= at_once:
                write(held)
                held.clear()
            speed = pace(tally.num_queries / (time.perf_counter() - started))
            note = f"searching, {speed} images a second"
            yield Progress(tally.num_queries, len(queries.names), note)
    except Stop:
        if not tally.num_answered:
            raise
        tally.num_left = len(queries.names) - tally.num_queries
    finally:
        coming.close()
    write(held)
    _write_rest(queries, tally, write, at_once)
    if not tally.num_answered:
        raise WorkbenchError(
            f"None of the {queries.count:,} images can be read.",
            f"The first is {tally.first_problem}",
        )
    return tally


def _write_rest(queries: Queries, tally: _Tally, write: Write, at_once: int) -> None:
    """Write the rows of the queries that a stop has left, and of those that were refused."""
    left = queries.names[len(queries.names) - tally.num_left :]
    for start in range(0, len(left), at_once):
        names = left[start : start + at_once]
        write([unanswered(readable(name), NOT_REACHED) for name in names])
    rejected = [unanswered(image.path, image.problem) for image in queries.rejected]
    tally.add(rejected)
    write(rejected)


def _made_from(index: Manifest) -> dict[str, str]:
    """Return what a table was made from: the index, and what that was made from."""
    return index.made_from | {"index": index.id, "index_fingerprint": index.fingerprint}


def _facts(tally: _Tally, source: Path, table: Path) -> dict[str, Any]:
    return {
        "source": readable(source.name or str(source)),
        "num_queries": tally.num_queries,
        "num_answered": tally.num_answered,
        "num_unreadable": tally.num_unreadable,
        "stopped": tally.num_left > 0,
        "size_bytes": table.stat().st_size,
    }


def _publish(
    workspace: Workspace,
    folder: Path,
    facts: dict[str, Any],
    config: BatchConfig,
    made_from: dict[str, str],
) -> Batch:
    words = "-stopped" if facts["stopped"] else ""
    manifest = publish(
        folder,
        kind="batch",
        stem=f"{config.index[:MAX_INDEX_LENGTH]}-{datetime.now(UTC):%Y%m%d}-queries{words}",
        config=asdict(config),
        made_from=made_from,
        summary=facts,
    )
    return describe_batch(workspace, manifest)

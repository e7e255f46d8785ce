"""Answering many queries at once, into one table: complete or not at all.

Which images they are is the business of `batch_queries.py`, what the table looks like that of
`batch_table.py`.
"""

import json
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.artifacts import Manifest, draft, publish
from core.datasets.catalog import ImageRow
from core.datasets.export_table import Record, Write
from core.datasets.layout import readable
from core.datasets.registry import Dataset, open_dataset
from core.embedder.batches import Batch as Decoded
from core.embedder.batches import decode_batches
from core.embedder.models import load_model
from core.errors import WorkbenchError
from core.files import sha256_of
from core.progress import Progress, Stop, Work
from core.retrieval.batch_config import BatchConfig
from core.retrieval.batch_queries import Queries, find_queries
from core.retrieval.batch_table import batch_table, rows_at_once, unanswered
from core.retrieval.batches import Batch, describe_batch, table_name
from core.retrieval.query import require_own_model
from core.vectors.embedding import BATCH_SIZE
from core.vectors.encoding import Encoder
from core.vectors.indexes import Index, open_index
from core.workspace import Workspace

LONGEST_INDEX = 48
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
    require_own_model(model, index)
    answerer = _Answerer(index, dataset, Encoder(model, index.encoding), config.k)
    made_from = _made_from(index.manifest)
    with draft(workspace.batches) as unpacked, draft(workspace.batches) as folder:
        yield Progress(0, 0, "looking for images")
        queries = yield from find_queries(source, unpacked / "images")
        facts = {"answers_to": json.dumps({**asdict(config), "made_from": made_from})}
        path = folder / table_name(config.format)
        with batch_table(path, config.format, facts) as write:
            tally = yield from _write_answers(answerer, queries, write)
        return _publish(workspace, path, tally, config, made_from)


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
        return self.num_answered + self.num_unreadable + self.num_left

    def add(self, rows: Sequence[Record]) -> None:
        for row in rows:
            if row["problem"] is None:
                self.num_answered += 1
                continue
            self.num_unreadable += 1
            self.first_problem = self.first_problem or f"{row['query'][:80]}: {row['problem']}"


@dataclass(frozen=True, slots=True)
class _Answerer:
    """All that it takes to answer queries."""

    index: Index
    dataset: Dataset
    encoder: Encoder
    k: int

    def rows_of(self, queries: Queries) -> Generator[list[Record], None, None]:
        """Yield the rows of the files, some at a time, in their order."""
        side = self.encoder.model.config.image_size
        for names in queries.stretches():
            paths = [queries.root / name for name in names]
            for decoded in decode_batches(paths, side, BATCH_SIZE):
                yield self._rows(decoded, names, paths)

    def _rows(self, decoded: Decoded, names: Sequence[str], paths: Sequence[Path]) -> list[Record]:
        rows = {
            at: unanswered(readable(names[at]), problem) for at, problem in decoded.problems.items()
        }
        if len(decoded.positions):
            for at, answered in zip(decoded.positions.tolist(), self._ask(decoded), strict=True):
                same = _copy_of(paths[at], answered.pop("images"))
                rows[at] = {"query": readable(names[at]), "copy_of": same, **answered}
        return [rows[at] for at in sorted(rows)]

    def _ask(self, decoded: Decoded) -> Iterator[Record]:
        """Yield what the model and the index say of each decoded query."""
        embeddings, probabilities = self.encoder.embed(decoded.pixels)
        found = self.index.store.search(embeddings, self.k)
        ids = {image_id for matches in found for image_id in matches.image_ids.tolist()}
        known = self.dataset.catalog.rows_by_id(ids)
        classes = self.encoder.model.classes
        for shares, matches in zip(probabilities, found, strict=True):
            best = int(np.argmax(shares)) if classes else None
            images = [known.get(image_id) for image_id in matches.image_ids.tolist()]
            yield {
                "problem": None,
                "prediction": None if best is None else classes[best],
                "probability": None if best is None else _shortest(shares[best]),
                "match_ids": matches.image_ids.tolist(),
                "match_paths": [image and image.path for image in images],
                "match_labels": [image and image.label for image in images],
                "similarities": [_shortest(value) for value in matches.similarities],
                "images": images,
            }


def _shortest(value: np.float32) -> float:
    """Return the number of the fewest digits that is this one as float32."""
    return float(str(value))


def _copy_of(path: Path, images: Sequence[ImageRow | None]) -> int | None:
    """Return which of some images, first to last, has the very same bytes as a file."""
    try:
        size_bytes = path.stat().st_size
        alike = [image for image in images if image and image.size_bytes == size_bytes]
        sha256 = sha256_of(path) if alike else ""
    except OSError:  # It vanished after it was decoded
        return None
    return next((image.id for image in alike if image.sha256 == sha256), None)


def _write_answers(answerer: _Answerer, queries: Queries, write: Write) -> Work[_Tally]:
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
            pace = tally.num_queries / (time.perf_counter() - started)
            note = f"searching, {pace:.3g} images a second"
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
    refused = [unanswered(image.path, image.problem) for image in queries.refused]
    tally.add(refused)
    write(refused)


def _made_from(index: Manifest) -> dict[str, str]:
    """Return what a table was made from: the index, and what that was made from."""
    return index.made_from | {"index": index.id, "index_fingerprint": index.fingerprint}


def _publish(
    workspace: Workspace,
    path: Path,
    tally: _Tally,
    config: BatchConfig,
    made_from: dict[str, str],
) -> Batch:
    words = "-stopped" if tally.num_left else ""
    manifest = publish(
        path.parent,
        kind="batch",
        stem=f"{config.index[:LONGEST_INDEX]}-{datetime.now(UTC):%Y%m%d}-queries{words}",
        config=asdict(config),
        made_from=made_from,
        summary={
            "num_queries": tally.num_queries,
            "num_answered": tally.num_answered,
            "num_unreadable": tally.num_unreadable,
            "stopped": tally.num_left > 0,
            "size_bytes": path.stat().st_size,
        },
    )
    return describe_batch(workspace, manifest)

"""Rows of a collection on a Milvus server: sending, deleting and querying them, with retries.

Calls are safe to repeat: rows are upserted under their catalog id.

Shapes, in this file: N images that belong to the index, B images of one call, D dimensions.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.indexes.milvus.calls import TIMEOUT_S, call_with_retries
from core.indexes.milvus.collection import ID, LABEL, MARK, VECTOR, Collection, marks_of
from core.indexes.milvus.filters import ids_filter
from core.progress import Progress, Work

STRONG = "Strong"
"""Consistency level: all earlier writes are seen, which takes some tenths of a second."""

BOUNDED = "Bounded"
"""Consistency level: a call takes milliseconds, and may miss the writes of some seconds."""

BATCH_BYTES = 2 << 20
"""Of vectors per call: servers accept up to 64 MB, but their message queue only 5."""

MAX_ROWS = 4096
PAGE = 50_000
"""Ids per query."""


def call_method(
    collection: Collection,
    method: str,
    *arguments: Any,
    note: str,
    timeout: float = TIMEOUT_S,
    **options: Any,
) -> Work[Any]:
    """Call a method of pymilvus's client for a collection, as `call_with_retries` does."""

    def function(client: Any) -> Any:
        return getattr(client, method)(collection.name, *arguments, timeout=timeout, **options)

    is_long = timeout > TIMEOUT_S
    return (yield from call_with_retries(collection.address, function, note, long=is_long))


class Rows(NamedTuple):
    """Rows of a collection, without vectors."""

    image_ids: NDArray[np.int64]
    """(B,) catalog ids."""

    marks: NDArray[np.int64]
    """(B,) see `marks_of`."""


def send(
    collection: Collection,
    vectors: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    labels: Sequence[str],
) -> Work[None]:
    """Upsert (B, D) float32 unit rows, which may be mapped.

    They have (B,) distinct catalog ids and B classes, "" for none.
    """
    count, dimension = vectors.shape
    step = max(1, min(MAX_ROWS, BATCH_BYTES // (4 * dimension)))
    for start in range(0, count, step):
        part = slice(start, start + step)
        block = np.ascontiguousarray(vectors[part], np.float32)
        marks = marks_of(block, labels[part])
        columns = (image_ids[part].tolist(), labels[part], marks.tolist(), block)
        rows = [
            {ID: image_id, LABEL: label, MARK: mark, VECTOR: vector}
            for image_id, label, mark, vector in zip(*columns, strict=True)
        ]
        yield from call_method(collection, "upsert", rows, note="sending vectors")
        yield Progress(min(start + step, count), count, "sending vectors")


def delete_rows(collection: Collection, image_ids: NDArray[np.int64]) -> Work[None]:
    """Delete the rows of (B,) images."""
    for start in range(0, len(image_ids), PAGE):
        expression = ids_filter(image_ids[start : start + PAGE])
        yield from call_method(collection, "delete", filter=expression, note="deleting vectors")
        yield Progress(min(start + PAGE, len(image_ids)), len(image_ids), "deleting vectors")


def present(collection: Collection, image_ids: NDArray[np.int64]) -> Work[NDArray[np.int64]]:
    """Return those of (B,) images that a collection has."""
    known = [np.empty(0, np.int64)]
    for start in range(0, len(image_ids), PAGE):
        rows = yield from _query(collection, ids_filter(image_ids[start : start + PAGE]))
        known.append(rows.image_ids)
    return np.concatenate(known)


def all_rows(collection: Collection, expected: NDArray[np.int64]) -> Work[Rows]:
    """Return every row of a collection, without vectors.

    The server returns rows in no particular order, so they are queried by ranges that cover all
    possible ids. `expected` has the (N,) ids, ascending, that determine the ranges.
    """
    ends = expected[PAGE - 1 :: PAGE].tolist()
    parts = []
    for number, (low, high) in enumerate(zip([None, *ends], [*ends, None], strict=True)):
        bounds = [f"{ID} > {low}"] if low is not None else []
        bounds += [f"{ID} <= {high}"] if high is not None else []
        # Without an expression the server requires a limit
        expression = " and ".join(bounds) or f"{ID} >= 0"
        parts.append((yield from _query(collection, expression)))
        yield Progress(number + 1, len(ends) + 1, "comparing with the server")
    return Rows(
        np.concatenate([part.image_ids for part in parts]),
        np.concatenate([part.marks for part in parts]),
    )


def _query(collection: Collection, expression: str) -> Work[Rows]:
    rows = yield from call_method(
        collection,
        "query",
        filter=expression,
        output_fields=[ID, MARK],
        consistency_level=STRONG,
        note="comparing with the server",
    )
    return Rows(
        np.fromiter((row[ID] for row in rows), np.int64, len(rows)),
        np.fromiter((row[MARK] for row in rows), np.int64, len(rows)),
    )

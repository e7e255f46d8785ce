"""Synchronizing a collection on a Milvus server with embeddings on disk.

A missing collection is created, and a half-filled one is completed. The rows are read back at the
end, to detect missing and duplicate ones.

Shapes, in this file: N images, D embedding dimensions.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import check_unit_rows
from core.errors import WorkbenchError
from core.indexes.milvus.calls import TIMEOUT_S, call_with_retries
from core.indexes.milvus.collection import (
    ID,
    LABEL,
    MARK,
    MAX_LABEL_BYTES,
    VECTOR,
    Collection,
    marks_of,
)
from core.indexes.milvus.rows import BOUNDED, Rows, all_rows, call_method, delete_rows, send
from core.progress import Progress, Work

NO_ROWS = Rows(np.empty(0, np.int64), np.empty(0, np.int64))
ROUNDS = 3
"""How often missing rows are sent again."""

LONG_S = 600.0
"""Timeout of flushing and loading."""

SETTLE_S = 15.0
"""Servers are set to show writes after 5 s."""

POLL_EVERY_S = 0.5


def sync(
    collection: Collection,
    vectors: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    labels: Sequence[str],
) -> Work[None]:
    """Make a collection hold these images and no others, indexed and loaded.

    Nobody searches it before it is complete.

    Args:
        collection: Which; created if it does not exist.
        vectors: (N, D) float32 unit rows; may be mapped.
        image_ids: (N,) catalog ids, ascending.
        labels: (N) classes, "" for none.

    Raises:
        WorkbenchError: The server stays unavailable, refuses a call, or loses rows; or some
            embeddings are not of unit length.
    """
    check_unit_rows(vectors)
    is_new = yield from _create(collection)
    if not is_new:
        yield from _long(collection, "load_collection", "loading the collection")
    rows = NO_ROWS if is_new else (yield from all_rows(collection, image_ids))
    marks = marks_of(vectors, labels)
    for _ in range(ROUNDS):
        missing, extra = _differences(rows, image_ids, marks)
        yield from delete_rows(collection, extra)
        yield from _send(collection, vectors, image_ids, labels, missing)
        yield from _index(collection, len(image_ids))
        if not is_new:  # Else the server keeps using the vectors without the index
            yield from _long(collection, "release_collection", "loading the index")
        yield from _long(collection, "load_collection", "loading the index")
        rows = yield from all_rows(collection, image_ids)
        missing, extra = _differences(rows, image_ids, marks)
        if not len(missing) and not len(extra):
            yield from _settle(collection, len(image_ids))
            return
    raise WorkbenchError(
        f"The Milvus server does not store what it receives: {len(missing):,} of "
        f"{len(image_ids):,} images are missing.",
        "Check the server's log, then build the index again; it continues from here.",
    )


def differences(
    collection: Collection,
    vectors: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    labels: Sequence[str],
) -> Work[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Compare a collection with what `sync` would make of it.

    Returns:
        The rows of the arguments that it lacks or has otherwise, and the catalog ids that it has
        and should not have, both ascending.

    Raises:
        CollectionGoneError: The server no longer has it.
        WorkbenchError: The server stays unavailable, or refuses a call.
    """
    yield from _long(collection, "load_collection", "loading the collection")
    rows = yield from all_rows(collection, image_ids)
    return _differences(rows, image_ids, marks_of(vectors, labels))


def _settle(collection: Collection, count: int) -> Work[None]:
    """Wait until searches, which need not see the latest writes, see all rows."""
    started = time.monotonic()
    while time.monotonic() - started < SETTLE_S:
        [row] = yield from call_method(
            collection,
            "query",
            filter="",
            output_fields=["count(*)"],
            consistency_level=BOUNDED,
            note="waiting for the last rows",
        )
        if int(row["count(*)"]) == count:
            return
        yield Progress(0, 0, "waiting for the last rows")
        time.sleep(POLL_EVERY_S)


def _create(collection: Collection) -> Work[bool]:
    """Create the collection and its index, and return whether it is new.

    A collection whose creation succeeded while the response was lost does not count as new.
    """
    name = collection.name

    def create(client: Any) -> bool:
        from pymilvus import DataType

        is_new = not client.has_collection(name, timeout=TIMEOUT_S)
        if is_new:
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field(ID, DataType.INT64, is_primary=True)
            schema.add_field(LABEL, DataType.VARCHAR, max_length=MAX_LABEL_BYTES)
            schema.add_field(MARK, DataType.INT64)
            schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=collection.dimension)
            client.create_collection(name, schema=schema, timeout=TIMEOUT_S)
        if client.describe_index(name, VECTOR, timeout=TIMEOUT_S) is None:
            index = client.prepare_index_params()
            index.add_index(**collection.index_settings)
            client.create_index(name, index, timeout=TIMEOUT_S, sync=False)
        return is_new

    return (yield from call_with_retries(collection.address, create, "creating the collection"))


def _differences(
    rows: Rows, image_ids: NDArray[np.int64], marks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (the positions of images to send, the ids of images to delete), both sorted."""
    order = np.argsort(rows.image_ids, kind="stable")
    ids, known = rows.image_ids[order], rows.marks[order]
    extra = np.setdiff1d(ids, image_ids)
    duplicated = np.unique(ids[1:][ids[1:] == ids[:-1]])  # Inserted by another client
    places = np.minimum(np.searchsorted(ids, image_ids), max(0, len(ids) - 1))
    if len(ids):
        is_same = (ids[places] == image_ids) & (known[places] == marks)
    else:
        is_same = np.zeros(len(image_ids), np.bool_)
    is_same &= ~np.isin(image_ids, duplicated)
    return np.flatnonzero(~is_same), np.union1d(extra, duplicated)


def _send(
    collection: Collection,
    vectors: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    labels: Sequence[str],
    places: NDArray[np.int64],
) -> Work[None]:
    if len(places) == len(image_ids):
        yield from send(collection, vectors, image_ids, labels)
    else:
        chosen = [labels[place] for place in places.tolist()]
        yield from send(collection, vectors[places], image_ids[places], chosen)


def _index(collection: Collection, count: int) -> Work[None]:
    """Flush the rows, and wait until the server has indexed all of them."""
    yield from _long(collection, "flush", "flushing the vectors")
    while True:
        state = yield from call_method(collection, "describe_index", VECTOR, note="indexing")
        if state["state"] == "Failed":
            raise WorkbenchError(
                "The Milvus server could not build the index.",
                "Check the server's log, or use FLAT.",
            )
        pending, total = int(state["pending_index_rows"]), int(state["total_rows"])
        if not pending and total >= count:
            return
        yield Progress(total - pending, max(total, count), "indexing, on the server")
        time.sleep(POLL_EVERY_S)


def _long(collection: Collection, method: str, note: str) -> Work[None]:
    yield from call_method(collection, method, timeout=LONG_S, note=note)

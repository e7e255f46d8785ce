"""Expressions by which a Milvus server filters rows.

Shapes, in this file: B images.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.milvus.collection import ID, LABEL

MAX_SUBSET = 1_000_000
"""Ids that a search may be restricted to: the server reads some 20,000 of them a second."""

SUBSET_CHUNK = 50_000
"""Ids per expression."""


def labels_filter(labels: Sequence[str]) -> str:
    """Return Milvus's expression for rows of some classes.

    A class is untrusted text. Milvus quotes as JSON does, except that it does not know JSON's
    surrogate pairs, so characters outside ASCII are not escaped.
    """
    return f"{LABEL} in {json.dumps(list(labels), ensure_ascii=False)}"


def ids_filter(image_ids: NDArray[np.int64]) -> str:
    """Return Milvus's expression for rows of some (B,) catalog ids."""
    return f"{ID} in {image_ids.tolist()}"


def and_not(expression: str, image_ids: NDArray[np.int64]) -> str:
    """Return Milvus's expression for the rows of another one but for some (B,) catalog ids."""
    rest = f"not ({ids_filter(image_ids)})"
    return f"({expression}) and {rest}" if expression else rest


def filters_of(subset: NDArray[np.int64] | None, labels: tuple[str, ...]) -> Iterator[str]:
    """Yield at least one expression; together they match the images to search among.

    These are the images of `labels`, if there are any, else those of `subset`, (B,) catalog ids, or
    all.

    Raises:
        WorkbenchError: There are too many ids.
    """
    if labels:
        yield labels_filter(labels)
    elif subset is None:
        yield ""
    elif len(subset) > MAX_SUBSET:
        raise WorkbenchError(
            f"Milvus cannot search among {len(subset):,} images that are named one by one.",
            f"Choose classes, up to {MAX_SUBSET:,} images, or all of them.",
        )
    else:
        for start in range(0, max(1, len(subset)), SUBSET_CHUNK):
            yield ids_filter(subset[start : start + SUBSET_CHUNK])

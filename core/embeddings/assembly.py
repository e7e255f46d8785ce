"""What has come of embedding: rows for each image that could be read, whitened if that was asked.

Shapes, in this file: N images, D embedding dimensions.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.splits import training_filter
from core.embeddings.encoding import Encoding
from core.embeddings.reuse import as_array
from core.embeddings.run import EmbeddingRun
from core.embeddings.task import EmbeddingTask
from core.embeddings.unit_rows import check_unit_rows, unit
from core.embeddings.whitening import fit_whitening
from core.errors import WorkbenchError

MAX_PROBLEMS_KEPT = 100
"""Unreadable images whose reasons go into the manifest; beyond that only their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembledEmbeddings:
    """Embeddings that are not on disk yet."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending."""

    contents: NDArray[np.uint8]
    """(N, 32) SHA-256 of the images; zeros where a file was not the one that was scanned."""

    plain: NDArray[np.float32]
    """(N, D) unit rows before whitening."""

    vectors: NDArray[np.float32]
    """(N, D) unit rows; `plain` itself where nothing was whitened."""

    encoding: Encoding
    summary: dict[str, Any]


def assemble(task: EmbeddingTask, embedding: EmbeddingRun) -> AssembledEmbeddings:
    """Put together what was embedded.

    Raises:
        WorkbenchError: There is nothing, there are too few train images to whiten by, or an
            embedding is zero or not finite.
    """
    places = np.flatnonzero(embedding.known.known).tolist()
    if not places:
        raise _nothing(task)
    image_ids = np.array([task.rows[place].id for place in places], np.int64)
    plain = embedding.known.vectors[places]
    encoding, vectors = task.encoding, plain
    if task.config.whiten:
        learnt_from = task.dataset.catalog.ids(training_filter(task.dataset.catalog))
        whitening = fit_whitening(plain[np.isin(image_ids, learnt_from)])
        encoding, vectors = replace(encoding, whitening=whitening), unit(whitening.transform(plain))
    check_unit_rows(vectors)
    return AssembledEmbeddings(
        image_ids=image_ids,
        contents=as_array([embedding.known.contents[place] for place in places]),
        plain=plain,
        vectors=vectors,
        encoding=encoding,
        summary=_summary(task, embedding, len(places)),
    )


def _nothing(task: EmbeddingTask) -> WorkbenchError:
    name = task.dataset.name
    if not task.rows and task.settings["images"]:
        return WorkbenchError(
            f"No usable image of “{name}” is among those that were asked for.",
            "Choose other classes, splits, tags or words.",
        )
    return WorkbenchError(
        f"None of the {len(task.rows)} images of “{name}” can be read.",
        "Check that its folder is still there, then scan it again.",
    )


def _summary(task: EmbeddingTask, embedding: EmbeddingRun, count: int) -> dict[str, Any]:
    problems = {
        task.rows[place].path: reason for place, reason in sorted(embedding.problems.items())
    }
    return {
        "count": count,
        "dimension": embedding.known.vectors.shape[1],
        "num_problems": len(embedding.problems),
        "problems": dict(list(problems.items())[:MAX_PROBLEMS_KEPT]),
        "num_reused": count - embedding.num_embedded,
        "seconds": round(embedding.seconds, 3),
        "images_per_second": round(embedding.images_per_second, 3),
    }

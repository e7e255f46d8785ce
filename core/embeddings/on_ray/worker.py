"""What runs on a node of a Ray cluster: embedding one stretch of files after the other.

It imports nothing of Ray, and writes nothing: results go back to the driver.

Shapes, in this file: B images, D embedding dimensions.
"""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

import core
from core.embeddings.encoding import Encoder, Encoding
from core.embeddings.local import embed_files, no_vectors
from core.errors import MissingError, WorkbenchError
from core.images.isolation import limit_processes
from core.models.batches import Problems
from core.models.model import load_model
from core.workspace import Workspace

SHARE = "Mount the workspace and the image folders at the same paths on every node."
VERSIONS = f"workbench {core.__version__} with torch {torch.__version__.partition('+')[0]}"
"""What embeddings may depend on, whether torch was built for CUDA or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerTask:
    """What all stretches of a run have in common."""

    workspace: Workspace
    encoding: Encoding
    """Without whitening."""

    cpus: int
    """Cores of a worker."""

    versions: str = VERSIONS
    """Of the driver."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedStretch:
    """The embeddings of a stretch."""

    positions: list[int]
    """B positions in the stretch."""

    vectors: NDArray[np.float32]
    """(B, D) unit rows."""

    problems: Problems
    """Images that could not be decoded."""

    missing: list[int]
    """Those of them whose files the node does not have."""

    node: str
    """Name of the node in messages."""

    process: int
    """Id of the worker's process on the node."""

    seconds: float
    """Time that it took, without opening the model."""


def embed_stretch(task: WorkerTask, files: Sequence[str]) -> EmbeddedStretch:
    """Embed a stretch of files; the model stays open in this process.

    Raises:
        WorkbenchError: The node has other code or another workspace than the driver, or an
            embedding is zero or not finite.
    """
    encoder = _open(task)
    started = time.perf_counter()
    parts = list(embed_files(encoder, files))
    problems = {at: reason for part in parts for at, reason in part.problems.items()}
    nothing = no_vectors(encoder.model.config.dimension)
    return EmbeddedStretch(
        positions=[at for part in parts for at in part.positions],
        vectors=np.concatenate([nothing, *(part.vectors for part in parts)]),
        problems=problems,
        missing=[at for at in problems if not os.path.exists(files[at])],
        node=platform.node(),
        process=os.getpid(),
        seconds=time.perf_counter() - started,
    )


@cache
def _open(task: WorkerTask) -> Encoder:
    """Open the model, once in a process.

    Raises:
        WorkbenchError: The node has other code or another workspace than the driver.
    """
    node = f"The Ray node {platform.node()}"
    if task.versions != VERSIONS:
        raise WorkbenchError(
            f"{node} has {VERSIONS} instead of {task.versions}.",
            "Install the same versions on every node.",
        )
    folder = task.workspace.models / task.encoding.model
    try:
        model = load_model(task.workspace, task.encoding.model)
    except MissingError as error:
        raise WorkbenchError(f"{node} does not have {folder}.", SHARE) from error
    if model.manifest.fingerprint != task.encoding.model_fingerprint:
        raise WorkbenchError(f"{node} has another model in {folder}.", SHARE)
    torch.set_num_threads(task.cpus)
    limit_processes(task.cpus)
    return Encoder(model, task.encoding)

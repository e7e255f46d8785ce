"""`RayEngine`: embeds stretches of files as tasks of a Ray cluster.

A stretch is a task of Ray, which runs it again on another node when its worker or node dies. Only
this process writes: results come back to it, so no image can be stored twice.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings.engine import EngineConfig
from core.embeddings.local import Embedded, no_vectors
from core.embeddings.on_ray.connection import connect, get
from core.embeddings.on_ray.stretches import cut, num_slots, stretch_length
from core.embeddings.on_ray.worker import SHARE, EmbeddedStretch, WorkerTask, embed_stretch
from core.errors import WorkbenchError
from core.models.batches import Problems
from core.progress import Progress, Work

MAX_RETRIES = 3
"""Workers or nodes that may die at one stretch, besides the first."""

REPORT_EVERY_S = 0.2
COUNT_EVERY_S = 2.0
"""How often the nodes are counted: some may have joined or died."""

WAIT_FOR_NODES_S = 300.0
"""How long to wait for a node with room for a worker; a cluster in a cloud may start one."""


@dataclass(slots=True)
class RayEngine:
    """Embeds on the nodes of a Ray cluster."""

    config: EngineConfig
    task: WorkerTask
    dimension: int
    _ray: Any = field(default=None, init=False)

    def open(self) -> Work[None]:
        """Connect to the cluster.

        Raises:
            WorkbenchError: Ray is not installed, or the cluster cannot be used.
        """
        yield Progress(0, 0, "connecting to Ray")
        self._ray = connect(self.config.address)

    def embed(self, files: Sequence[str]) -> Iterator[Embedded]:
        """Yield the embeddings of the files, stretch by stretch as they are done.

        Raises:
            WorkbenchError: There are no nodes with room for a worker, a node lacks the code, the
                workspace or the images, or workers died too often.
        """
        return _Run(self._ray, self, files).parts()

    def close(self) -> None:
        """End the tasks and the connection, and the Ray of this machine that `open` started."""
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None


class _Run:
    """The stretches of a list of files, and those that the cluster has at the moment."""

    def __init__(self, ray: Any, engine: RayEngine, files: Sequence[str]) -> None:
        self._ray, self._config, self._files = ray, engine.config, files
        self._nothing = no_vectors(engine.dimension)
        self._waiting = cut(len(files), stretch_length(self._config.worker_gpus))
        self._running: dict[Any, range] = {}
        """Reference of Ray → stretch."""

        self._nodes = 0
        self._slots = 0
        self._counted_at = -COUNT_EVERY_S
        self._without_nodes_since = time.monotonic()
        self._resumed: float | None = None
        """When the last part was yielded; None until a worker has done a stretch."""

        remote = ray.remote(
            num_cpus=self._config.worker_cpus,
            num_gpus=self._config.worker_gpus,
            max_calls=0,  # Else the process of a GPU task ends with it, and the model with it
            max_retries=MAX_RETRIES,
        )(embed_stretch)
        self._submit = partial(remote.remote, engine.task)

    def parts(self) -> Iterator[Embedded]:
        """Yield the embeddings of stretches as they are done, and nothing now and then."""
        while True:
            self._count_nodes()
            self._fill()
            if not self._running:
                return
            done, _ = self._ray.wait(list(self._running), timeout=REPORT_EVERY_S)
            for reference in done:
                yield self._embedded(reference)
            if not done:
                yield self._part([], self._nothing, {}, 0.0)

    def _count_nodes(self) -> None:
        """Count the nodes and their room for workers.

        Raises:
            WorkbenchError: There has been none for too long.
        """
        now = time.monotonic()
        if now - self._counted_at < COUNT_EVERY_S:
            return
        self._counted_at = now
        cpus, gpus = self._config.worker_cpus, self._config.worker_gpus
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self._slots, self._nodes = num_slots(nodes, cpus, gpus), len(nodes)
        if self._slots:
            self._without_nodes_since = now
        elif now - self._without_nodes_since > WAIT_FOR_NODES_S:
            raise WorkbenchError(
                f"No node of the Ray cluster has {cpus} CPUs and {gpus:g} GPUs for a worker.",
                "Choose fewer CPUs and GPUs of each worker, or add nodes to the cluster.",
            )

    def _fill(self) -> None:
        """Submit stretches: one for each worker, and one that waits for it."""
        limit = self._config.workers or max(1, 2 * self._slots)
        while len(self._running) < limit and (stretch := next(self._waiting, None)) is not None:
            files = self._files[stretch.start : stretch.stop]
            self._running[self._submit(files)] = stretch

    def _embedded(self, reference: Any) -> Embedded:
        stretch = self._running.pop(reference)
        result: EmbeddedStretch = get(self._ray, reference)
        for at in result.missing:
            file = self._files[stretch[at]]
            if os.path.exists(file):
                raise WorkbenchError(f"The Ray node {result.node} does not have {file}.", SHARE)
        positions = [stretch[at] for at in result.positions]
        problems = {stretch[at]: reason for at, reason in result.problems.items()}
        return self._part(positions, result.vectors, problems, result.seconds)

    def _part(
        self,
        positions: list[int],
        vectors: NDArray[np.float32],
        problems: Problems,
        worker_seconds: float,
    ) -> Embedded:
        """Return a part with the time since the last one; of the first, that of its worker."""
        now = time.perf_counter()
        seconds = worker_seconds if self._resumed is None else now - self._resumed
        if worker_seconds or self._resumed is not None:
            self._resumed = now
        nodes = f"{self._nodes} Ray node" + "s" * (self._nodes != 1)
        note = nodes if self._resumed else "starting Ray workers"
        return Embedded(
            positions=positions, vectors=vectors, problems=problems, seconds=seconds, note=note
        )

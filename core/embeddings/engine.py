"""`EngineConfig`: where images are embedded, which does not change the embeddings."""

import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec

from core.options import as_arguments, bounded, check_fields

RAY_ADDRESS = "RAY_ADDRESS"
"""Ray's own variable for the address of a cluster."""

ADDRESS_PATTERN = re.compile(r"auto|local|([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}")
ADDRESS_FORM = "the HOST:PORT of a Ray cluster's head node, auto or local"


class Engine(StrEnum):
    """What runs the embedding."""

    LOCAL = "local"
    """This machine."""

    RAY = "ray"
    """The nodes of a Ray cluster."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConfig:
    """Where images are embedded."""

    engine: Engine = Engine.LOCAL
    """This machine, or a Ray cluster; the embeddings are the same."""

    address: str = ""
    """HOST:PORT of the Ray cluster's head node; by default RAY_ADDRESS, else the cluster that
    this machine is a node of, else a Ray of its own."""

    workers: int = bounded(0, 0, 100_000)
    """Number of Ray workers; 0 for as many as the cluster has room for."""

    worker_cpus: int = bounded(1, 1, 256)
    """CPU cores of each Ray worker, for decoding and for networks without a GPU."""

    worker_gpus: float = bounded(0.0, 0.0, 8.0)
    """GPUs of each Ray worker, such as 1, or 0.5 for two workers on one; 0 to use CPUs."""

    def __post_init__(self) -> None:
        check_fields(self)
        # The address is not repeated: it may contain a password
        if self.address and not is_ray_address(self.address):
            raise ValueError(f"address must be {ADDRESS_FORM}")
        if self.worker_gpus > 1 and not self.worker_gpus.is_integer():
            raise ValueError(f"worker_gpus above 1 must be whole, got {self.worker_gpus:g}")
        if self.engine != Engine.RAY and as_arguments(self):
            raise ValueError("address, workers, worker_cpus and worker_gpus need the engine ray")


LOCAL = EngineConfig()


def is_ray_address(address: str) -> bool:
    """Return whether an address is one that `EngineConfig` accepts."""
    return ADDRESS_PATTERN.fullmatch(address) is not None


def is_ray_installed() -> bool:
    """Return whether the package ray is there, without importing it."""
    return find_spec("ray") is not None

"""Devices: the processor that a network runs on, and transfers to and from it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SUCCESS = 0
"""CUDA's status code."""


@dataclass(frozen=True, slots=True)
class Device:
    """A processor, and the precision of its matrix products."""

    name: str
    """torch's name: cpu, cuda or mps."""

    bfloat16: bool
    """Whether bfloat16 is faster; without hardware instructions it is ten times slower."""

    @property
    def batch_size(self) -> int:
        """Return the number of images in one forward pass.

        On a CPU larger batches are no faster, only less often interrupted; a graphics card is not
        used fully by small ones.
        """
        return 128 if self.name == "cuda" else 16

    @property
    def passes_in_threads(self) -> int:
        """Return how many forward passes run at once, each in a thread of its own.

        Each takes memory for its activations, up to 0.4 GB for VGG-16 at 224 pixels.
        """
        return min(2, torch.get_num_threads()) if self.name == "cpu" else 1

    @property
    def passes_at_once(self) -> int:
        """Return how many forward passes to start before waiting for the first.

        They keep a graphics card busy, and on a CPU each thread: one more than there are threads.
        """
        if self.name == "cuda":
            return 3
        return self.passes_in_threads + 1 if self.passes_in_threads > 1 else 1

    def upload(self, values: NDArray[np.generic]) -> Tensor:
        """Return an array as a tensor on the device: on a CPU without a copy, on a card a copy.

        The copy does not wait for the card's earlier work, and the array may be changed afterwards.
        """
        values_here = torch.from_numpy(values)
        if self.name != "cuda":
            return values_here.to(self.name)
        with torch.cuda.stream(_uploads()):
            there = values_here.pin_memory().to(self.name)  # A no-op if it is pinned already
        there.record_stream(torch.cuda.current_stream())
        return there

    def pin(self, values: NDArray[np.generic]) -> bool:
        """Pin an array's memory for a card, and return whether that worked.

        Call `unpin` before the memory is freed. Arrays that are not pinned are copied before they
        are sent, which takes longer than sending them.
        """
        if self.name != "cuda":
            return False
        at, size = values.ctypes.data, values.nbytes
        is_pinned: bool = torch.cuda.cudart().cudaHostRegister(at, size, 0) == SUCCESS
        if not is_pinned:
            with suppress(
                RuntimeError
            ):  # Clears the error, which CUDA reports to the next call too
                torch.zeros(1, device=self.name)
        return is_pinned

    def unpin(self, values: NDArray[np.generic]) -> None:
        """Undo `pin`."""
        torch.cuda.cudart().cudaHostUnregister(values.ctypes.data)

    def fetch(self, values: Tensor) -> Callable[[], NDArray[np.float32]]:
        """Start copying a tensor to the CPU, and return a function that waits for the array.

        It does not wait for work that is queued later.
        """
        if self.name != "cuda":
            return values.cpu().numpy
        values_here = values.to("cpu", non_blocking=True)
        are_here = torch.cuda.Event(blocking=True)  # Waiting does not use a core
        are_here.record()

        def wait() -> NDArray[np.float32]:
            are_here.synchronize()
            return values_here.numpy()

        return wait

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context in which torch computes in bfloat16 if that is faster."""
        return torch.autocast(self.name, torch.bfloat16, enabled=self.bfloat16)


def choose_device() -> Device:
    """Return the fastest device of this machine."""
    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available():
        return Device("mps", bfloat16=False)
    return Device("cpu", bool(torch.cpu.get_capabilities().get("avx512_bf16")))


@cache
def _uploads() -> torch.cuda.Stream:
    """Return a separate stream, so that uploads do not wait for earlier forward passes."""
    return torch.cuda.Stream()

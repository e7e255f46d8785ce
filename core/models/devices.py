"""Where the network runs, and in which precision."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SUCCESS = 0
"""What CUDA returns then."""


@dataclass(frozen=True, slots=True)
class Device:
    """A processor, and the precision of its matrix products."""

    name: str
    """As torch calls it: cpu, cuda or mps."""

    bfloat16: bool
    """Whether bfloat16 is the quicker one here; without the instructions it is ten times slower."""

    @property
    def batch_size(self) -> int:
        """Images in one forward pass where many are to be embedded.

        On a CPU larger ones are no quicker, only less often interrupted; a graphics card is idle
        in small ones.
        """
        return 128 if self.name == "cuda" else 16

    @property
    def passes_at_once(self) -> int:
        """Forward passes to begin before the first is waited for, so that a card is never idle."""
        return 3 if self.name == "cuda" else 1

    def upload(self, values: NDArray[np.generic]) -> Tensor:
        """Return an array where the network is: on a processor itself, on a card a copy.

        A card computes meanwhile, and what it was asked for before need not end first. The array
        may be changed afterwards.
        """
        values_here = torch.from_numpy(values)
        if self.name != "cuda":
            return values_here.to(self.name)
        with torch.cuda.stream(_uploads()):
            there = values_here.pin_memory().to(self.name)  # Nothing is done where it is pinned
        there.record_stream(torch.cuda.current_stream())
        return there

    def pin(self, values: NDArray[np.generic]) -> bool:
        """Let a card read an array where it lies, and say whether it can.

        To be undone by `unpin` before the memory goes. Arrays that are not pinned are copied first,
        which takes longer than sending them.
        """
        if self.name != "cuda":
            return False
        at, size = values.ctypes.data, values.nbytes
        is_done: bool = torch.cuda.cudart().cudaHostRegister(at, size, 0) == SUCCESS
        if not is_done:
            with suppress(RuntimeError):  # CUDA tells the next one, too, of what went wrong
                torch.zeros(1, device=self.name)
        return is_done

    def unpin(self, values: NDArray[np.generic]) -> None:
        """Undo `pin`."""
        torch.cuda.cudart().cudaHostUnregister(values.ctypes.data)

    def fetch(self, values: Tensor) -> Callable[[], NDArray[np.float32]]:
        """Begin to copy what the network computes to here; what is returned waits for it.

        Nothing that a card is asked for later has to end before.
        """
        if self.name != "cuda":
            return values.cpu().numpy
        values_here = values.to("cpu", non_blocking=True)
        are_here = torch.cuda.Event(blocking=True)  # The core is left to others meanwhile
        are_here.record()

        def wait() -> NDArray[np.float32]:
            are_here.synchronize()
            return values_here.numpy()

        return wait

    def autocast(self) -> AbstractContextManager[object]:
        """Run what is inside in bfloat16, where that is the quicker one."""
        return torch.autocast(self.name, torch.bfloat16, enabled=self.bfloat16)


def choose_device() -> Device:
    """Return the quickest processor of this machine."""
    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available():
        return Device("mps", bfloat16=False)
    return Device("cpu", bool(torch.cpu.get_capabilities().get("avx512_bf16")))


@cache
def _uploads() -> torch.cuda.Stream:
    """Return a queue of their own, so that they do not wait for passes begun before them."""
    return torch.cuda.Stream()

"""Where the network runs, and in which precision."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


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
        """Forward passes to ask for side by side: a card takes the second up as the first ends."""
        return 2 if self.name == "cuda" else 1

    def take(self, values: NDArray[np.generic]) -> Tensor:
        """Copy an array to where the network is, while it computes where that can be."""
        if self.name == "cuda":
            return _to_card(values)
        return torch.from_numpy(values).to(self.name)

    def autocast(self) -> AbstractContextManager[object]:
        """Run what is inside in bfloat16, where that is the quicker one."""
        return torch.autocast(self.name, torch.bfloat16, enabled=self.bfloat16)


def _to_card(values: NDArray[np.generic]) -> Tensor:
    """Copy an array to the graphics card beside what it computes, not behind it.

    That takes pinned memory, and a stream of its own: one stream's work is done in order.
    """
    with torch.cuda.stream(_copies()):
        there = torch.from_numpy(values).pin_memory().to("cuda", non_blocking=True)
    computing = torch.cuda.current_stream()
    computing.wait_stream(_copies())
    there.record_stream(computing)
    return there


@cache
def _copies() -> torch.cuda.Stream:
    return torch.cuda.Stream()


def choose_device() -> Device:
    """Return the quickest processor of this machine."""
    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available():
        return Device("mps", bfloat16=False)
    return Device("cpu", bool(torch.cpu.get_capabilities().get("avx512_bf16")))

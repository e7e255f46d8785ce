"""Where the network runs, and in which precision."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

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
        values_here = torch.from_numpy(values)
        if self.name == "cuda":  # Only from pinned memory it copies while it computes
            values_here = values_here.pin_memory()
        return values_here.to(self.name, non_blocking=True)

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

"""Where the network runs, and in which precision."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Device:
    """A processor, and the precision of its matrix products."""

    name: str
    """As torch calls it: cpu, cuda or mps."""

    bfloat16: bool
    """Whether bfloat16 is the quicker one here; without the instructions it is ten times slower."""

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

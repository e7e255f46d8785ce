"""The only import of torchvision, of its `models` alone.

torchvision's wheel is built against CUDA. With a CPU build of torch its C++ operators cannot be
loaded, and its import fails on two that it describes without checking that they exist. The
backbones need neither, so missing ones are declared here without an implementation.
"""

import os
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

import torch

OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _load_operators() -> bool:
    """Load torchvision's own operators, as its import does; return whether they exist."""
    package = find_spec("torchvision")
    extension = package and PathFinder.find_spec("_C", package.submodule_search_locations)
    if extension and extension.origin:
        if sys.platform == "win32":
            os.add_dll_directory(str(Path(extension.origin).parent))
        with suppress(OSError):  # Built against libraries that this machine lacks
            torch.ops.load_library(extension.origin)
    return all(hasattr(torch.ops.torchvision, name) for name in OPERATORS)


def _declare_operators() -> torch.library.Library:
    """Declare the missing operators, for as long as the returned object lives."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library.define(name + SCHEMA)
    return library


_declared = None if _load_operators() else _declare_operators()

from torchvision import models  # noqa: E402 - it needs the operators declared above

__all__ = ["models"]

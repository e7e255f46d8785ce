"""Search for a network's tensors in a checkpoint, whatever they are wrapped in and prefixed with.

A checkpoint is flattened to tensors by dotted names, such as `state_dict.module.layer1.0.bn1.bias`.
The network is wherever all of its names, and their shapes, follow one prefix.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from core.models.tensor_validation import COUNTER

MAX_DEPTH = 6
"""Levels of dicts in a checkpoint that are searched."""

WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of names that DataParallel, torch.compile, FSDP and activation checkpointing insert."""

OWN_PARTS = {"frozen", "tail"}
"""The two parts of the backbone in this project's own files, see `network.EmbeddingNetwork`."""

OWN_HEAD = "project.weight"

AVERAGED = {"ema", "teacher", "swa", "averaged"}
"""Words in the names of averaged weights, which are preferred, as timm does."""

SKIPPED = ("optim", "opt_", "sched", "scaler", "momentum_buffer", "rng")
"""Beginnings of names of a training's state that are no weights; so is `opt`."""


@dataclass(frozen=True, slots=True)
class Found:
    """The tensors of a network in a checkpoint."""

    tensors: dict[str, Tensor]
    """All tensors under the network's prefix, by the names after it."""

    prefix: str
    """Their prefix in the checkpoint, without what wrappers insert: "", or text and a dot."""

    is_whole: bool
    """Whether all of the network's tensors are there, in the right shapes."""


def flatten(content: object) -> dict[str, Tensor]:
    """Return a checkpoint's tensors by dotted names, without what wrappers insert in them.

    Raises:
        TypeError: It has none.
    """
    named: dict[str, Tensor] = {}
    _collect(content, (), named)
    if not named:
        raise TypeError("no named tensors")
    is_own = any(name.endswith(OWN_HEAD) for name in named)
    dropped = WRAPPERS | OWN_PARTS if is_own else WRAPPERS
    flat: dict[str, Tensor] = {}
    for name, value in named.items():
        short = ".".join(part for part in name.split(".") if part not in dropped)
        flat[name if short in flat else short] = value
    return flat


def _collect(content: object, path: tuple[str, ...], named: dict[str, Tensor]) -> None:
    if not isinstance(content, Mapping) or len(path) > MAX_DEPTH:
        return
    for key, value in content.items():
        if not isinstance(key, str) or _is_skipped(key):
            continue
        if isinstance(value, Tensor):
            named[".".join((*path, key))] = value
        else:
            _collect(value, (*path, key), named)


def _is_skipped(key: str) -> bool:
    return key.lower() == "opt" or ("." not in key and key.lower().startswith(SKIPPED))


def find_network(
    flat: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, same_shapes: bool = True
) -> Found:
    """Find the network with these names and shapes in a flattened checkpoint.

    Args:
        flat: From `flatten`.
        expected: The network's names; of the tensors only the shapes are read. Batch norms'
            counters may be missing.
        same_shapes: Whether the shapes must be these, too.

    Returns:
        The whole network, the averaged one if there are several; else the part of the checkpoint
        that has the most of its names.
    """
    needed = {name: like for name, like in expected.items() if not name.endswith(COUNTER)}
    named, fitting = Counter[str](), Counter[str]()
    for name, value in flat.items():
        for prefix, rest in _splits(name):
            if rest in needed:
                named[prefix] += 1
                fitting[prefix] += not same_shapes or value.shape == needed[rest].shape
    whole = [prefix for prefix in named if fitting[prefix] == len(needed)]
    averaged = [prefix for prefix in whole if set(re.split("[._]", prefix.lower())) & AVERAGED]
    likely = max(named, key=lambda prefix: (named[prefix], fitting[prefix]), default="")
    prefix = [*averaged, *whole, likely][0]
    tensors = {
        name.removeprefix(prefix): value for name, value in flat.items() if name.startswith(prefix)
    }
    return Found(tensors, prefix, bool(whole))


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield every way to cut a dotted name into a prefix, "" or with its dot, and the rest."""
    start = 0
    while True:
        yield name[:start], name[start:]
        dot = name.find(".", start)
        if dot < 0:
            return
        start = dot + 1


def without_later_layers(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the tensors of the layers that the network has, and of further ones in their sequence.

    The layers after a backbone have names of their own, unless they are numbered.
    """
    layers = {name.split(".")[0] for name in expected}
    are_numbered = all(layer.isdigit() for layer in layers)
    return {
        name: value
        for name, value in tensors.items()
        for first in [name.split(".")[0]]
        if first in layers or (are_numbered and first.isdigit())
    }


def describe_layers(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of layers with the outputs of dense ones, such as fc (1,000 outputs)."""
    outputs: dict[str, int] = {}
    for name, value in tensors.items():
        if not value.ndim:  # A counter
            continue
        layer = name.split(".")[0]
        outputs[layer] = value.shape[0] if value.ndim == 2 else outputs.get(layer, 0)
    return [f"{name} ({count:,} outputs)" if count else name for name, count in outputs.items()]

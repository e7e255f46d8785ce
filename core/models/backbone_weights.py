"""Pre-trained weights of a backbone, published or from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import WorkbenchError
from core.models.backbone import Backbone
from core.models.backbone_layers import build_backbone
from core.models.backbones import find_backbone
from core.models.checksums import verify_tensors
from core.models.pretrained import PRETRAINED, fetch_weights
from core.models.state_dicts import (
    Found,
    describe_layers,
    find_network,
    flatten,
    without_later_layers,
)
from core.models.tensor_validation import COUNTER, WeightsFile, validate_weights
from core.models.weights import UNREADABLE, read_untrusted
from core.progress import Progress, Work
from core.workspace import Workspace

ADVICE = "Choose the backbone that the file was made for, or another file."
MAX_LAYERS = 3
"""Most layers that a note names."""


@dataclass(frozen=True, slots=True)
class BackboneWeights:
    """A backbone's weights from a file."""

    tensors: dict[str, Tensor]
    """float32 tensors (int64 for a batch norm's counter) by the keys of `build_backbone`: all of
    the backbone's, and no other."""

    note: str
    """Where in the file they were, and what of it was left out, as text; "" if it has no more."""


def load_backbone(
    workspace: Workspace, backbone: str, weights: str, image_size: int
) -> Work[dict[str, Tensor]]:
    """Load a backbone's pre-trained weights, downloaded first if necessary.

    Args:
        workspace: Where downloaded weights are stored.
        backbone: A name that `find_backbone` knows.
        weights: `pretrained.PRETRAINED`, or the path of a file.
        image_size: Side of the square that the network will see, in pixels.

    Returns:
        The backbone's tensors, as `read_backbone` returns them.

    Raises:
        DownloadError: The download failed.
        MissingError: There is no such file, or its package is not installed.
        WorkbenchError: The file cannot be used, see `read_backbone`.
    """
    if weights == PRETRAINED:
        path = yield from fetch_weights(workspace, backbone)
    else:
        path = Path(weights).expanduser()
    yield Progress(0, 0, "reading the pre-trained weights")
    read = read_backbone_file(path, backbone, image_size)
    if read.note and weights != PRETRAINED:
        yield Progress(1, 1, f"{path.name}: {read.note}")
    return read.tensors


def read_backbone(path: Path, backbone: str, image_size: int | None = None) -> dict[str, Tensor]:
    """Return the tensors of `read_backbone_file`."""
    return read_backbone_file(path, backbone, image_size).tensors


def read_backbone_file(path: Path, backbone: str, image_size: int | None = None) -> BackboneWeights:
    """Read a backbone's weights from a .pth or .safetensors.

    The keys may be torchvision's, timm's or those of this project's own models, each with any
    prefix, and the state dict may be anywhere in a checkpoint. Other layers are skipped.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is no weights file, is of another architecture, or its numbers are
            unusable.
    """

    def parse(content: Any, metadata: dict[str, str] | None) -> tuple[dict[str, Tensor], str]:
        return flatten(content), verify_tensors(path, content, metadata or {})

    unreadable = WorkbenchError(
        f"{path.name} cannot be read as weights: it is damaged, or holds other things "
        "than named tensors.",
        "Download it again, or save the network's state_dict() with torch or safetensors.",
    )
    flat, note = read_untrusted(path, parse, unreadable)
    facts = find_backbone(backbone)
    image_size = image_size or facts.image_size
    file = WeightsFile(path, backbone, ADVICE)
    with torch.device("meta"):
        layers = build_backbone(facts, image_size)
    expected = layers.state_dict()
    found = _find(flat, layers)
    if facts.timm_name and not found.is_whole:
        read, found, own = _read_timm(flat, expected, facts, image_size, file)
    else:
        own = without_later_layers(found.tensors, expected)
        read = validate_weights(own, expected, file)
    notes = [*_notes(flat, found, own, facts), *([note] if note else [])]
    return BackboneWeights(read, "; ".join(notes))


def _find(flat: Mapping[str, Tensor], layers: nn.Sequential) -> Found:
    """Find a backbone by the names of its layers, or by their numbers in `nn.Sequential`."""
    expected = layers.state_dict()
    found = find_network(flat, expected)
    if found.is_whole:
        return found
    numbers = {name: str(number) for number, (name, _) in enumerate(layers.named_children())}
    names = {number: name for name, number in numbers.items()}
    numbered = find_network(flat, _first_replaced(expected, numbers))
    if not numbered.is_whole:
        return found
    return Found(_first_replaced(numbered.tensors, names), numbered.prefix, is_whole=True)


def _first_replaced(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """Return tensors with the first part of their names replaced, if it is in `names`."""
    return {
        ".".join([names.get(first, first), *rest]): value
        for name, value in tensors.items()
        for first, *rest in [name.split(".")]
    }


def _notes(
    flat: Mapping[str, Tensor], found: Found, own: Mapping[str, Tensor], backbone: Backbone
) -> list[str]:
    """Return where the backbone was, and which layers of the same network were left out."""
    if not found.is_whole:  # Under names of the publisher's own
        return []
    root = found.prefix.removesuffix(backbone.prefix)
    used = {id(value) for value in own.values()}  # Their names may have been replaced
    others = {
        name.removeprefix(root): value
        for name, value in flat.items()
        if name.startswith(root) and id(value) not in used
    }
    left_out = describe_layers(others)
    shown = ", ".join(left_out[:MAX_LAYERS])
    more = f" and {len(left_out) - MAX_LAYERS} more" if len(left_out) > MAX_LAYERS else ""
    notes = [f"weights of “{root.rstrip('.')}”"] if root else []
    return [*notes, f"layers left out: {shown}{more}"] if shown else notes


def _read_timm(
    flat: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    backbone: Backbone,
    image_size: int,
    file: WeightsFile,
) -> tuple[dict[str, Tensor], Found, dict[str, Tensor]]:
    """Validate weights by timm's keys.

    Returns:
        The weights by the keys of the layers, where they were, and which of those are used.
    """
    from core.models.timm_backbones import adapted, timm_keys

    names = timm_keys(backbone, image_size)
    by_name = {names[key]: like for key, like in expected.items()}
    found = find_network(flat, by_name, same_shapes=False)  # Position embeddings are resized
    tensors = found.tensors if found.is_whole else _without_common_prefix(flat)
    try:
        tensors = adapted(_renamed(tensors, backbone), backbone, image_size)
    except UNREADABLE as error:
        raise WorkbenchError(f"{file.path.name} does not fit {backbone.label}.", ADVICE) from error
    stages = {name.split(".")[0] for name in by_name}
    used = {
        name: value
        for name, value in tensors.items()
        if name in by_name or (name.split(".")[0] in stages and name.endswith(".weight"))
    }
    read = validate_weights(used, by_name, file)
    own = {name: found.tensors[name] for name in by_name if name in found.tensors}
    return {key: read[name] for key, name in names.items()}, found, own


def _without_common_prefix(flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the first parts of their names that all have in common."""
    tensors = dict(flat)
    while len({name.partition(".")[0] for name in tensors}) == 1 and all(
        "." in name for name in tensors
    ):
        tensors = {name.partition(".")[2]: value for name, value in tensors.items()}
    return tensors


def _renamed(tensors: Mapping[str, Tensor], backbone: Backbone) -> Mapping[str, Tensor]:
    """Return weights by timm's keys.

    Packages may name the layers in another way, but in the same order.
    """
    from core.models.timm_backbones import whole_model

    with torch.device("meta"):
        expected = whole_model(backbone).state_dict()
    names = [name for name in expected if not name.endswith(COUNTER)]
    values = [value for name, value in tensors.items() if not name.endswith(COUNTER)]
    shapes = [expected[name].shape for name in names]
    if not backbone.package or set(names) <= set(tensors):
        return tensors
    if [value.shape for value in values] != shapes:
        return tensors
    return dict(zip(names, values, strict=True))

"""Pre-trained weights of a backbone, published or from a file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from core.errors import WorkbenchError
from core.models.backbone import Backbone
from core.models.backbone_layers import build_backbone
from core.models.backbones import find_backbone
from core.models.pretrained import PRETRAINED, fetch_weights
from core.models.weights import (
    COUNTER,
    UNREADABLE,
    WeightsFile,
    read_untrusted,
    require_state_dict,
    validate_weights,
)
from core.progress import Progress, Work
from core.workspace import Workspace

ADVICE = "Choose the backbone that the file was made for, or another file."


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
    return read_backbone(path, backbone, image_size)


def read_backbone(path: Path, backbone: str, image_size: int | None = None) -> dict[str, Tensor]:
    """Read a backbone's weights from a .pth or .safetensors in torchvision's or timm's layout.

    Layers after the backbone are skipped.

    Returns:
        float32 tensors (int64 for a batch norm's counter) by the keys of `build_backbone`: all of
        the backbone's, and no other.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It cannot be read, is of another architecture, or its numbers are unusable.
    """
    tensors = read_untrusted(
        path,
        lambda content, _: require_state_dict(content),
        WorkbenchError(
            f"{path.name} cannot be read as weights: it is damaged, or holds other things "
            "than named tensors.",
            "Download it again, or save the network's state_dict() with torch or safetensors.",
        ),
    )
    facts = find_backbone(backbone)
    image_size = image_size or facts.image_size
    file = WeightsFile(path, backbone, ADVICE)
    with torch.device("meta"):
        expected = build_backbone(facts, image_size).state_dict()
    if facts.timm_name:
        return _read_timm(tensors, expected, facts, image_size, file)
    return validate_weights(_backbone_part(tensors, facts), expected, file)


def _backbone_part(tensors: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return the backbone's tensors by its own keys, from a whole network or the backbone alone."""
    if not any(key.startswith(backbone.prefix) for key in tensors):
        return dict(tensors)
    return {
        key.removeprefix(backbone.prefix): value
        for key, value in tensors.items()
        if not key.startswith(backbone.head)
    }


def _read_timm(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    backbone: Backbone,
    image_size: int,
    file: WeightsFile,
) -> dict[str, Tensor]:
    """Validate weights by timm's keys; return them by the keys of the layers."""
    from core.models.timm_backbones import adapted, timm_keys

    names = timm_keys(backbone, image_size)
    by_name = {names[key]: like for key, like in expected.items()}
    try:
        tensors = adapted(_renamed(tensors, backbone), backbone, image_size)
    except UNREADABLE as error:
        raise WorkbenchError(f"{file.path.name} does not fit {backbone.label}.", ADVICE) from error
    used = {name: tensors[name] for name in by_name if name in tensors}
    read = validate_weights(used, by_name, file)
    return {key: read[name] for key, name in names.items()}


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

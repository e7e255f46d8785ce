"""Pre-trained weights of a backbone, from torchvision or from a file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from core.errors import WorkbenchError
from core.models.backbones import BACKBONES, Backbone, build_backbone
from core.models.pretrained import IMAGENET, fetch_imagenet
from core.models.weights import WeightsFile, read_untrusted, require_state_dict, validate_weights
from core.progress import Progress, Work
from core.workspace import Workspace


def load_backbone(workspace: Workspace, backbone: str, weights: str) -> Work[dict[str, Tensor]]:
    """Load a backbone's pre-trained weights, downloaded first if necessary.

    Args:
        workspace: Where downloaded weights are stored.
        backbone: A name of `BACKBONES`.
        weights: `pretrained.IMAGENET`, or the path of a file.

    Returns:
        The backbone's tensors, as `read_backbone` returns them.

    Raises:
        DownloadError: The download failed.
        MissingError: There is no such file.
        WorkbenchError: The file cannot be used, see `read_backbone`.
    """
    if weights == IMAGENET:
        path = yield from fetch_imagenet(workspace, backbone)
    else:
        path = Path(weights).expanduser()
    yield Progress(0, 0, "reading the pre-trained weights")
    return read_backbone(path, backbone)


def read_backbone(path: Path, backbone: str) -> dict[str, Tensor]:
    """Read a backbone's weights from a .pth or .safetensors in torchvision's layout.

    Layers after the backbone are skipped.

    Returns:
        float32 tensors (int64 for a batch norm's counter) by torchvision's keys, without the prefix
        that the backbone has in torchvision's whole network: all of the backbone's, and no other.

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
    with torch.device("meta"):
        expected = build_backbone(BACKBONES[backbone]).state_dict()
    advice = "Choose the backbone that the file was made for, or another file."
    file = WeightsFile(path, backbone, advice)
    return validate_weights(_backbone_part(tensors, BACKBONES[backbone]), expected, file)


def _backbone_part(tensors: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return the backbone's tensors by its own keys, from a whole network or the backbone alone."""
    if not any(key.startswith(backbone.prefix) for key in tensors):
        return dict(tensors)
    return {
        key.removeprefix(backbone.prefix): value
        for key, value in tensors.items()
        if not key.startswith(backbone.head)
    }

"""A backbone's pre-trained weights, wherever they come from."""

from pathlib import Path

from torch import Tensor

from core.models.pretrained import IMAGENET, fetch_imagenet
from core.models.weights import read_backbone
from core.progress import Progress, Work
from core.workspace import Workspace


def load_backbone(workspace: Workspace, backbone: str, weights: str) -> Work[dict[str, Tensor]]:
    """Read a backbone's pre-trained weights, downloaded first if need be.

    Args:
        workspace: Where downloaded weights are kept.
        backbone: The trunk's name.
        weights: `pretrained.IMAGENET`, or the path of a file.

    Returns:
        The trunk's tensors, as `weights.read_backbone` has them.

    Raises:
        DownloadError: They did not arrive.
        WorkbenchError: There is no such file, or it is not what it should be.
    """
    if weights == IMAGENET:
        path = yield from fetch_imagenet(workspace, backbone)
    else:
        path = Path(weights).expanduser()
    yield Progress(0, 0, "reading the pre-trained weights")
    return read_backbone(path, backbone)

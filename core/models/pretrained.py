"""Where torchvision's ImageNet weights are on this machine, and how they come to it.

torch is not imported: a page asks whether they are there before anything is trained.
"""

import os
from pathlib import Path

from core.errors import DownloadError
from core.models.backbones import find_backbone
from core.net.downloads import download, has_hash
from core.progress import Work
from core.workspace import Workspace

IMAGENET = "imagenet"
"""In place of a file of weights: those that torchvision publishes."""

NO_WEIGHTS = "none"
"""In place of a file of weights: from scratch."""

SOURCE = "https://download.pytorch.org/models"
"""The folder of torchvision's weights; written out, for its import takes two seconds."""

MIRROR = "WORKBENCH_WEIGHTS_URL"
"""Environment variable: the address of a folder with the same files, in torchvision's place."""

WITHOUT_NETWORK = "Without network, train from a weights file or from scratch."


def imagenet_file(workspace: Workspace, backbone: str) -> Path:
    """Return where the backbone's ImageNet weights are, or would be downloaded to.

    That is the workspace, unless only torch's own cache has them.
    """
    name = _file_name(backbone)
    own = workspace.weights / name
    cached = _torch_cache() / name
    return cached if cached.is_file() and not own.is_file() else own


def has_imagenet(workspace: Workspace, backbone: str) -> bool:
    """Say whether the backbone's ImageNet weights are here already."""
    return imagenet_file(workspace, backbone).is_file()


def fetch_imagenet(workspace: Workspace, backbone: str) -> Work[Path]:
    """Download the backbone's ImageNet weights, unless they are here; return the file.

    Its name ends in the first 8 digits of its SHA-256, and is held to that each time.

    Raises:
        DownloadError: They did not arrive, or not as they were published.
    """
    path = imagenet_file(workspace, backbone)
    name = _file_name(backbone)
    digits = Path(name).stem.rpartition("-")[2]
    target = workspace.weights / name
    if path != target and (yield from has_hash(path, sha256_prefix=digits)):
        return path
    url = f"{(os.environ.get(MIRROR) or SOURCE).rstrip('/')}/{name}"
    try:
        return (yield from download(url, target, sha256_prefix=digits))
    except DownloadError as error:
        raise DownloadError(error.problem, f"{error.advice} {WITHOUT_NETWORK}") from error


def _file_name(backbone: str) -> str:
    return find_backbone(backbone).weights_file


def _torch_cache() -> Path:
    """Return where `torch.hub` keeps weights, by the rules of its own documentation."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"

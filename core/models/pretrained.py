"""Download of torchvision's ImageNet weights, and where they are stored.

torch is not imported, so that pages can check for the weights without it.
"""

import os
from pathlib import Path

from core.errors import DownloadError
from core.models.backbones import BACKBONES
from core.net.downloads import download, has_hash
from core.progress import Work
from core.workspace import Workspace

IMAGENET = "imagenet"
"""Accepted in place of a weights file: torchvision's published weights."""

NO_WEIGHTS = "none"
"""Accepted in place of a weights file: from scratch."""

SOURCE = "https://download.pytorch.org/models"
"""The folder of torchvision's weights; written out because importing torchvision takes seconds."""

MIRROR = "WORKBENCH_WEIGHTS_URL"
"""Environment variable with the address of another folder with the same files."""

WITHOUT_NETWORK = "Without network, train from a weights file or from scratch."


def imagenet_file(workspace: Workspace, backbone: str) -> Path:
    """Return the path of the backbone's ImageNet weights, also if they are not downloaded yet.

    It is in the workspace, unless only torch's own cache has the file.
    """
    name = BACKBONES[backbone].weights_file
    own = workspace.weights / name
    cached = _torch_cache() / name
    return cached if cached.is_file() and not own.is_file() else own


def has_imagenet(workspace: Workspace, backbone: str) -> bool:
    """Return whether the backbone's ImageNet weights are on this machine."""
    return imagenet_file(workspace, backbone).is_file()


def fetch_imagenet(workspace: Workspace, backbone: str) -> Work[Path]:
    """Download the backbone's ImageNet weights if they are not here, and return the file.

    Its name ends in the first 8 digits of its SHA-256, which are verified each time.

    Raises:
        DownloadError: The download failed, or its checksum is wrong.
    """
    path = imagenet_file(workspace, backbone)
    name = BACKBONES[backbone].weights_file
    digits = Path(name).stem.rpartition("-")[2]
    target = workspace.weights / name
    if path != target and (yield from has_hash(path, sha256_prefix=digits)):
        return path
    url = f"{(os.environ.get(MIRROR) or SOURCE).rstrip('/')}/{name}"
    try:
        return (yield from download(url, target, sha256_prefix=digits))
    except DownloadError as error:
        raise DownloadError(error.problem, f"{error.advice} {WITHOUT_NETWORK}") from error


def _torch_cache() -> Path:
    """Return the folder in which `torch.hub` stores weights, by its documentation."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"

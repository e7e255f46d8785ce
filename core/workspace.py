"""The workspace: folders of datasets, artifacts, runs and jobs, its version, and valid names."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import DamagedArtifactError, WorkbenchError
from core.files import read_json, write_json

PROJECT = Path(__file__).parent.parent
DISK_VERSION = 2
"""Version of the formats on disk; 1 is release 0.1.0. Older ones are upgraded when opened."""

VERSION_FILE = "workspace.json"
RENAMED_FOLDERS = {"finders": "analyses"}
"""Folders below data/: name in version 1 → name now."""

MAX_TEXT_LENGTH = 200
"""Most characters of a tag or a label."""

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""Names of datasets and artifacts: each is a folder, a part of a URL and an argument."""


class _Folder:
    """Folder of a workspace, declared by its path below the workspace's home."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __get__(self, workspace: "Workspace", owner: type | None = None) -> Path:
        return workspace.home / self.path


@dataclass(frozen=True, slots=True)
class Workspace:
    """Folders of a workspace, for every function that reads or writes in it."""

    home: Path

    datasets = _Folder("data/datasets")
    """A folder for each dataset."""

    downloads = _Folder("data/downloads")
    """Downloaded archives, until they are unpacked."""

    embeddings = _Folder("data/embeddings")
    """A folder for each embedding of a dataset by a model."""

    indexes = _Folder("data/indexes")
    """A folder for each index."""

    sweeps = _Folder("data/sweeps")
    """A folder for each index sweep."""

    maps = _Folder("data/maps")
    """A folder for each embedding map."""

    analyses = _Folder("data/analyses")
    """A folder for each data quality analysis."""

    evaluations = _Folder("data/evaluations")
    """A folder for each evaluation."""

    features = _Folder("data/features")
    """Cache of decoded images and outputs of frozen layers; it may be deleted at any time."""

    objects = _Folder("data/objects")
    """Cache of images in object storage; it may be deleted at any time."""

    runs = _Folder("data/runs")
    """A folder for each training run, from its start."""

    jobs = _Folder("data/jobs")
    """A folder for each job."""

    models = _Folder("models")
    """A folder for each model."""

    weights = _Folder("models/pretrained")
    """Pre-trained weights, as torchvision publishes them."""

    exports = _Folder("data/exports")
    """Exported files."""

    batches = _Folder("data/exports/batches")
    """A folder for each table of batch results; no export of a dataset can have its name."""

    @property
    def artifacts(self) -> dict[str, Path]:
        """Kind of artifact → parent folder, in the order in which artifacts are made."""
        return {
            "model": self.models,
            "embeddings": self.embeddings,
            "sweep": self.sweeps,
            "index": self.indexes,
            "evaluation": self.evaluations,
            "map": self.maps,
            "analysis": self.analyses,
        }


def open_workspace(home: Path | None = None) -> Workspace:
    """Return the workspace at `home`, else at `$WORKBENCH_HOME`, else in the project's folder.

    A workspace of an earlier version is upgraded.

    Raises:
        WorkbenchError: A newer version of the workbench made it.
        DamagedArtifactError: Its version cannot be read.
    """
    chosen = home or os.environ.get("WORKBENCH_HOME") or PROJECT
    workspace = Workspace(Path(chosen).expanduser().resolve())
    data = workspace.home / "data"
    version = _version_of(data) if data.is_dir() else DISK_VERSION
    if version > DISK_VERSION:
        raise WorkbenchError(
            f"The workspace {workspace.home} was made by a newer version of the workbench.",
            "Update the workbench, or choose another workspace with WORKBENCH_HOME.",
        )
    if version < DISK_VERSION:
        for before, after in RENAMED_FOLDERS.items():
            if (data / before).is_dir() and not (data / after).exists():
                (data / before).rename(data / after)
        write_json(data / VERSION_FILE, {"version": DISK_VERSION})
    return workspace


def _version_of(data: Path) -> int:
    path = data / VERSION_FILE
    try:
        return int(read_json(path)["version"])
    except FileNotFoundError:  # Version 1 has no such file
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedArtifactError(
            f"{path} cannot be read.", "Delete that file; the workspace is upgraded again."
        ) from error


def check_name(name: str) -> str:
    """Return `name` if it is a valid name of a dataset or artifact.

    Raises:
        WorkbenchError: It is not a valid folder name, or points outside of the workspace.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise WorkbenchError(
            f"“{name[:80]}” cannot be used as a name." if name else "The name is empty.",
            "Use up to 80 letters, digits, dots, dashes and underscores, a letter or digit first.",
        )
    return name


def check_text(kind: str, text: str) -> str:
    """Return a tag or label without surrounding spaces.

    Raises:
        WorkbenchError: It is empty, too long, or has control characters.
    """
    text = text.strip()
    if not text:
        raise WorkbenchError(f"The {kind} is empty.", "Enter a name.")
    if len(text) > MAX_TEXT_LENGTH or not text.isprintable():
        raise WorkbenchError(
            f"“{text[:40]}” cannot be a {kind}.",
            f"Use up to {MAX_TEXT_LENGTH} characters, all on one line.",
        )
    return text

"""Manifests: settings, sources and facts of an artifact, and the checksums of its files."""

import functools
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from core.artifacts.upgrades import upgrade_manifest
from core.errors import DamagedArtifactError, MissingError, newer_version
from core.files import read_json, sha256_of, write_json
from core.options import fits, from_json
from core.workspace import DISK_VERSION, check_name

MANIFEST = "manifest.json"
VERSION = "version"
"""Key of a summary: the number of the artifact's version, from 2 on; see `versions.py`."""

FACTS = {
    "classes": list[str],
    "count": int,
    "dimension": int,
    "best_epoch": int,
    "epochs_trained": int,
    "num_train": int,
    "num_problems": int,
    "problems": dict[str, str],
}
"""Fact in a summary → its type, for those that other code reads of every kind of artifact."""

RECORDED_PACKAGES = ("torch", "torchvision", "faiss-gpu", "faiss-cpu", "numpy", "umap-learn")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Description of an artifact. It is shared between readers: do not modify it."""

    kind: str
    """model, embeddings, index, map, analysis, evaluation, sweep, batch or export."""

    id: str
    """Name of its folder."""

    created: str
    """Time of publication: ISO 8601, UTC."""

    config: dict[str, Any]
    """The settings it was made with."""

    made_from: dict[str, str]
    """Of each source: kind → id, and kind_fingerprint → fingerprint."""

    summary: dict[str, Any]
    """Facts worth listing: counts, dimensions, classes, measurements."""

    files: dict[str, str]
    """SHA-256 of each file beside the manifest."""

    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the packages that made it."""

    disk_version: int = DISK_VERSION
    """Version of the format; an older one is upgraded when it is read."""

    original_fingerprint: str = ""
    """Its fingerprint before an upgrade, which other artifacts refer to; empty without one."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """Identifier of the content, which changes with any file or setting."""
        return self.original_fingerprint or _digest(asdict(self))

    @property
    def as_source(self) -> dict[str, str]:
        """Return the `made_from` of what is made from it: its own sources and itself."""
        return self.made_from | {self.kind: self.id, f"{self.kind}_fingerprint": self.fingerprint}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest into an artifact's folder, atomically, with a digest of its content."""
    content = asdict(manifest)
    write_json(folder / MANIFEST, content | {"digest": _digest(content)})


def read_manifest(folder: Path) -> Manifest:
    """Read an artifact's manifest, without verifying the files beside it.

    A manifest of an older version is upgraded on disk first. Manifests are cached by the file's
    size, time and inode, because every page lists every artifact on each run.

    Raises:
        MissingError: There is no such artifact.
        DamagedArtifactError: The manifest was edited or cut off.
        WorkbenchError: A newer version of the workbench wrote it.
    """
    path = folder / MANIFEST
    try:
        manifest = _cached_manifest(*_state_of(path))
        if manifest.disk_version < DISK_VERSION:
            _upgrade(folder, manifest)
            manifest = _cached_manifest(*_state_of(path))
    except FileNotFoundError as error:
        raise MissingError(
            f"There is no “{folder.name}”.", "Choose one that is listed, or make it again."
        ) from error
    return manifest


def content_of(folder: Path, manifest: Manifest) -> Path:
    """Return the folder of an artifact's files: its own, or inside it that of a later version."""
    number = manifest.summary.get(VERSION)
    return folder / f"v{number}" if isinstance(number, int) else folder


def was_updated(folder: Path, manifest: Manifest) -> bool:
    """Return whether an artifact has another version now than the one of a manifest."""
    try:
        return read_manifest(folder).fingerprint != manifest.fingerprint
    except MissingError:
        return False


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare each file that a manifest names with its checksum.

    Checksums are cached by path, size, time and inode.

    Raises:
        DamagedArtifactError: A file is missing or was changed; the message names it.
    """
    for name, expected in manifest.files.items():
        path = content_of(folder, manifest) / check_name(name)
        try:
            actual = _cached_sha256(*_state_of(path))
        except OSError as error:
            raise _damaged(folder, path) from error
        if actual != expected:
            raise _damaged(folder, path)


@functools.cache
def package_versions() -> dict[str, str]:
    """Return the installed versions of the packages that manifests record."""
    versions = {}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _upgrade(folder: Path, old: Manifest) -> None:
    """Replace a manifest by its upgraded version.

    Renamed files get a second name first, and lose the old one last: at any moment the manifest on
    disk, old or new, names files that exist. Another process may be at any of these steps.
    """
    content, renamed = upgrade_manifest(asdict(old))
    for before, after in renamed.items():
        with suppress(FileExistsError, FileNotFoundError):
            (folder / after).hardlink_to(folder / before)
    fields = content | {"disk_version": DISK_VERSION, "original_fingerprint": old.fingerprint}
    write_manifest(folder, Manifest(**fields))
    for before in renamed:
        (folder / before).unlink(missing_ok=True)


def _damaged(folder: Path, path: Path) -> DamagedArtifactError:
    return DamagedArtifactError(
        f"{folder.name}/{path.relative_to(folder).as_posix()} is damaged or was changed by hand.",
        "Delete that folder and make it again, or put the original file back.",
    )


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's fields; version 1 had no field for the version."""
    if content.get("disk_version") == 1:
        content = {
            name: value
            for name, value in content.items()
            if name not in ("disk_version", "original_fingerprint")
        }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _state_of(path: Path) -> tuple[Path, int, int, int]:
    """Return path, size, time and inode of a file, one of which changes with the content."""
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns, stat.st_ino


@functools.lru_cache(maxsize=4096)
def _cached_manifest(path: Path, *state: int) -> Manifest:
    del state  # Part of the key
    try:
        content = read_json(path)
        digest = content.pop("digest")
        content.setdefault("disk_version", 1)
        if content["disk_version"] > DISK_VERSION:
            raise newer_version(f"“{path.parent.name}”")
        manifest = from_json(Manifest, content)
        wrong = [
            name
            for name, value in manifest.summary.items()
            if name in FACTS and not fits(value, FACTS[name])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path.parent, path) from error
    if wrong or digest != _digest(asdict(manifest)):
        raise _damaged(path.parent, path)
    return manifest


@functools.lru_cache(maxsize=4096)
def _cached_sha256(path: Path, *state: int) -> str:
    del state  # Part of the key
    return sha256_of(path)

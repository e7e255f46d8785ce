"""Artefacts on disk: folders that are complete or not there, and say what they were made from.

What is inside a model, an index or a map is the business of the module that makes it.
"""

import functools
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from core.errors import DamagedArtifactError, MissingError
from core.files import sha256_of, sync_file, sync_folder, write_json
from core.workspace import check_name

MANIFEST = "manifest.json"
DRAFT_PREFIX = ".draft-"
RECORDED_PACKAGES = ("torch", "torchvision", "faiss-gpu", "faiss-cpu", "numpy", "umap-learn")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an artefact is, how it was made, and from what. Not to be written into: it is shared."""

    kind: str
    """model, embeddings, index, map, finders or evaluation."""

    id: str
    """Its folder's name."""

    created: str
    """When it was published: ISO 8601, UTC."""

    config: dict[str, Any]
    """The settings it was made with."""

    made_from: dict[str, str]
    """What it was made from: kind → id, and kind_fingerprint → fingerprint, one for each input."""

    summary: dict[str, Any]
    """Facts worth listing: counts, dimensions, classes, measurements."""

    files: dict[str, str]
    """SHA-256 of each file beside the manifest."""

    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the packages that made it."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """Identifies this artefact's content: changes with any of its files or settings."""
        return _digest(asdict(self))


def fresh_id(parent: Path, stem: str) -> str:
    """Return `stem`, or `stem-2`, `stem-3`, … if `parent` has a folder of that name already."""
    check_name(stem)
    number, name = 1, stem
    while (parent / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


@contextmanager
def draft(parent: Path) -> Iterator[Path]:
    """Give a private folder to write an artefact into; what is not published is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{DRAFT_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(
    folder: Path,
    *,
    kind: str,
    stem: str,
    config: Mapping[str, Any],
    made_from: Mapping[str, str],
    summary: Mapping[str, Any],
) -> Manifest:
    """Turn the draft `folder` into the artefact `stem` beside it, in one rename.

    Returns:
        The manifest as written; its `id` is `stem`, numbered if that name was taken.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        sync_file(path)
    checksums = {path.name: sha256_of(path) for path in files}
    while True:
        manifest = Manifest(
            kind=kind,
            id=fresh_id(folder.parent, stem),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            config=dict(config),
            made_from=dict(made_from),
            summary=dict(summary),
            files=checksums,
            versions=_versions(),
        )
        content = asdict(manifest)
        write_json(folder / MANIFEST, content | {"digest": _digest(content)})
        try:
            folder.rename(folder.parent / manifest.id)
        except OSError:  # Another process took the name between the look and the rename
            if not (folder.parent / manifest.id).exists():
                raise
            continue
        sync_folder(folder.parent)
        return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read an artefact's manifest, without yet trusting the files beside it.

    It is remembered as its files are: every page lists every artefact each time it is drawn.

    Raises:
        MissingError: There is no such artefact.
        DamagedArtifactError: The manifest was edited or cut off.
    """
    path = folder / MANIFEST
    try:
        return _remembered_manifest(*_state_of(path))
    except FileNotFoundError as error:
        raise MissingError(
            f"There is no “{folder.name}”.", "Choose one that is listed, or make it again."
        ) from error


def open_artifact(parent: Path, artifact_id: str) -> Manifest:
    """Read an artefact's manifest and verify every file that it names.

    A file once verified is remembered by path, size, time and inode, and not read again.

    Raises:
        MissingError: There is no such artefact.
        DamagedArtifactError: A file is missing or was changed; the sentence names it.
    """
    folder = parent / check_name(artifact_id)
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        path = folder / check_name(name)
        try:
            actual = _remembered_sha256(*_state_of(path))
        except OSError as error:
            raise _damaged(path) from error
        if actual != expected:
            raise _damaged(path)
    return manifest


def list_artifacts(parent: Path) -> tuple[list[Manifest], list[str]]:
    """Return the artefacts in `parent`, newest first, and a sentence for each damaged one."""
    manifests, damaged = [], []
    for folder in parent.iterdir() if parent.is_dir() else ():
        if folder.name.startswith(".") or not (folder / MANIFEST).exists():
            continue
        try:
            manifests.append(read_manifest(folder))
        except DamagedArtifactError as error:
            damaged.append(str(error))
    manifests.sort(key=lambda manifest: (manifest.created, manifest.id), reverse=True)
    return manifests, damaged


def delete_artifact(parent: Path, artifact_id: str) -> None:
    """Remove an artefact, in one rename first, so that nobody meets half of it."""
    folder = parent / check_name(artifact_id)
    doomed = parent / f"{DRAFT_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.rename(doomed)
    except FileNotFoundError as error:
        raise MissingError(f"There is no “{artifact_id}”.", "It may be deleted already.") from error
    shutil.rmtree(doomed, ignore_errors=True)


def sweep_drafts(parent: Path) -> None:
    """Remove what dead processes left half-written in `parent`."""
    for folder in parent.glob(f"{DRAFT_PREFIX}*") if parent.is_dir() else ():
        owner = folder.name.removeprefix(DRAFT_PREFIX).split("-")[0]
        if not (owner.isdigit() and psutil.pid_exists(int(owner))):
            shutil.rmtree(folder, ignore_errors=True)


def _damaged(path: Path) -> DamagedArtifactError:
    return DamagedArtifactError(
        f"{path.parent.name}/{path.name} is damaged or was changed by hand.",
        "Delete that folder and make it again, or put the original file back.",
    )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _state_of(path: Path) -> tuple[Path, int, int, int]:
    """Return the path, size, time and inode of a file: one of them changes when the file does."""
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns, stat.st_ino


@functools.lru_cache(maxsize=4096)
def _remembered_manifest(path: Path, *state: int) -> Manifest:
    del state  # Part of the key
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        digest = content.pop("digest")
        manifest = Manifest(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error
    if digest != _digest(content):
        raise _damaged(path)
    return manifest


@functools.lru_cache(maxsize=4096)
def _remembered_sha256(path: Path, *state: int) -> str:
    del state  # Part of the key
    return sha256_of(path)


@functools.cache
def _versions() -> dict[str, str]:
    versions = {}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions

"""Artifact folders: drafts, publication in one rename, opening, listing and deletion.

An artifact is complete or does not exist. Its content is defined by the module that makes it.
"""

import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from core.artifacts.manifests import (
    MANIFEST,
    Manifest,
    package_versions,
    read_manifest,
    verify_files,
    was_updated,
    write_manifest,
)
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.files import sha256_of, sync_file, sync_folder
from core.workspace import check_name

DRAFT_PREFIX = ".draft-"


def fresh_id(parent: Path, stem: str) -> str:
    """Return `stem`, or `stem-2`, `stem-3`, … if `parent` has a folder of that name."""
    check_name(stem)
    number, name = 1, stem
    while (parent / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


@contextmanager
def draft(parent: Path) -> Iterator[Path]:
    """Provide a private folder to write an artifact into; it is removed unless published."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / _draft_name()
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
    """Make the draft `folder` the artifact `stem` beside it, in one rename.

    Returns:
        The manifest as written; its `id` is `stem`, with a number if that name was taken.
    """
    checksums = sync_files(folder)
    while True:
        manifest = Manifest(
            kind=kind,
            id=fresh_id(folder.parent, stem),
            created=now(),
            config=as_read(config),
            made_from=dict(made_from),
            summary=dict(summary),
            files=checksums,
            versions=package_versions(),
        )
        write_manifest(folder, manifest)
        try:
            folder.rename(folder.parent / manifest.id)
        except OSError:  # Another process may have taken the name since `fresh_id`
            if not (folder.parent / manifest.id).exists():
                raise
            continue
        sync_folder(folder.parent)
        return manifest


def sync_files(folder: Path) -> dict[str, str]:
    """Make the files of a draft durable, and return the SHA-256 of each."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        sync_file(path)
    return {path.name: sha256_of(path) for path in files}


def now() -> str:
    """Return the time of publication: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def as_read(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they will be read from JSON: lists, no tuples."""
    return dict(json.loads(json.dumps(dict(config))))


def open_artifact(parent: Path, artifact_id: str) -> Manifest:
    """Read an artifact's manifest and verify every file that it names.

    If the artifact is updated meanwhile, its new version is read.

    Raises:
        MissingError: There is no such artifact.
        DamagedArtifactError: A file is missing or was changed; the message names it.
    """
    folder = parent / check_name(artifact_id)
    while True:
        manifest = read_manifest(folder)
        try:
            verify_files(folder, manifest)
        except DamagedArtifactError:
            if was_updated(folder, manifest):
                continue
            raise
        return manifest


def list_artifacts(parent: Path) -> tuple[list[Manifest], list[str]]:
    """Return the manifests in `parent`, newest first, and a message for each damaged one."""
    manifests, damaged = [], []
    for folder in parent.iterdir() if parent.is_dir() else ():
        if folder.name.startswith(".") or not (folder / MANIFEST).exists():
            continue
        try:
            manifests.append(read_manifest(folder))
        except WorkbenchError as error:
            damaged.append(str(error))
    manifests.sort(key=lambda manifest: (manifest.created, manifest.id), reverse=True)
    return manifests, damaged


def delete_artifact(parent: Path, artifact_id: str) -> None:
    """Delete an artifact: rename it first, so that no reader finds an incomplete one."""
    folder = parent / check_name(artifact_id)
    doomed = parent / _draft_name()
    try:
        folder.rename(doomed)
    except FileNotFoundError as error:
        raise MissingError(f"There is no “{artifact_id}”.", "It may be deleted already.") from error
    shutil.rmtree(doomed, ignore_errors=True)


def remove_stale_drafts(parent: Path) -> None:
    """Remove drafts of ended processes of this machine from `parent`.

    A workspace on a shared file system may have drafts of other machines.
    """
    for folder in parent.glob(f"{DRAFT_PREFIX}*") if parent.is_dir() else ():
        owner, _, rest = folder.name.removeprefix(DRAFT_PREFIX).partition("-")
        host = rest.partition("-")[2]  # Earlier releases wrote none
        if host in ("", platform.node()) and not (
            owner.isdigit() and psutil.pid_exists(int(owner))
        ):
            shutil.rmtree(folder, ignore_errors=True)


def _draft_name() -> str:
    """Return a new name, with process and machine, by which what it has left is recognized."""
    return f"{DRAFT_PREFIX}{os.getpid()}-{secrets.token_hex(4)}-{platform.node()}"

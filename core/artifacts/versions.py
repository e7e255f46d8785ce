"""Versions of an artifact: other content under the same id, so that links to it stay valid.

The files of the first version are in the artifact's folder, those of version N in `vN` inside it.
The manifest beside them names the current version, and is replaced last: readers find the one
version or the other. Files are never written in place, as others may have them open or mapped.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.artifacts.folders import as_read, now, open_artifact, sync_files
from core.artifacts.manifests import (
    MANIFEST,
    VERSION,
    Manifest,
    content_of,
    package_versions,
    read_manifest,
    was_updated,
    write_manifest,
)
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.files import sync_folder
from core.progress import T, Work

VERSION_FOLDER = re.compile(r"v[0-9]+")


def publish_version(
    folder: Path,
    current: Manifest,
    *,
    config: Mapping[str, Any],
    made_from: Mapping[str, str],
    summary: Mapping[str, Any],
) -> Manifest:
    """Make the draft `folder` the next version of an artifact beside it.

    If the process is killed, the artifact has its current version or the new one. The files of the
    current one are removed; the system frees their disk space when no process has them open.

    Args:
        folder: The draft.
        current: The version that the new one is made from.
        config: Settings.
        made_from: Sources.
        summary: Facts.

    Returns:
        The manifest as written, with the number of the version in its summary.

    Raises:
        MissingError: The artifact was deleted meanwhile.
        WorkbenchError: It has another version than `current` by now.
    """
    home = folder.parent / current.id
    checksums = sync_files(folder)
    sync_folder(folder)
    read_manifest(home)
    with _locked(home):
        if read_manifest(home).fingerprint != current.fingerprint:
            raise WorkbenchError(
                f"{current.id} was updated by another job meanwhile.",
                "Use it as it is, or update it again.",
            )
        manifest = Manifest(
            kind=current.kind,
            id=current.id,
            created=now(),
            config=as_read(config),
            made_from=dict(made_from),
            summary={**summary, VERSION: current.summary.get(VERSION, 1) + 1},
            files=checksums,
            versions=package_versions(),
        )
        _replace_version(home, folder, manifest)
    return manifest


def _replace_version(home: Path, folder: Path, manifest: Manifest) -> None:
    """Move the draft `folder` into an artifact, make it the current version, remove others."""
    content = content_of(home, manifest)
    shutil.rmtree(content, ignore_errors=True)  # Of an update that was killed here
    folder.rename(content)
    sync_folder(home)
    write_manifest(home, manifest)
    _remove_other_versions(home, manifest)


def on_one_version(parent: Path, artifact_id: str, work: Callable[[Manifest], Work[T]]) -> Work[T]:
    """Run work that reads an artifact's files; from the start if it fails as they were updated.

    Raises:
        MissingError: There is no such artifact.
        DamagedArtifactError: A file was changed.
    """
    while True:
        manifest = open_artifact(parent, artifact_id)
        try:
            return (yield from work(manifest))
        except (MissingError, DamagedArtifactError, FileNotFoundError):
            if not was_updated(parent / artifact_id, manifest):
                raise


def remove_old_versions(parent: Path) -> None:
    """Remove what killed updates of artifacts in `parent` have left."""
    for content in parent.glob("*/v[0-9]*") if parent.is_dir() else ():
        home = content.parent
        with suppress(WorkbenchError, FileNotFoundError), _locked(home):
            _remove_other_versions(home, read_manifest(home))


def as_first_version(manifest: Manifest) -> Manifest:
    """Return the manifest of a copy whose files are beside it, as in an artifact without updates.

    Its fingerprint is another one.
    """
    summary = {name: value for name, value in manifest.summary.items() if name != VERSION}
    return replace(manifest, summary=summary)


def _remove_other_versions(home: Path, manifest: Manifest) -> None:
    current = content_of(home, manifest)
    others = [home / name for name in manifest.files if current != home]
    others += [path for path in home.iterdir() if VERSION_FOLDER.fullmatch(path.name)]
    for path in others:
        if path.name == MANIFEST or path == current:
            continue
        with suppress(OSError):  # Windows cannot remove files that are open
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change the version; a kill releases the lock, too."""
    if sys.platform == "win32":  # It has no such locks; jobs of the app run one after the other
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # Some network file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

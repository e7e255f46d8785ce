"""Sources of datasets: a folder or an address, an archive, or Caltech-101 by download."""

from dataclasses import replace
from pathlib import Path

from core.artifacts.folders import draft
from core.datasets.file_search import existing_folder
from core.datasets.importing.archives import Unpacked, unpack
from core.datasets.importing.caltech import fetch, find_root
from core.datasets.importing.rejected import write_rejected
from core.datasets.importing.scan import Source, add_folder, fill
from core.datasets.layout import AS_RECOGNIZED, BACKGROUND, Reading
from core.datasets.registry import Dataset, publish_dataset, require_free_name
from core.datasets.splits import SplitConfig
from core.errors import MissingError
from core.net.object_paths import is_remote
from core.progress import Work
from core.workspace import Workspace


def folder_source(path: Path, reading: Reading = AS_RECOGNIZED) -> Source:
    """Return a folder as a source; Caltech-101 is recognized at its root or one level above.

    The folder may be one that stands for an address (`core.net.object_paths.folder_of`).

    Raises:
        MissingError: There is no such folder.
    """
    left_out = () if reading.keep_background else (BACKGROUND,)
    if is_remote(path):
        return Source(root=path, kind="address", left_out=left_out, reading=reading)
    folder = existing_folder(path)
    try:
        root = find_root(folder)
        return Source(root=root, kind="caltech101", left_out=left_out, reading=reading)
    except MissingError:
        has_background = (folder / BACKGROUND).is_dir()
        left_out = left_out if has_background else ()
        return Source(root=folder, left_out=left_out, reading=reading)


def add_caltech101(
    workspace: Workspace, name: str, splits: SplitConfig, *, keep_background: bool = False
) -> Work[Dataset]:
    """Download Caltech-101, unless it was downloaded before, and import it as `name`.

    Raises:
        DownloadError: It could not be fetched.
        WorkbenchError: The name is taken.
    """
    require_free_name(workspace, name)
    target = workspace.downloads / "caltech101"
    if not target.is_dir():
        yield from fetch(workspace, target)
    source = folder_source(target, Reading(keep_background=keep_background))
    return (yield from add_folder(workspace, name, source, splits))


def add_archive(
    workspace: Workspace,
    name: str,
    archive: Path,
    splits: SplitConfig,
    reading: Reading = AS_RECOGNIZED,
) -> Work[tuple[Dataset, Unpacked]]:
    """Unpack an archive into the folder of a new dataset; complete or not at all.

    Raises:
        MissingError: The archive is not there.
        WorkbenchError: It cannot be used (see `unpack`), or the name is taken.
    """
    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        images = folder / "images"
        unpacked = yield from unpack(archive, images, encoding=reading.encoding)
        source = folder_source(images, reading)
        yield from fill(folder, replace(source, kind="zip"), splits)
        write_rejected(folder, [*unpacked.rejected, *unpacked.skipped.rejected])
        return publish_dataset(workspace, folder, name), unpacked

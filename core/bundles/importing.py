"""Import of a bundle: a dataset of its thumbnails, its model, its embeddings and its index."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from safetensors import SafetensorError

from core.artifacts.folders import delete_artifact, draft, open_artifact
from core.artifacts.manifests import Manifest
from core.bundles.checks import check_chain, check_embeddings, check_index
from core.bundles.file import KINDS, BundleFile, BundleImage, open_bundle_file, thumbnail_entry
from core.bundles.pictures import check_pictures
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.export.names import FreeNames, TreeNames, fit
from core.datasets.importing.reading import columns_of
from core.datasets.layout import Labels, Layout
from core.datasets.registry import (
    CATALOG,
    Dataset,
    delete_dataset,
    describe_dataset,
    publish_dataset,
    require_free_name,
)
from core.datasets.root import Root
from core.embeddings.config import read_embed_config
from core.embeddings.files import (
    Embeddings,
    NewEmbeddings,
    open_embeddings,
    publish_embeddings,
)
from core.embeddings.reuse import UNKNOWN, as_array
from core.embeddings.task import plan_embedding
from core.errors import UnreadableImageError, WorkbenchError
from core.images.isolation import read_header
from core.indexes.config import IndexConfig
from core.indexes.files import Index, open_index, publish_index
from core.models.importing import ModelContent, import_content
from core.models.model import WEIGHTS, load_model
from core.models.weights import read_safetensors
from core.progress import Progress, Work
from core.workspace import Workspace, check_name

FOLDER = "images"
"""Folder of the thumbnails, inside that of the dataset."""

SPARE_BYTES = 64 << 20
"""Free space beyond twice the size of the bundle, which is unpacked and then moved."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The verified parts of a bundle."""

    model: ModelContent
    model_id: str
    embeddings: Embeddings
    index: Index


def import_bundle(workspace: Workspace, path: Path, name: str) -> Work[Manifest]:
    """Import a bundle that `export_bundle` wrote; return the manifest of its index.

    All of it is verified before any part is published, and either all parts are published or none.
    The new dataset `name` has the thumbnails as images, with the same ids; the model keeps its
    name, numbered if that is taken.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: The name is taken or invalid; the file is not a bundle, is damaged, or its
            parts do not belong together; or the disk is full.
    """
    require_free_name(workspace, check_name(name))
    yield Progress(0, 0, "reading the bundle")
    with (
        open_bundle_file(path) as bundle,
        draft(workspace.indexes) as unpacked,
        draft(workspace.datasets) as folder,
        ExitStack() as undo,
    ):
        _check_room(bundle, folder)
        parts = yield from _read_parts(bundle, unpacked)
        contents = yield from _fill_dataset(bundle, folder)
        model = yield from import_content(workspace, path, parts.model, parts.model_id)
        undo.callback(delete_artifact, workspace.models, model.id)
        with _refusing(bundle):
            opened = load_model(workspace, model.id)
            yield from check_pictures(bundle, opened, parts.embeddings)
        del opened
        dataset = publish_dataset(workspace, folder, name)
        undo.callback(delete_dataset, workspace, name)
        embeddings = _publish_embeddings(workspace, dataset, model.id, parts.embeddings, contents)
        undo.callback(delete_artifact, workspace.embeddings, embeddings.manifest.id)
        config = IndexConfig(**parts.index.manifest.config)
        manifest = yield from publish_index(
            workspace, embeddings, parts.index.store, config, summary={}
        )
        undo.pop_all()
        return manifest


def _check_room(bundle: BundleFile, folder: Path) -> None:
    needed, free = 2 * bundle.num_bytes + SPARE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise WorkbenchError(
            f"The bundle needs {needed / 1e9:.1f} GB of the disk while it is imported; "
            f"{free / 1e9:.1f} GB are free.",
            "Free disk space, then import it again.",
        )


def _read_parts(bundle: BundleFile, folder: Path) -> Work[_Parts]:
    """Unpack the artifacts into a temporary workspace, and open them there."""
    unpacked = Workspace(folder)
    for kind in KINDS:
        yield Progress(0, 0, f"unpacking the {kind}")
        bundle.unpack(kind, unpacked.artifacts[kind] / kind)
    yield Progress(0, 0, "checking the index")
    with _refusing(bundle):
        model = open_artifact(unpacked.models, "model")
        embeddings = open_embeddings(unpacked, "embeddings")
        index = open_index(unpacked, "index", writable=True)
        check_chain(model, embeddings.manifest, index.manifest)
        check_embeddings(embeddings, model.config["network"]["dimension"])
        yield from check_index(index, embeddings)
        weights, _ = read_safetensors(unpacked.models / "model" / WEIGHTS)
        content = ModelContent(model.config["network"], model.summary["classes"], weights)
        return _Parts(content, check_name(model.id), embeddings, index)


@contextmanager
def _refusing(bundle: BundleFile) -> Iterator[None]:
    """Translate what an unfit part of a bundle raises.

    Raises:
        WorkbenchError: The bundle cannot be used, and why.
    """
    try:
        yield
    except WorkbenchError as error:
        raise bundle.wrong(f"cannot be used: {error.problem.rstrip('.')}") from error
    except KeyError as error:
        raise bundle.wrong(f"cannot be used: its manifests lack {error}") from error
    except (ValueError, TypeError, AttributeError, OSError, SafetensorError) as error:
        raise bundle.wrong(f"cannot be used: {error}") from error


def _fill_dataset(bundle: BundleFile, folder: Path) -> Work[dict[int, bytes]]:
    """Make a dataset of the thumbnails in a folder; return image id → SHA-256."""
    images = bundle.images()
    root = folder / FOLDER
    root.mkdir()
    files = {}
    for done, (image, path) in enumerate(zip(images, _paths(images), strict=True)):
        yield Progress(done, len(images), "unpacking thumbnails")
        files[image.id] = _unpack(bundle, image, root, path)
    has_labels = any(image.label for image in images)
    layout = Layout(labels=Labels.TOP if has_labels else Labels.NONE)
    roots = [Root(path=root, layout=layout)]
    catalog = Catalog(folder / CATALOG)
    catalog.create()
    catalog.write(new=files.values())
    describe_dataset(folder, roots=roots, source="bundle", left_out=())
    return {image_id: bytes.fromhex(file.sha256) for image_id, file in files.items()}


def _paths(images: Sequence[BundleImage]) -> list[str]:
    """Return the path of each thumbnail below the root: a folder per class, valid on any disk."""
    folders = TreeNames((image.label, None) for image in images)
    free: dict[str, FreeNames] = {}
    paths = []
    for image in images:
        folder = folders.folder_of(image.label)
        stem = fit(Path(image.path).stem)
        paths.append(f"{folder}/{free.setdefault(folder, FreeNames()).take(stem, '.jpg')}")
    return paths


def _unpack(bundle: BundleFile, image: BundleImage, root: Path, path: str) -> ImageRow:
    jpeg = bundle.read(thumbnail_entry(image.id))
    if hashlib.sha256(jpeg).hexdigest() != image.sha256:
        raise bundle.wrong(f"is damaged: the thumbnail of image {image.id} was changed")
    try:
        header = read_header(BytesIO(jpeg), name=thumbnail_entry(image.id))
    except UnreadableImageError as error:
        raise bundle.wrong(f"is damaged: {error.problem.rstrip('.')}") from error
    file = root / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(jpeg)
    return ImageRow(
        id=image.id,
        root=0,
        path=path,
        label=image.label,
        split=image.split,
        size_bytes=len(jpeg),
        modified_ns=file.stat().st_mtime_ns,
        sha256=image.sha256,
        **columns_of(header),
    )


def _publish_embeddings(
    workspace: Workspace,
    dataset: Dataset,
    model: str,
    embeddings: Embeddings,
    contents: dict[int, bytes],
) -> Embeddings:
    """Save the embeddings as those of the thumbnails, so that these are not embedded again."""
    config, _ = read_embed_config(embeddings.manifest)
    config = replace(config, precision=embeddings.encoding.precision)
    task = plan_embedding(workspace, dataset.name, model, config)
    whitening = embeddings.encoding.whitening
    made = NewEmbeddings(
        image_ids=embeddings.image_ids,
        contents=as_array([contents.get(int(i), UNKNOWN) for i in embeddings.image_ids]),
        plain=embeddings.vectors if whitening is None else embeddings.plain,
        vectors=embeddings.vectors,
        encoding=replace(task.encoding, whitening=whitening),
    )
    count, dimension = made.vectors.shape
    summary = {"count": count, "dimension": dimension, "num_problems": 0, "problems": {}}
    return open_embeddings(workspace, publish_embeddings(workspace, task, made, summary).id)

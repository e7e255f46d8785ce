"""Export of an index as a bundle: with its model, embeddings and thumbnails in one file."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft, open_artifact
from core.artifacts.manifests import MANIFEST, Manifest, content_of, write_manifest
from core.artifacts.versions import as_first_version, on_one_version
from core.bundles.file import (
    DESCRIPTION,
    FORMAT,
    IMAGES,
    VERSION,
    BundleImage,
    thumbnail_entry,
)
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.files import Embeddings, embeddings_of
from core.errors import MissingError, UnreadableImageError, WorkbenchError
from core.images.thumbnails import cache_thumbnails, thumbnail
from core.indexes.info import ExportFormat, check_is_file, file_name
from core.progress import Progress, Work
from core.workspace import Workspace

BLOCK = 256
"""Images whose thumbnails are made at a time."""


def export_bundle(workspace: Workspace, index_id: str) -> Work[Path]:
    """Write an index and all that a search needs into one file, replacing an earlier one.

    Unreadable images have no thumbnail in it.

    Raises:
        MissingError: The index, its model, embeddings or dataset is gone.
        DamagedArtifactError: A file was changed.
        WorkbenchError: The index is on a Milvus server, or none of its images can be read.
    """
    export = partial(_export, workspace)
    return (yield from on_one_version(workspace.indexes, index_id, export))


def _export(workspace: Workspace, index: Manifest) -> Work[Path]:
    check_is_file(index)
    with draft(workspace.exports) as folder:
        file = folder / file_name(index, ExportFormat.BUNDLE)
        yield from _pack(workspace, index, embeddings_of(workspace, index), file)
        return publish_export(workspace, index, file)


def _pack(workspace: Workspace, index: Manifest, embeddings: Embeddings, file: Path) -> Work[None]:
    model = _model_of(workspace, index)
    dataset = open_dataset(workspace, index.made_from["dataset"])
    with zipfile.ZipFile(file, "w") as archive:
        for manifest in (model, embeddings.manifest, index):
            yield Progress(0, 0, f"packing the {manifest.kind}")
            content = content_of(workspace.artifacts[manifest.kind] / manifest.id, manifest)
            for name in manifest.files:
                archive.write(content / name, f"{manifest.kind}/{name}")
            write_manifest(file.parent, as_first_version(manifest))
            archive.write(file.parent / MANIFEST, f"{manifest.kind}/{MANIFEST}")
        images = yield from _pack_thumbnails(archive, dataset, embeddings.image_ids.tolist())
        if not images:
            raise WorkbenchError(
                f"None of the {len(embeddings.image_ids):,} images can be read, so a bundle would "
                "have no thumbnails.",
                "Check that the folder of the dataset is still there, then export again.",
            )
        lines = "".join(
            json.dumps(asdict(image), ensure_ascii=False) + "\n" for image in images
        ).encode()
        description = {
            "format": FORMAT,
            "version": VERSION,
            "dataset": dataset.name,
            "index": index.id,
            "num_images": len(embeddings.image_ids),
            "num_thumbnails": len(images),
            IMAGES: hashlib.sha256(lines).hexdigest(),
        }
        archive.writestr(IMAGES, lines)
        archive.writestr(DESCRIPTION, json.dumps(description, indent=2))
        archive.writestr("README.txt", README.format(**description))


def _model_of(workspace: Workspace, index: Manifest) -> Manifest:
    model = open_artifact(workspace.models, index.made_from["model"])
    if model.fingerprint != index.made_from["model_fingerprint"]:
        raise MissingError(
            f"The model that {index.id} was made with is gone or was trained again.",
            "Build the index again, then export that one.",
        )
    return model


def _pack_thumbnails(
    archive: zipfile.ZipFile, dataset: Dataset, image_ids: Sequence[int]
) -> Work[list[BundleImage]]:
    images = []
    for start in range(0, len(image_ids), BLOCK):
        yield Progress(start, len(image_ids), "packing thumbnails")
        rows = dataset.catalog.rows_by_id(image_ids[start : start + BLOCK])
        cache_thumbnails(
            [(dataset.path_of(row), row.sha256) for row in rows.values()], dataset.thumbnails
        )
        for row in rows.values():
            try:
                jpeg = thumbnail(dataset.path_of(row), dataset.thumbnails, row.sha256)
            except UnreadableImageError:
                continue
            archive.writestr(thumbnail_entry(row.id), jpeg)
            sha256 = hashlib.sha256(jpeg).hexdigest()
            images.append(
                BundleImage(
                    id=row.id, path=row.path, label=row.label, split=row.split, sha256=sha256
                )
            )
    return images


README = """\
An index of {num_images} images of “{dataset}” with all that a search needs: the model, the
embeddings, and a thumbnail of each image. Import it in the Image Retrieval Workbench, on the
Indexes page or with

    python -m core import-bundle FILE --name NAME

model, embeddings, index   each with a manifest that has a SHA-256 of each file
images                     JPEGs of {num_thumbnails} images, named by id
images.jsonl               id, path, label, split and SHA-256 of each of them
"""

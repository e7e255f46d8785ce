"""One file with all that answers queries elsewhere: model, embeddings, index, small pictures.

It is a zip whose entries are stored as they are, so it unpacks to its own size. What is in it:
`bundle.json` (what follows here), `images.jsonl` (a `Picture` a line), `images/ID.jpg`, and the
folders `model`, `embeddings` and `index` as they are in the workspace, each with its manifest.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft, open_artifact
from core.artifacts.manifests import MANIFEST, Manifest
from core.datasets.columns import ImageRow, Split
from core.datasets.names import check_text
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.files import Embeddings, embeddings_of
from core.errors import MissingError, UnreadableImageError
from core.images.thumbnails import cache_thumbnails, thumbnail
from core.indexes.export_format import ExportFormat, file_name
from core.indexes.info import check_is_file
from core.progress import Progress, Work
from core.workspace import Workspace

FORMAT, VERSION = "image retrieval bundle", 1
DESCRIPTION, PICTURES = "bundle.json", "images.jsonl"
KINDS = ("model", "embeddings", "index")
"""The artifacts in a bundle, each made from those before it."""

BLOCK = 256
"""Pictures that are made together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What a bundle says of one image.

    Raises:
        WorkbenchError: The label is no text that can be shown.
        ValueError: Something else is not what it should be.
    """

    id: int
    """Its catalog id: the one in the embeddings and in the index."""

    path: str
    """Where the image was, relative to its dataset's root."""

    label: str | None
    split: str | None
    sha256: str
    """Of the small picture."""

    def __post_init__(self) -> None:
        if type(self.id) is not int or not 0 < self.id < 1 << 63:
            raise ValueError(f"an image's id is {self.id}")
        if not isinstance(self.path, str) or not isinstance(self.sha256, str):
            raise ValueError(f"image {self.id} has no path or no checksum")
        if self.label is not None:
            check_text("label", str(self.label))
        if self.split is not None:
            Split(self.split)


def picture_entry(image_id: int) -> str:
    """Return what an image's small picture is called in the zip."""
    return f"images/{image_id}.jpg"


def export_bundle(workspace: Workspace, index_id: str) -> Work[Path]:
    """Write an index and all that searching it takes into one file, in place of an earlier one.

    Images that cannot be read have no thumbnail in it.

    Raises:
        MissingError: The index, its model, embeddings or dataset is gone.
        DamagedArtifactError: A file was changed.
        WorkbenchError: The index is on a Milvus server.
    """
    manifest = open_artifact(workspace.indexes, index_id)
    check_is_file(manifest)
    with draft(workspace.exports) as folder:
        file = folder / file_name(manifest, ExportFormat.BUNDLE)
        yield from _pack(workspace, manifest, embeddings_of(workspace, manifest), file)
        return publish_export(workspace, manifest, file)


def _pack(workspace: Workspace, index: Manifest, embeddings: Embeddings, file: Path) -> Work[None]:
    model = _model_of(workspace, index)
    dataset = open_dataset(workspace, index.made_from["dataset"])
    with zipfile.ZipFile(file, "w") as archive:
        for manifest in (model, embeddings.manifest, index):
            yield Progress(0, 0, f"packing the {manifest.kind}")
            folder = workspace.artifacts[manifest.kind] / manifest.id
            for name in (*manifest.files, MANIFEST):
                archive.write(folder / name, f"{manifest.kind}/{name}")
        pictures = yield from _pack_pictures(archive, dataset, embeddings.image_ids.tolist())
        lines = "".join(
            json.dumps(asdict(picture), ensure_ascii=False) + "\n" for picture in pictures
        ).encode()
        description = {
            "format": FORMAT,
            "version": VERSION,
            "dataset": dataset.name,
            "index": index.id,
            "num_images": len(embeddings.image_ids),
            "num_pictures": len(pictures),
            PICTURES: hashlib.sha256(lines).hexdigest(),
        }
        archive.writestr(PICTURES, lines)
        archive.writestr(DESCRIPTION, json.dumps(description, indent=2))
        archive.writestr("README.txt", README.format(**description))


def _model_of(workspace: Workspace, index: Manifest) -> Manifest:
    model = open_artifact(workspace.models, index.made_from["model"])
    if model.fingerprint != index.made_from["model_fingerprint"]:
        raise MissingError(
            f"The model that {index.id} was made with is gone or was trained anew.",
            "Build the index again, then export that one.",
        )
    return model


def _pack_pictures(
    archive: zipfile.ZipFile, dataset: Dataset, image_ids: Sequence[int]
) -> Work[list[Picture]]:
    pictures = []
    for start in range(0, len(image_ids), BLOCK):
        yield Progress(start, len(image_ids), "packing small pictures")
        rows = dataset.catalog.rows_by_id(image_ids[start : start + BLOCK])
        cache_thumbnails(
            [(dataset.path_of(row), row.sha256) for row in rows.values()], dataset.thumbnails
        )
        for row, jpeg in _jpegs(dataset, rows.values()):
            archive.writestr(picture_entry(row.id), jpeg)
            sha256 = hashlib.sha256(jpeg).hexdigest()
            pictures.append(
                Picture(id=row.id, path=row.path, label=row.label, split=row.split, sha256=sha256)
            )
    return pictures


def _jpegs(dataset: Dataset, rows: Iterable[ImageRow]) -> Iterator[tuple[ImageRow, bytes]]:
    for row in rows:
        try:
            yield row, thumbnail(dataset.path_of(row), dataset.thumbnails, row.sha256)
        except UnreadableImageError:
            continue


README = """\
An index of {num_images} images of “{dataset}” with all that searching it takes: the model, the
embeddings, and a small picture of each image. Open it in the Image Retrieval Workbench: on the
Indexes page, or with

    python -m core open-bundle FILE --name NAME

model, embeddings, index   each with a manifest that has a SHA-256 of each file
images                     JPEGs of {num_pictures} images, named by id
images.jsonl               id, path, label, split and SHA-256 of each of them
"""

"""Export of an index, or of the embeddings it was built from, as one file.

Shapes, in this file: N images, D embedding dimensions.
"""

import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft
from core.artifacts.manifests import MANIFEST, Manifest, content_of, write_manifest
from core.artifacts.versions import as_first_version, on_one_version
from core.datasets.columns import ImageRow
from core.datasets.export.listing import csv_table
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.files import IMAGE_IDS, VECTORS, Embeddings, embeddings_of
from core.errors import MissingError
from core.indexes.faiss_file import read_faiss
from core.indexes.faiss_store import INDEX, REMOVED
from core.indexes.info import ExportFormat, check_is_file, file_name
from core.progress import Progress, Work
from core.workspace import Workspace

BLOCK = 1 << 14
README, IMAGES = "README.txt", "images.csv"
COLUMNS = ("image_id", "path", "label", "split")
"""Columns of the table of images; path, label and split are empty for an image that is gone."""


def export_index(workspace: Workspace, index_id: str, export_format: ExportFormat) -> Work[Path]:
    """Write an index, or its embeddings, into one file, replacing an earlier one.

    Returns:
        The path of the file; see `ExportFormat` for its content.

    Raises:
        MissingError: The index, its embeddings or their dataset is gone.
        DamagedArtifactError: A file was changed.
        WorkbenchError: The index is on a Milvus server, and the format needs a file.
    """
    export = partial(_export, workspace, export_format)
    return (yield from on_one_version(workspace.indexes, index_id, export))


def _export(workspace: Workspace, export_format: ExportFormat, index: Manifest) -> Work[Path]:
    with draft(workspace.exports) as folder:
        file = folder / file_name(index, export_format)
        match export_format:
            case ExportFormat.INDEX:
                check_is_file(index)
                yield from _pack_index(workspace, index, file)
            case ExportFormat.NPY:
                yield from _pack_arrays(workspace, index, file)
            case ExportFormat.PARQUET:
                dataset = open_dataset(workspace, index.made_from["dataset"])
                yield from _write_parquet(embeddings_of(workspace, index), dataset, file)
            case ExportFormat.BUNDLE:
                raise ValueError("a bundle is written by core.bundles.export.export_bundle")
        return publish_export(workspace, index, file)


def _pack_index(workspace: Workspace, index: Manifest, file: Path) -> Work[None]:
    """Pack the index with the table of its images; without their paths if the dataset is gone."""
    content = content_of(workspace.indexes / index.id, index)
    files = [content / name for name in index.files]
    write_manifest(file.parent, as_first_version(index))
    image_ids = np.load(content / IMAGE_IDS, allow_pickle=False)
    store = read_faiss(content / INDEX, image_ids, index.summary["dimension"])
    is_l2 = store.index.metric_type == faiss.METRIC_L2
    readme = INDEX_README.format(
        id=index.id,
        **index.made_from,
        scores="squared distances; 1 - scores / 2 are cosines" if is_l2 else "cosines",
    )
    ids = image_ids[image_ids != REMOVED].tolist()
    yield from _write_images(workspace, index.made_from["dataset"], ids, file.parent / IMAGES)
    yield from _pack(file, [*files, file.parent / MANIFEST, file.parent / IMAGES], readme)


def _pack_arrays(workspace: Workspace, index: Manifest, file: Path) -> Work[None]:
    embeddings = embeddings_of(workspace, index)
    folder = workspace.embeddings / embeddings.manifest.id
    readme = ARRAYS_README.format(shape=embeddings.vectors.shape)
    dataset, ids = index.made_from["dataset"], embeddings.image_ids.tolist()
    yield from _write_images(workspace, dataset, ids, file.parent / IMAGES)
    files = [folder / name for name in (VECTORS, IMAGE_IDS, MANIFEST)]
    yield from _pack(file, [*files, file.parent / IMAGES], readme)


def _pack(file: Path, files: Sequence[Path], readme: str) -> Work[None]:
    with zipfile.ZipFile(file, "w") as archive:  # Compression hardly shrinks vectors
        for number, path in enumerate(files):
            yield Progress(number, len(files), f"packing {path.name}")
            archive.write(path, path.name)
        archive.writestr(README, readme)


def _write_images(
    workspace: Workspace, dataset_name: str, ids: Sequence[int], path: Path
) -> Work[None]:
    """Write the table of images, in the order of `ids`."""
    try:
        dataset = open_dataset(workspace, dataset_name)
    except MissingError:
        dataset = None
    with csv_table(path, COLUMNS) as write:
        for start, known in _rows(dataset, ids):
            write(
                [
                    {"image_id": image_id}
                    | {name: getattr(row, name, None) for name in COLUMNS[1:]}
                    for image_id, row in known
                ]
            )
            yield Progress(start, len(ids), "writing the table of images")


def _rows(
    dataset: Dataset | None, ids: Sequence[int]
) -> Iterator[tuple[int, list[tuple[int, ImageRow | None]]]]:
    """Yield, block by block, its start and (catalog id, row) of each image; None if it is gone."""
    for start in range(0, len(ids), BLOCK):
        block = ids[start : start + BLOCK]
        rows = {} if dataset is None else dataset.catalog.rows_by_id(block)
        yield start, [(image_id, rows.get(image_id)) for image_id in block]


def _write_parquet(embeddings: Embeddings, dataset: Dataset, file: Path) -> Work[None]:
    """Write a row per image, in blocks, so that memory does not grow with their number."""
    count, dimension = embeddings.vectors.shape
    schema = pa.schema(
        [
            ("image_id", pa.int64()),
            ("path", pa.string()),
            ("label", pa.string()),
            ("split", pa.string()),
            ("embedding", pa.list_(pa.float32(), dimension)),
        ]
    )
    with pq.ParquetWriter(file, schema) as writer:
        for start, known in _rows(dataset, embeddings.image_ids.tolist()):
            part = slice(start, start + len(known))
            vectors = np.ascontiguousarray(embeddings.vectors[part], np.float32)
            columns = [
                pa.array([image_id for image_id, _ in known], pa.int64()),
                *(
                    pa.array([getattr(row, name, None) for _, row in known], pa.string())
                    for name in COLUMNS[1:]
                ),
                pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield Progress(start, count, "writing the table")


INDEX_README = """\
{id}: an index of the images of “{dataset}”, embedded by the model {model}.

index.faiss     the index, for FAISS
image_ids.npy   the catalog id of each of its rows; -1 if the image was removed
images.csv      the path, label and split of each image, by its catalog id
manifest.json   what it was made from, with a SHA-256 of each file

    import faiss, numpy, pandas
    index = faiss.read_index("index.faiss")
    image_ids = numpy.load("image_ids.npy")
    as_text = {{"dtype": {{"label": str}}, "keep_default_na": False}}    # A class may be 007 or NA
    images = pandas.read_csv("images.csv", index_col="image_id", **as_text)
    scores, rows = index.search(queries, 10)    # (Q, D) float32 rows of unit length
    ids = numpy.where(rows >= 0, image_ids[rows], -1)
    matches = [images.loc[found[found >= 0]] for found in ids]    # -1 is no match

The scores are {scores}.
"""

ARRAYS_README = """\
vectors.npy     {shape} float32, a row of unit length for each image
image_ids.npy   the catalog id of each image
images.csv      the catalog id, path, label and split of each image, in the same order
manifest.json   what they were made from, with a SHA-256 of each file

    import numpy, pandas
    vectors, image_ids = numpy.load("vectors.npy", mmap_mode="r"), numpy.load("image_ids.npy")
    as_text = {{"dtype": {{"label": str}}, "keep_default_na": False}}    # A class may be 007 or NA
    images = pandas.read_csv("images.csv", **as_text)
"""

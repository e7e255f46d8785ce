"""Export of an index, or of the embeddings it was built from, as one file.

Shapes, in this file: N images, D embedding dimensions.
"""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft, open_artifact
from core.artifacts.manifests import MANIFEST
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.files import IMAGE_IDS, VECTORS, Embeddings, embeddings_of
from core.indexes.info import ExportFormat, check_is_file, file_name
from core.progress import Progress, Work
from core.workspace import Workspace

BLOCK = 1 << 14
README = "README.txt"
ARRAYS = [VECTORS, IMAGE_IDS, MANIFEST]


def export_index(workspace: Workspace, index_id: str, export_format: ExportFormat) -> Work[Path]:
    """Write an index, or its embeddings, into one file, replacing an earlier one.

    Returns:
        The path of the file; see `ExportFormat` for its content.

    Raises:
        MissingError: The index, its embeddings or their dataset is gone.
        DamagedArtifactError: A file was changed.
        WorkbenchError: The index is on a Milvus server, and the format needs a file.
    """
    manifest = open_artifact(workspace.indexes, index_id)
    with draft(workspace.exports) as folder:
        file = folder / file_name(manifest, export_format)
        match export_format:
            case ExportFormat.INDEX:
                check_is_file(manifest)
                readme = INDEX_README.format(id=manifest.id, **manifest.made_from)
                names, source = [*manifest.files, MANIFEST], workspace.indexes / manifest.id
                yield from _pack(file, source, names, readme, "packing the index")
            case ExportFormat.NPY:
                embeddings = embeddings_of(workspace, manifest)
                readme = ARRAYS_README.format(shape=embeddings.vectors.shape)
                names, source = ARRAYS, workspace.embeddings / embeddings.manifest.id
                yield from _pack(file, source, names, readme, "packing the embeddings")
            case ExportFormat.PARQUET:
                dataset = open_dataset(workspace, manifest.made_from["dataset"])
                yield from _write_parquet(embeddings_of(workspace, manifest), dataset, file)
            case ExportFormat.BUNDLE:
                raise ValueError("a bundle is written by core.bundles.export.export_bundle")
        return publish_export(workspace, manifest, file)


def _pack(file: Path, source: Path, names: list[str], readme: str, note: str) -> Work[None]:
    with zipfile.ZipFile(file, "w") as archive:  # Compression hardly shrinks vectors
        for number, name in enumerate(names):
            yield Progress(number, len(names), note)
            archive.write(source / name, name)
        archive.writestr(README, readme)


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
        for start in range(0, count, BLOCK):
            ids = embeddings.image_ids[start : start + BLOCK].tolist()
            rows = dataset.catalog.rows_by_id(ids)
            known = [rows.get(image_id) for image_id in ids]
            vectors = np.ascontiguousarray(embeddings.vectors[start : start + BLOCK], np.float32)
            columns = [
                pa.array(ids, pa.int64()),
                *(
                    pa.array([getattr(row, name, None) for row in known], pa.string())
                    for name in ("path", "label", "split")
                ),
                pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield Progress(start + len(ids), count, "writing the table")


INDEX_README = """\
{id}: an index of the images of “{dataset}”, embedded by the model {model}.

index.faiss     the index, for FAISS
image_ids.npy   the catalog id of each of its rows; -1 if the image was removed
manifest.json   what it was made from, with a SHA-256 of each file

    import faiss, numpy
    index = faiss.read_index("index.faiss")
    image_ids = numpy.load("image_ids.npy")
    scores, rows = index.search(queries, 10)    # (Q, D) float32 rows of unit length
    matches = image_ids[rows]                   # ignore those where rows is -1
"""

ARRAYS_README = """\
vectors.npy     {shape} float32, a row of unit length for each image
image_ids.npy   the catalog id of each image
manifest.json   what they were made from, with a SHA-256 of each file

    import numpy
    vectors, image_ids = numpy.load("vectors.npy", mmap_mode="r"), numpy.load("image_ids.npy")
"""

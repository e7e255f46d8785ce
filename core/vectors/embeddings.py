"""The embeddings of a dataset by a model, on disk.

Shapes, in this file: N images, D embedding dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.artifacts import Manifest, draft, list_artifacts, open_artifact, publish
from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset, open_dataset
from core.embedder.batches import decode_batches
from core.embedder.models import Model, load_model
from core.errors import WorkbenchError
from core.progress import Progress, Work
from core.workspace import Workspace

VECTORS = "vectors.npy"
IMAGE_IDS = "image_ids.npy"
BATCH_SIZE = 16
"""Images in one forward pass; on a CPU larger ones are no quicker, only less often interrupted."""

MAX_PROBLEMS_KEPT = 100
"""Unreadable images whose reasons go into the manifest; beyond that only their number."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Embeddings, memory-mapped."""

    manifest: Manifest
    vectors: NDArray[np.float32]
    """(N, D) unit rows."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending."""

    def rows_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each image that is embedded; the others are left out."""
        places = np.searchsorted(self.image_ids, image_ids)
        places = np.minimum(places, len(self.image_ids) - 1)
        rows: NDArray[np.int64] = places[self.image_ids[places] == image_ids]
        return rows


def embed_dataset(workspace: Workspace, dataset_name: str, model_id: str) -> Work[Manifest]:
    """Embed every readable image of a dataset, or return what is there already.

    Images that cannot be decoded (any more) are left out; the manifest's summary counts them
    under `num_problems` and gives the reasons under `problems`.

    Raises:
        MissingError: There is no such dataset or model.
        WorkbenchError: Not one image could be embedded.
    """
    dataset = open_dataset(workspace, dataset_name)
    made_from = {
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.catalog.images_fingerprint,
        "model": model_id,
        "model_fingerprint": open_artifact(workspace.models, model_id).fingerprint,
    }
    done = [m for m in list_artifacts(workspace.embeddings)[0] if m.made_from == made_from]
    if done:
        return done[0]
    yield Progress(0, 0, "opening the model")
    model = load_model(workspace, model_id)
    with draft(workspace.embeddings) as folder:
        vectors, image_ids, problems = yield from _embed(model, dataset)
        np.save(folder / VECTORS, vectors)
        np.save(folder / IMAGE_IDS, image_ids)
        return publish(
            folder,
            kind="embeddings",
            stem=_stem(dataset, model),
            config={"image_size": model.config.image_size},
            made_from=made_from,
            summary={
                "count": len(image_ids),
                "dimension": int(vectors.shape[1]),
                "num_problems": len(problems),
                "problems": dict(list(problems.items())[:MAX_PROBLEMS_KEPT]),
            },
        )


def open_embeddings(workspace: Workspace, embeddings_id: str) -> Embeddings:
    """Open embeddings for reading, after checking their checksums.

    Raises:
        MissingError: There are no such embeddings.
        DamagedArtifactError: A file of theirs was changed.
    """
    manifest = open_artifact(workspace.embeddings, embeddings_id)
    folder = workspace.embeddings / embeddings_id
    return Embeddings(
        manifest,
        np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False),
        np.load(folder / IMAGE_IDS, allow_pickle=False),
    )


def _stem(dataset: Dataset, model: Model) -> str:
    """Name embeddings after their model, and after the dataset where that is another one."""
    if model.manifest.made_from["dataset"] == dataset.name:
        return model.id
    return f"{dataset.name[:36]}-by-{model.id[:36]}"


def _embed(
    model: Model, dataset: Dataset
) -> Work[tuple[NDArray[np.float32], NDArray[np.int64], dict[str, str]]]:
    rows: list[ImageRow] = dataset.catalog.rows()
    paths = [dataset.path_of(row) for row in rows]
    blocks: list[NDArray[np.float32]] = []
    image_ids: list[int] = []
    problems: dict[str, str] = {}
    done = 0
    for batch in decode_batches(paths, model.config.image_size, BATCH_SIZE):
        if len(batch.positions):
            blocks.append(model.embed(batch.pixels)[0])
        image_ids += [rows[position].id for position in batch.positions]
        problems |= {rows[at].path: reason for at, reason in batch.problems.items()}
        done += len(batch.positions) + len(batch.problems)
        yield Progress(done, len(rows), "embedding images")
    if not blocks:
        raise WorkbenchError(
            f"None of the {len(rows)} images of “{dataset.name}” can be read.",
            "Check that its folder is still there, then scan it again.",
        )
    return np.concatenate(blocks), np.array(image_ids, np.int64), problems

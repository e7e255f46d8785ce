"""The embeddings of a dataset by a model, on disk.

Shapes, in this file: N images, D embedding dimensions.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, list_artifacts, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.datasets.columns import ALL_IMAGES, ImageFilter
from core.embeddings.assembly import AssembledEmbeddings, assemble
from core.embeddings.config import DEFAULT_CONFIG, EmbedConfig
from core.embeddings.encoding import Encoder, Encoding, read_encoding
from core.embeddings.partial import PartialEmbeddings, sweep_partial
from core.embeddings.reuse import CONTENT_BYTES, KnownRows, as_array
from core.embeddings.run import EmbeddingRun, contents_of
from core.embeddings.task import EmbeddingTask, encoding_settings, plan_embedding
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.files import FULL_DISK
from core.models.model import load_model
from core.progress import Work
from core.workspace import Workspace

VECTORS = "vectors.npy"
IMAGE_IDS = "image_ids.npy"
CONTENTS = "contents.npy"
PLAIN = "plain.npy"
"""The vectors before they were whitened; only where they were."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Embeddings, memory-mapped."""

    manifest: Manifest
    vectors: NDArray[np.float32]
    """(N, D) unit rows."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending."""

    contents: NDArray[np.uint8]
    """(N, 32) SHA-256 of the images; zeros where a file was not the one that was scanned."""

    plain: NDArray[np.float32]
    """(N, D) unit rows before whitening; the vectors themselves where there was none."""

    encoding: Encoding
    """How they were made, and queries are."""

    def rows_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each image that is embedded; the others are left out."""
        places = np.searchsorted(self.image_ids, image_ids)
        places = np.minimum(places, len(self.image_ids) - 1)
        rows: NDArray[np.int64] = places[self.image_ids[places] == image_ids]
        return rows


def embed_dataset(
    workspace: Workspace,
    dataset_name: str,
    model_id: str,
    config: EmbedConfig = DEFAULT_CONFIG,
    images: ImageFilter = ALL_IMAGES,
) -> Work[Manifest]:
    """Embed every readable image of a dataset, or return what is there already.

    Images that cannot be decoded (any more) are left out; the manifest's summary counts them
    under `num_problems` and gives the reasons under `problems`. No image is embedded twice in one
    way: what earlier embeddings have is taken over, and so is what a run had embedded that was
    stopped, killed or cut off by a full disk. Images that could not be read are tried again.

    Args:
        workspace: Where everything is.
        dataset_name: Which dataset.
        model_id: Which model.
        config: How they are embedded.
        images: Which of the usable images.

    Raises:
        MissingError: There is no such dataset or model.
        WorkbenchError: Not one image could be embedded, an embedding is zero or not finite, there
            are too few train images to whiten by, or the disk is full.
        ValueError: `images` asks for others than usable ones.
    """
    task = plan_embedding(workspace, dataset_name, model_id, config, images)
    try:
        return (yield from _carry_out(workspace, task))
    except OSError as error:
        # Of a file that it cannot write to its end numpy says no error number
        if error.errno not in FULL_DISK and "requested and" not in str(error):
            raise
        raise WorkbenchError(
            "The disk is full.", "Make room, then embed again: it goes on where it was."
        ) from error


def open_embeddings(workspace: Workspace, embeddings_id: str) -> Embeddings:
    """Open embeddings for reading, after checking their checksums.

    Raises:
        MissingError: There are no such embeddings.
        DamagedArtifactError: A file of theirs was changed.
    """
    manifest = open_artifact(workspace.embeddings, embeddings_id)
    folder = workspace.embeddings / embeddings_id
    arrays = {
        name: np.load(folder / name, mmap_mode="r", allow_pickle=False)
        for name in (VECTORS, CONTENTS, PLAIN)
        if name in manifest.files
    }
    vectors = arrays[VECTORS]
    return Embeddings(
        manifest,
        vectors,
        image_ids=np.load(folder / IMAGE_IDS, allow_pickle=False),
        # Those from before contents were kept have none that is known
        contents=arrays.get(CONTENTS, np.zeros((len(vectors), CONTENT_BYTES), np.uint8)),
        plain=arrays.get(PLAIN, vectors),
        encoding=read_encoding(folder, manifest.made_from, manifest.config),
    )


def embeddings_of(workspace: Workspace, index: Manifest) -> Embeddings:
    """Open the embeddings that an index was built from.

    Raises:
        MissingError: They are gone.
        DamagedArtifactError: A file was changed.
    """
    embeddings = open_embeddings(workspace, index.made_from["embeddings"])
    if embeddings.manifest.fingerprint != index.made_from["embeddings_fingerprint"]:
        raise MissingError(
            f"The embeddings that {index.id} was built from are gone.", "Build the index again."
        )
    return embeddings


def _carry_out(workspace: Workspace, task: EmbeddingTask) -> Work[Manifest]:
    earlier = [
        manifest
        for manifest in list_artifacts(workspace.embeddings)[0]
        if task.can_take_from(manifest)
    ]
    alike = [m for m in earlier if (m.made_from, m.config) == (task.made_from, task.settings)]
    sweep_partial(workspace)
    kept = PartialEmbeddings(workspace, task.model.fingerprint, encoding_settings(task.settings))
    for embeddings in _opened(workspace, alike):
        if _has_all(embeddings, task):
            kept.forget(set(map(bytes, embeddings.contents)))  # Killed before it could
            return embeddings.manifest
    files = [task.dataset.file_of(row) for row in task.rows]
    known = KnownRows(
        (yield from contents_of(files, task.rows)),
        task.model.config["network"]["dimension"],
    )
    for contents, vectors in kept.read():
        known.take(contents, vectors)
    for embeddings in _opened(workspace, earlier):
        if not known.missing(set()):
            break
        known.take(embeddings.contents, embeddings.plain)
    embedding = EmbeddingRun(
        open_encoder=lambda: Encoder(load_model(workspace, task.model.id), task.encoding),
        files=files,
        side=task.settings["image_size"],
        known=known,
        kept=kept,
    )
    with ExitStack() as on_failure:
        on_failure.callback(embedding.keep)
        yield from embedding.run()
        made = assemble(task, embedding)
        twins = [each.manifest for each in _opened(workspace, alike) if _is_same(each, made)]
        manifest = twins[0] if twins else publish_embeddings(workspace, task, made)
        on_failure.pop_all()
    kept.forget(set(known.contents))
    return manifest


def _opened(workspace: Workspace, manifests: list[Manifest]) -> Iterator[Embeddings]:
    """Open one after the other; damaged ones cost no more than embedding again."""
    for manifest in manifests:
        with suppress(DamagedArtifactError, MissingError):
            yield open_embeddings(workspace, manifest.id)


def _has_all(embeddings: Embeddings, task: EmbeddingTask) -> bool:
    """Say whether just the images wanted are embedded, as they were scanned last."""
    scanned = as_array([bytes.fromhex(row.sha256) for row in task.rows])
    ids = [row.id for row in task.rows]
    return np.array_equal(embeddings.image_ids, ids) and np.array_equal(
        embeddings.contents, scanned
    )


def _is_same(embeddings: Embeddings, made: AssembledEmbeddings) -> bool:
    """Say whether nothing is new: what could not be read still cannot."""
    return all(
        np.array_equal(ours, theirs)
        for ours, theirs in (
            (embeddings.image_ids, made.image_ids),
            (embeddings.contents, made.contents),
            (embeddings.vectors, made.vectors),
        )
    )


def publish_embeddings(
    workspace: Workspace, task: EmbeddingTask, made: AssembledEmbeddings
) -> Manifest:
    """Save what has come of a task."""
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, made.vectors)
        np.save(folder / IMAGE_IDS, made.image_ids)
        np.save(folder / CONTENTS, made.contents)
        if made.vectors is not made.plain:
            np.save(folder / PLAIN, made.plain)
        made.encoding.write(folder)
        return publish(
            folder,
            kind="embeddings",
            stem=task.stem,
            config=task.settings,
            made_from=task.made_from,
            summary=made.summary,
        )

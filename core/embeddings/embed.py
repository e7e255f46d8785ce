"""Embedding a dataset: only what earlier embeddings lack, then one artifact.

Shapes, in this file: N images, D embedding dimensions.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.columns import ALL_IMAGES, ImageFilter
from core.datasets.splits import training_filter
from core.embeddings.config import DEFAULT_CONFIG, EmbedConfig, Precision
from core.embeddings.encoding import Encoder
from core.embeddings.engine import LOCAL, Engine, EngineConfig
from core.embeddings.files import Embeddings, NewEmbeddings, open_embeddings, publish_embeddings
from core.embeddings.local import EmbeddingEngine, LocalEngine
from core.embeddings.reuse import KnownRows, PartialEmbeddings, as_array, remove_orphans
from core.embeddings.run import EmbeddingRun, contents_of
from core.embeddings.task import EmbeddingTask, encoding_settings, plan_embedding
from core.embeddings.unit_rows import check_unit_rows, unit
from core.embeddings.whitening import fit_whitening
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.files import FULL_DISK
from core.models.features import FeatureStore, has_storable_features
from core.models.model import load_model
from core.progress import Progress, Work
from core.workspace import Workspace

HEAD_BATCH = 4096
"""Images whose features pass through the head at once."""

MAX_PROBLEMS = 100
"""Unreadable images whose reasons are in the manifest; of the others there is only the number."""


def embed_dataset(
    workspace: Workspace,
    dataset_name: str,
    model_id: str,
    config: EmbedConfig = DEFAULT_CONFIG,
    images: ImageFilter = ALL_IMAGES,
    where: EngineConfig = LOCAL,
) -> Work[Manifest]:
    """Embed every readable image of a dataset, or return existing embeddings of just these.

    Images that cannot be decoded are left out; the manifest's summary has their number under
    `num_problems` and the reasons under `problems`. No image is embedded twice in the same way:
    rows of earlier embeddings are reused, and so are those of runs that were stopped, killed or cut
    off by a full disk. Unreadable images are tried again.

    `where` makes no difference to the embeddings, nor to what is reused.

    Raises:
        MissingError: There is no such dataset or model.
        WorkbenchError: No image could be embedded, an embedding is zero or not finite, there are
            too few train images for whitening, the disk is full, or the cluster cannot be used.
        ValueError: `images` includes others than usable ones.
    """
    task = plan_embedding(workspace, dataset_name, model_id, config, images)
    try:
        return (yield from _embed(workspace, task, where))
    except OSError as error:
        # numpy raises an error without a number if it cannot write all of a file
        if error.errno not in FULL_DISK and "requested and" not in str(error):
            raise
        raise WorkbenchError(
            "The disk is full.",
            "Free disk space, then embed again; images embedded so far are kept.",
        ) from error


def _embed(workspace: Workspace, task: EmbeddingTask, where: EngineConfig) -> Work[Manifest]:
    earlier = [
        manifest for manifest in list_artifacts(workspace.embeddings)[0] if task.can_reuse(manifest)
    ]
    same_task = [m for m in earlier if (m.made_from, m.config) == (task.made_from, task.settings)]
    remove_orphans(workspace)
    partial = PartialEmbeddings(workspace, task.model.fingerprint, encoding_settings(task.settings))
    for embeddings in _opened(workspace, same_task):
        if _has_all(embeddings, task):
            # If the process was killed before it did so
            partial.remove(set(map(bytes, embeddings.contents)))
            return embeddings.manifest
    files = [task.dataset.file_of(row) for row in task.rows]
    contents_of_files = yield from contents_of(files, task.rows)
    known = KnownRows(contents_of_files, task.model.config["network"]["dimension"])
    for contents, vectors in partial.read():
        known.reuse(contents, vectors)
    for embeddings in _opened(workspace, earlier):
        if not known.missing(set()):
            break
        known.reuse(embeddings.contents, embeddings.plain)
    encoder = cache(lambda: Encoder(load_model(workspace, task.model.id), task.encoding))
    if task.uses_features and known.missing(set()):
        yield Progress(0, 0, "opening the model")
        if has_storable_features(encoder().model.network):
            _embed_features(workspace, encoder(), known)
    run = EmbeddingRun(
        engine=_choose_engine(workspace, task, where, encoder),
        files=files,
        known=known,
        partial=partial,
    )
    with ExitStack() as on_failure:
        on_failure.callback(run.flush)
        yield from run.run()
        new = _assemble(task, run)
        same = [each.manifest for each in _opened(workspace, same_task) if _is_same(each, new)]
        summary = _summary(task, run, len(new.image_ids))
        manifest = same[0] if same else publish_embeddings(workspace, task, new, summary)
        on_failure.pop_all()
    partial.remove(set(known.contents))
    return manifest


def _choose_engine(
    workspace: Workspace, task: EmbeddingTask, where: EngineConfig, encoder: Callable[[], Encoder]
) -> EmbeddingEngine:
    if where.engine == Engine.LOCAL:
        return LocalEngine(encoder)
    from core.embeddings.on_ray.engine import RayEngine
    from core.embeddings.on_ray.worker import WorkerTask

    on_nodes = WorkerTask(workspace=workspace, encoding=task.encoding, cpus=where.worker_cpus)
    return RayEngine(where, on_nodes, task.model.config["network"]["dimension"])


def _embed_features(workspace: Workspace, encoder: Encoder, known: KnownRows) -> None:
    """Embed the images whose pooled features a training has cached: the head alone runs."""
    network, device = encoder.model.network, encoder.model.device
    bfloat16 = encoder.encoding.precision == Precision.BFLOAT16
    store = FeatureStore(workspace, network, bfloat16=bfloat16)
    places = known.missing(set())
    features, have = store.read([known.contents[place] for place in places])
    for part in np.array_split(np.flatnonzero(have), max(1, len(places) // HEAD_BATCH)):
        if len(part):
            pooled = device.upload(features[part].astype(np.float32))
            with torch.inference_mode():
                embeddings, _ = network.head(pooled[:, :, None, None])
            known.put([places[at] for at in part], embeddings.cpu().numpy())


def _opened(workspace: Workspace, manifests: list[Manifest]) -> Iterator[Embeddings]:
    """Open embeddings one by one, skipping damaged ones."""
    for manifest in manifests:
        with suppress(DamagedArtifactError, MissingError):
            yield open_embeddings(workspace, manifest.id)


def _has_all(embeddings: Embeddings, task: EmbeddingTask) -> bool:
    """Return whether the embeddings are of just the images of the task, as last scanned."""
    scanned = as_array([bytes.fromhex(row.sha256) for row in task.rows])
    ids = [row.id for row in task.rows]
    return np.array_equal(embeddings.image_ids, ids) and np.array_equal(
        embeddings.contents, scanned
    )


def _is_same(embeddings: Embeddings, new: NewEmbeddings) -> bool:
    """Return whether new embeddings are the same as saved ones."""
    names = ("image_ids", "contents", "vectors")
    return all(np.array_equal(getattr(embeddings, name), getattr(new, name)) for name in names)


def _assemble(task: EmbeddingTask, run: EmbeddingRun) -> NewEmbeddings:
    """Collect the rows of all readable images, and whiten them if the config says so.

    Raises:
        WorkbenchError: There are none, there are too few train images for whitening, or an
            embedding is zero or not finite.
    """
    places = np.flatnonzero(run.known.known).tolist()
    if not places:
        raise _no_images(task)
    image_ids = np.array([task.rows[place].id for place in places], np.int64)
    plain = run.known.vectors[places]
    encoding, vectors = task.encoding, plain
    if task.config.whiten:
        train_ids = task.dataset.catalog.ids(training_filter(task.dataset.catalog))
        whitening = fit_whitening(plain[np.isin(image_ids, train_ids)])
        encoding, vectors = replace(encoding, whitening=whitening), unit(whitening.transform(plain))
    check_unit_rows(vectors)
    return NewEmbeddings(
        image_ids=image_ids,
        contents=as_array([run.known.contents[place] for place in places]),
        plain=plain,
        vectors=vectors,
        encoding=encoding,
    )


def _no_images(task: EmbeddingTask) -> WorkbenchError:
    name = task.dataset.name
    if not task.rows and task.settings["images"]:
        return WorkbenchError(
            f"No usable image of “{name}” matches the filters.",
            "Choose other classes, splits, tags or search text.",
        )
    return WorkbenchError(
        f"None of the {len(task.rows)} images of “{name}” can be read.",
        "Check that its folder is still there, then rescan it.",
    )


def _summary(task: EmbeddingTask, run: EmbeddingRun, count: int) -> dict[str, Any]:
    problems = {task.rows[place].path: reason for place, reason in sorted(run.problems.items())}
    return {
        "count": count,
        "dimension": run.known.vectors.shape[1],
        "num_problems": len(run.problems),
        "problems": dict(list(problems.items())[:MAX_PROBLEMS]),
        "num_reused": count - run.num_embedded,
        "seconds": round(run.seconds, 3),
        "images_per_second": round(run.images_per_second, 3),
    }

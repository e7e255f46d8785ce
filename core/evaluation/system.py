"""The evaluated system: embeddings of a dataset, an index or exact search, and a classifier.

Shapes, in this file: N images, D embedding dimensions, C classes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from core.artifacts.folders import list_artifacts, open_artifact
from core.embeddings.files import embeddings_of, open_embeddings
from core.errors import DamagedArtifactError
from core.evaluation.config import EvaluateConfig
from core.indexes.files import open_index
from core.indexes.store import VectorStore
from core.models.model import WEIGHTS
from core.models.network import LOGIT_SCALE
from core.workspace import Workspace

LAYER = ("classifier.weight", "classifier.bias")


@dataclass(frozen=True, slots=True)
class Classifier:
    """The classification layer of a model on top of its embeddings."""

    classes: tuple[str, ...]
    weight: NDArray[np.float32]
    """(C, D)"""

    bias: NDArray[np.float32]
    """(C,)"""

    def classify(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return (N,) places in `classes`, the predictions for (N, D) unit embeddings."""
        scores = LOGIT_SCALE * (vectors @ self.weight.T) + self.bias
        predicted: NDArray[np.int64] = scores.argmax(axis=1)
        return predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A retrieval system to evaluate."""

    dataset: str
    stem: str
    """First part of the evaluation's id, which the query split is appended to."""

    made_from: dict[str, str]
    vectors: NDArray[np.floating]
    """(N, D) float32 or float16 unit rows; may be memory-mapped."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending."""

    plain: NDArray[np.float32] | None = None
    """(N, D) float32 unit rows before whitening, the classifier's input; None if they are equal to
    `vectors`."""

    store: VectorStore | None = None
    """The index to search; None for exact search."""

    classifier: Classifier | None = None
    """The model's classifier; None without one."""

    summary: dict[str, Any] = field(default_factory=dict)
    """Facts to add to the evaluation's summary."""


def open_system(workspace: Workspace, config: EvaluateConfig) -> System:
    """Open the index or the embeddings of a config.

    Raises:
        MissingError: The index, or the embeddings that it was built from, do not exist.
        DamagedArtifactError: One of their files was changed.
    """
    if config.index:
        index = open_index(workspace, config.index)
        manifest, store = index.manifest, index.store
        embeddings = embeddings_of(workspace, manifest)
    else:
        embeddings, store = open_embeddings(workspace, config.embeddings), None
        manifest = embeddings.manifest
    return System(
        dataset=manifest.made_from["dataset"],
        stem=manifest.id[:60],
        made_from=manifest.as_source,
        vectors=embeddings.vectors,
        image_ids=embeddings.image_ids,
        plain=embeddings.plain,
        store=store,
        classifier=_read_classifier(workspace, manifest.made_from),
        summary={"dimension": int(embeddings.vectors.shape[1])},
    )


def _read_classifier(workspace: Workspace, made_from: dict[str, str]) -> Classifier | None:
    """Read the model's classifier; None if the model is gone, was replaced or has none."""
    models = {manifest.id: manifest for manifest in list_artifacts(workspace.models)[0]}
    model = models.get(made_from["model"])
    if model is None or model.fingerprint != made_from["model_fingerprint"]:
        return None
    if not model.summary.get("classes"):
        return None
    open_artifact(workspace.models, model.id)
    return _read_layer(workspace.models / model.id / WEIGHTS, tuple(model.summary["classes"]))


def _read_layer(path: Path, classes: tuple[str, ...]) -> Classifier | None:
    try:
        with safe_open(path, framework="numpy") as tensors:
            if not {*LAYER} <= set(tensors.keys()):
                return None
            weight, bias = (tensors.get_tensor(name) for name in LAYER)
    except (SafetensorError, OSError) as error:
        raise DamagedArtifactError(
            f"The weights of “{path.parent.name}” cannot be read.", "Train the model again."
        ) from error
    if len(weight) != len(classes):
        return None
    return Classifier(classes, weight.astype(np.float32), bias.astype(np.float32))

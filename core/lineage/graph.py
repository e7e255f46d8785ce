"""Lineage: what each artifact was made from, why one is stale, and deletion with dependents."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.artifacts.folders import delete_artifact, list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.registry import delete_dataset, list_datasets
from core.errors import DamagedArtifactError, MissingError
from core.workspace import Workspace

DATASET_CHANGED = "the dataset has changed"
INDEX_GONE = "its index was deleted"
INDEX_UPDATED = "its index was updated"
EMBEDDINGS_GONE = "its embeddings were deleted"
DATASET_GONE = "its dataset was deleted"
MODEL_CHANGED = "its model was deleted or trained again"

NO_DATASET = ""
"""In place of the name of a dataset for a model that was trained elsewhere."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """All datasets and artifacts of a workspace, read once, newest first."""

    datasets: dict[str, tuple[str, str]]
    """Name → fingerprints: of images with labels and splits, and of the images alone.

    Models refer to the first, embeddings and artifacts made from them to the second."""

    models: list[Manifest]
    indexes: list[Manifest]
    maps: list[Manifest]
    analyses: list[Manifest]
    embeddings: list[Manifest]
    evaluations: list[Manifest]
    sweeps: list[Manifest]
    damaged: list[str]
    """A message for each damaged dataset or artifact."""

    def model(self, model_id: str | None) -> Manifest | None:
        """Return the model of an id, or None."""
        return next((m for m in self.models if m.id == model_id), None)

    def index(self, index_id: str | None) -> Manifest | None:
        """Return the index of an id, or None."""
        return next((m for m in self.indexes if m.id == index_id), None)

    def models_of(self, dataset: str | None) -> list[Manifest]:
        """Return the models trained on a dataset."""
        return _made_from(self.models, dataset=dataset)

    @property
    def imported(self) -> list[Manifest]:
        """The imported models, which belong to no dataset."""
        return self.models_of(NO_DATASET)

    def indexes_of(self, **sources: str | None) -> list[Manifest]:
        """Return the indexes over a dataset, by a model, or both: `dataset` and `model`."""
        return _made_from(self.indexes, **sources)

    def evaluation_of(self, dataset: str) -> Manifest | None:
        """Return the newest evaluation of a model on a dataset, or None."""
        return next((m for m in self.evaluations_of(dataset) if "model" in m.made_from), None)

    def evaluation_of_model(self, model: Manifest) -> Manifest | None:
        """Return the newest evaluation of a model on its own dataset, or None."""
        own = {"model": model.id, "dataset": model.made_from["dataset"]}
        return next(iter(_made_from(self.evaluations, **own)), None)

    def evaluations_of(self, dataset: str | None) -> list[Manifest]:
        """Return the evaluations on a dataset, including those of baselines without a model."""
        return _made_from(self.evaluations, dataset=dataset)

    def embeddings_of(self, dataset: str | None) -> list[Manifest]:
        """Return the embeddings of a dataset, by any model."""
        return _made_from(self.embeddings, dataset=dataset)

    def embeddings_of_index(self, index: Manifest) -> Manifest | None:
        """Return the embeddings that an index was built from, or None if they changed since."""
        fingerprint = index.made_from["embeddings_fingerprint"]
        return next((m for m in self.embeddings if m.fingerprint == fingerprint), None)

    def sweeps_of(self, embeddings: Manifest) -> list[Manifest]:
        """Return the sweeps over embeddings."""
        return _made_from(self.sweeps, embeddings_fingerprint=embeddings.fingerprint)

    def maps_of(self, index: Manifest) -> list[Manifest]:
        """Return the maps of the embeddings that an index holds.

        Images may have been added or removed since, but whitening must be the same, because it is
        fitted to all images.
        """
        encoding = index.summary.get("encoding", {})
        source = "embeddings_fingerprint" if encoding.get("whiten") else "model_fingerprint"
        sources = {name: index.made_from.get(name) for name in ("dataset", source)}
        maps = _made_from(self.maps, **sources)
        return [made for made in maps if made.summary.get("encoding", encoding) == encoding]

    def analysis_of(self, index: Manifest) -> Manifest | None:
        """Return the newest data quality analysis of an index, or None."""
        return next(iter(_made_from(self.analyses, index_fingerprint=index.fingerprint)), None)

    def dependents_of_index(self, index: Manifest) -> list[Manifest]:
        """Return the maps, analyses and evaluations that were made from an index."""
        others = [*self.analyses, *self.evaluations]
        return [
            *_made_from(self.maps, index=index.id),
            *_made_from(others, index_fingerprint=index.fingerprint),
        ]

    def dependents_of(self, dataset: str) -> list[Manifest]:
        """Return all artifacts made from a dataset, directly or not, dependents before sources.

        They include indexes over other datasets by a model of this one, because they are of no use
        without the model.
        """
        models = {model.id for model in self.models_of(dataset)}
        last = [*self.maps, *self.analyses, *self.evaluations]
        rest = [*last, *self.indexes, *self.sweeps, *self.embeddings]
        return [
            artifact
            for artifact in [*rest, *self.models]
            if artifact.made_from["dataset"] == dataset or artifact.made_from.get("model") in models
        ]

    def stale_reason(self, artifact: Manifest) -> str:
        """Return why an artifact no longer fits its sources; empty if it does."""
        made_from = artifact.made_from
        if made_from["dataset"] == NO_DATASET:
            return ""
        if made_from["dataset"] not in self.datasets:
            return DATASET_GONE
        if "model" in made_from:
            model = self.model(made_from["model"])
            if model is None or model.fingerprint != made_from["model_fingerprint"]:
                return MODEL_CHANGED
        if made_from["dataset_fingerprint"] not in self.datasets[made_from["dataset"]]:
            return DATASET_CHANGED
        return self.missing_source(artifact) if artifact.kind == "evaluation" else ""

    def missing_source(self, evaluation: Manifest) -> str:
        """Return that the evaluated index or embeddings are gone or updated; empty if they are not.

        The figures of such an evaluation can still be read.
        """
        kind, sources, gone = "embeddings", self.embeddings, EMBEDDINGS_GONE
        if "index" in evaluation.made_from:
            kind, sources, gone = "index", self.indexes, INDEX_GONE
            if self.index(evaluation.made_from["index"]) is not None:
                gone = INDEX_UPDATED
        fingerprint = evaluation.made_from.get(f"{kind}_fingerprint")
        if fingerprint is None or any(each.fingerprint == fingerprint for each in sources):
            return ""
        return gone


def _made_from(artifacts: Iterable[Manifest], **sources: str | None) -> list[Manifest]:
    """Return the artifacts whose `made_from` contains all of the sources."""
    return [each for each in artifacts if sources.items() <= each.made_from.items()]


def read_lineage(workspace: Workspace) -> Lineage:
    """Read all manifests of a workspace and the fingerprints of its datasets."""
    datasets, damaged_datasets = {}, []
    for dataset in list_datasets(workspace):
        try:
            catalog = dataset.catalog
            datasets[dataset.name] = (catalog.fingerprint, catalog.images_fingerprint)
        except DamagedArtifactError as error:
            damaged_datasets.append(str(error))
    # By the name of the folder, which is that of the field
    kinds = {parent.name: list_artifacts(parent) for parent in workspace.artifacts.values()}
    return Lineage(
        datasets=datasets,
        damaged=damaged_datasets + [text for _, damaged in kinds.values() for text in damaged],
        **{name: manifests for name, (manifests, _) in kinds.items()},
    )


def delete_with_dependents(
    workspace: Workspace, dataset: str, delete_index: Callable[[Workspace, str], str]
) -> list[str]:
    """Delete a dataset and all artifacts made from it; image files outside the workspace stay.

    Dependents are deleted before their sources, so that a crash leaves no artifact without its
    source. `delete_index` is that of `core.indexes.deletion`, which also drops a Milvus collection.

    Returns:
        A message for each index of which data remain on a Milvus server.
    """
    messages = []
    for artifact in read_lineage(workspace).dependents_of(dataset):
        try:
            if artifact.kind == "index":
                messages.append(delete_index(workspace, artifact.id))
            else:
                delete_artifact(workspace.artifacts[artifact.kind], artifact.id)
        except MissingError:  # Deleted meanwhile
            continue
    delete_dataset(workspace, dataset)
    return [message for message in messages if message]

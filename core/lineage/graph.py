"""What was made from what, and what has since changed under it."""

from dataclasses import dataclass

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.registry import list_datasets
from core.errors import DamagedArtifactError
from core.workspace import Workspace

DATASET_CHANGED = "the dataset has changed since"
INDEX_GONE = "its index is gone"
EMBEDDINGS_GONE = "its embeddings are gone"
DATASET_GONE = "its dataset is gone"
MODEL_CHANGED = "its model is gone or was trained anew"

NO_DATASET = ""
"""In place of a dataset's name in a model that was trained elsewhere."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything in a workspace, read once, newest first."""

    datasets: dict[str, tuple[str, str]]
    """Name → its fingerprints: with labels and splits, and of the images alone.

    A model is made from the one, embeddings and what follows them from the other."""

    models: list[Manifest]
    indexes: list[Manifest]
    maps: list[Manifest]
    analyses: list[Manifest]
    embeddings: list[Manifest]
    evaluations: list[Manifest]
    sweeps: list[Manifest]
    damaged: list[str]
    """A sentence for each artifact whose manifest cannot be trusted."""

    def model(self, model_id: str | None) -> Manifest | None:
        """Return the model of that id, if it is there."""
        return next((m for m in self.models if m.id == model_id), None)

    def index(self, index_id: str | None) -> Manifest | None:
        """Return the index of that id, if it is there."""
        return next((m for m in self.indexes if m.id == index_id), None)

    def models_of(self, dataset: str | None) -> list[Manifest]:
        """Return the models trained on a dataset."""
        return [m for m in self.models if m.made_from["dataset"] == dataset]

    @property
    def imported(self) -> list[Manifest]:
        """The models that were brought in from elsewhere; they belong to no dataset."""
        return self.models_of(NO_DATASET)

    def indexes_of(self, dataset: str | None, model: str | None) -> list[Manifest]:
        """Return the indexes over a dataset by a model."""
        made_from = {"dataset": dataset, "model": model}
        return [m for m in self.indexes if made_from.items() <= m.made_from.items()]

    def indexes_of_dataset(self, dataset: str | None) -> list[Manifest]:
        """Return the indexes over a dataset, by whichever model."""
        return [m for m in self.indexes if m.made_from["dataset"] == dataset]

    def evaluation_of(self, dataset: str) -> Manifest | None:
        """Return the evaluation of a model's that was made last of a dataset, if there is one."""
        return next((m for m in self.evaluations_of(dataset) if "model" in m.made_from), None)

    def evaluations_of(self, dataset: str | None) -> list[Manifest]:
        """Return the evaluations of a dataset, baselines without a model among them."""
        return [m for m in self.evaluations if m.made_from["dataset"] == dataset]

    def embeddings_of(self, dataset: str | None) -> list[Manifest]:
        """Return the embeddings of a dataset, by whichever model."""
        return [m for m in self.embeddings if m.made_from["dataset"] == dataset]

    def embeddings_of_index(self, index: Manifest) -> Manifest | None:
        """Return the embeddings that an index was built from, if they are there unchanged."""
        fingerprint = index.made_from["embeddings_fingerprint"]
        return next((m for m in self.embeddings if m.fingerprint == fingerprint), None)

    def sweeps_of(self, embeddings: Manifest) -> list[Manifest]:
        """Return the sweeps over embeddings."""
        fingerprint = embeddings.fingerprint
        return [m for m in self.sweeps if m.made_from["embeddings_fingerprint"] == fingerprint]

    def maps_of(self, index: Manifest) -> list[Manifest]:
        """Return the maps that show what an index holds: those of its model's embeddings.

        Images that came or went since are no hindrance, but whitening is learnt anew each time.
        """
        encoding = index.summary.get("encoding", {})
        whole = "embeddings_fingerprint" if encoding.get("whiten") else "model_fingerprint"
        return [
            made
            for made in self.maps
            if made.summary.get("encoding", encoding) == encoding
            and all(
                made.made_from.get(name) == index.made_from.get(name) for name in ("dataset", whole)
            )
        ]

    def analysis_of(self, index: Manifest) -> Manifest | None:
        """Return what the finders found last in just this index, if they looked."""
        fingerprint = index.fingerprint
        of_index = (m for m in self.analyses if m.made_from["index_fingerprint"] == fingerprint)
        return next(of_index, None)

    def dependents_of_index(self, index: Manifest) -> list[Manifest]:
        """Return the maps, findings and evaluations that were made from an index."""
        maps = [made for made in self.maps if made.made_from["index"] == index.id]
        others = [
            made
            for made in [*self.analyses, *self.evaluations]
            if made.made_from.get("index_fingerprint") == index.fingerprint
        ]
        return [*maps, *others]

    def dependents_of(self, dataset: str) -> list[Manifest]:
        """Return what was made from a dataset, and what was made from that, last made first.

        An index over another dataset by a model of this one is of no use without that model, so it
        is among them.
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
        """Say why an artifact no longer fits what it was made from; empty while it does."""
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
        """Say that what an evaluation measured is no longer there; its figures still are."""
        source, sources, gone = ("embeddings", self.embeddings, EMBEDDINGS_GONE)
        if "index" in evaluation.made_from:
            source, sources, gone = ("index", self.indexes, INDEX_GONE)
        wanted = evaluation.made_from.get(f"{source}_fingerprint")
        there = wanted is None or any(each.fingerprint == wanted for each in sources)
        return "" if there else gone


def read_lineage(workspace: Workspace) -> Lineage:
    """Read what there is in the workspace."""
    datasets, damaged_datasets = {}, []
    for dataset in list_datasets(workspace):
        try:
            catalog = dataset.catalog
            datasets[dataset.name] = (catalog.fingerprint, catalog.images_fingerprint)
        except DamagedArtifactError as error:
            damaged_datasets.append(str(error))
    kinds = {kind: list_artifacts(parent) for kind, parent in workspace.artifacts.items()}
    return Lineage(
        datasets=datasets,
        models=kinds["model"][0],
        indexes=kinds["index"][0],
        maps=kinds["map"][0],
        analyses=kinds["analysis"][0],
        embeddings=kinds["embeddings"][0],
        evaluations=kinds["evaluation"][0],
        sweeps=kinds["sweep"][0],
        damaged=damaged_datasets + [said for _, damaged in kinds.values() for said in damaged],
    )

"""What was made from what, and what has since changed under it."""

from dataclasses import dataclass

from core.artifacts import Manifest, list_artifacts
from core.datasets.registry import list_datasets
from core.errors import DamagedArtifactError
from core.workspace import Workspace

DATASET_CHANGED = "the dataset has changed since"
DATASET_GONE = "its dataset is gone"
MODEL_CHANGED = "its model is gone or was trained anew"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything in a workspace, read once, newest first."""

    datasets: dict[str, str]
    """Name → fingerprint."""

    models: list[Manifest]
    indexes: list[Manifest]
    maps: list[Manifest]
    damaged: list[str]
    """A sentence for each artefact whose manifest cannot be trusted."""

    def model(self, model_id: str | None) -> Manifest | None:
        """Return the model of that id, if it is there."""
        return next((m for m in self.models if m.id == model_id), None)

    def index(self, index_id: str | None) -> Manifest | None:
        """Return the index of that id, if it is there."""
        return next((m for m in self.indexes if m.id == index_id), None)

    def models_of(self, dataset: str | None) -> list[Manifest]:
        """Return the models trained on a dataset."""
        return [m for m in self.models if m.made_from["dataset"] == dataset]

    def indexes_of(self, dataset: str | None, model: str | None) -> list[Manifest]:
        """Return the indexes over a dataset by a model."""
        made_from = {"dataset": dataset, "model": model}
        return [m for m in self.indexes if made_from.items() <= m.made_from.items()]

    def indexes_of_dataset(self, dataset: str | None) -> list[Manifest]:
        """Return the indexes over a dataset, by whichever model."""
        return [m for m in self.indexes if m.made_from["dataset"] == dataset]

    def maps_of(self, index: Manifest) -> list[Manifest]:
        """Return the maps of just this index."""
        return [m for m in self.maps if m.made_from["index_fingerprint"] == index.fingerprint]

    def stale_reason(self, artifact: Manifest) -> str:
        """Say why an artefact no longer fits what it was made from; empty while it does."""
        made_from = artifact.made_from
        if made_from["dataset"] not in self.datasets:
            return DATASET_GONE
        if "model" in made_from:
            model = self.model(made_from["model"])
            if model is None or model.fingerprint != made_from["model_fingerprint"]:
                return MODEL_CHANGED
        if self.datasets[made_from["dataset"]] != made_from["dataset_fingerprint"]:
            return DATASET_CHANGED
        return ""


def read_lineage(workspace: Workspace) -> Lineage:
    """Read what there is in the workspace."""
    datasets, damaged_datasets = {}, []
    for dataset in list_datasets(workspace):
        try:
            datasets[dataset.name] = dataset.catalog.fingerprint
        except DamagedArtifactError as error:
            damaged_datasets.append(str(error))
    models, damaged_models = list_artifacts(workspace.models)
    indexes, damaged_indexes = list_artifacts(workspace.indexes)
    maps, damaged_maps = list_artifacts(workspace.maps)
    return Lineage(
        datasets=datasets,
        models=models,
        indexes=indexes,
        maps=maps,
        damaged=damaged_datasets + damaged_models + damaged_indexes + damaged_maps,
    )

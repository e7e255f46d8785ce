from pathlib import Path

from core.artifacts.folders import delete_artifact, draft, publish
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.lineage.deletion import delete_with_dependents
from core.lineage.graph import read_lineage
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import class_folders


def publish_empty(workspace: Workspace, kind: str, stem: str, **made_from: str) -> None:
    with draft(workspace.artifacts[kind]) as folder:
        publish(folder, kind=kind, stem=stem, config={}, made_from=made_from, summary={})


def test_a_dataset_is_deleted_after_all_artifacts_made_from_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("pets", "cars"):
        root = class_folders(tmp_path / name, red=2, blue=2)
        finish(add_folder(workspace, name, Source(root=root), SplitConfig()))
    publish_empty(workspace, "model", "a", dataset="pets")
    publish_empty(workspace, "model", "b", dataset="cars")
    for dataset, model in (("pets", "a"), ("cars", "a"), ("cars", "b"), ("pets", "b")):
        publish_empty(workspace, "embeddings", f"{dataset}-{model}", dataset=dataset, model=model)
        publish_empty(workspace, "index", f"{dataset}-{model}", dataset=dataset, model=model)
    deleted = []

    def delete_index(workspace: Workspace, index_id: str) -> str:
        assert read_lineage(workspace).embeddings, "dependents are deleted before their sources"
        deleted.append(index_id)
        delete_artifact(workspace.indexes, index_id)
        return f"{index_id} remains." if index_id == "cars-a" else ""

    assert delete_with_dependents(workspace, "pets", delete_index) == ["cars-a remains."]

    lineage = read_lineage(workspace)
    assert sorted(deleted) == ["cars-a", "pets-a", "pets-b"]
    assert list(lineage.datasets) == ["cars"]
    assert [made.id for made in lineage.models] == ["b"]
    assert [made.id for made in lineage.embeddings] == ["cars-b"]
    assert [made.id for made in lineage.indexes] == ["cars-b"]
    assert len(list((tmp_path / "pets").rglob("*.png"))) == 4

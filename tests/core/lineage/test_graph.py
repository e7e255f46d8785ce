from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.artifacts.folders import delete_artifact, draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder, rescan, resplit
from core.datasets.registry import delete_dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import (
    DATASET_CHANGED,
    DATASET_GONE,
    MODEL_CHANGED,
    delete_with_dependents,
    read_lineage,
)
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import class_folders, speckled

DATASET = "colors"
OTHER = "others"


def import_dataset(workspace: Workspace, root: Path, name: str) -> None:
    finish(add_folder(workspace, name, Source(root=root), SplitConfig()))


def of_dataset(workspace: Workspace, name: str) -> dict[str, str]:
    fingerprint = open_dataset(workspace, name).catalog.fingerprint
    return {"dataset": name, "dataset_fingerprint": fingerprint}


def make_model(workspace: Workspace, content: str = "weights") -> Manifest:
    with draft(workspace.models) as folder:
        (folder / "model.safetensors").write_text(content)
        return publish(
            folder,
            kind="model",
            stem="model",
            config={},
            made_from=of_dataset(workspace, DATASET),
            summary={},
        )


def make_index(workspace: Workspace, model: Manifest, dataset: str = DATASET) -> Manifest:
    ids = [row.id for row in open_dataset(workspace, dataset).catalog.rows()]
    angles = np.linspace(0, 1, len(ids))
    with draft(workspace.embeddings) as folder:
        np.save(
            folder / "vectors.npy",
            np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
        )
        np.save(folder / "image_ids.npy", np.array(ids, np.int64))
        embeddings = publish(
            folder,
            kind="embeddings",
            stem=f"{dataset}-by-model",
            config={},
            made_from=of_dataset(workspace, dataset)
            | {"model": model.id, "model_fingerprint": model.fingerprint},
            summary={"num_problems": 0},
        )
    return finish(build_index(workspace, embeddings.id, IndexConfig()))


def make_map(workspace: Workspace, index: Manifest) -> Manifest:
    with draft(workspace.maps) as folder:
        (folder / "points.npy").write_text("points")
        return publish(
            folder,
            kind="map",
            stem=f"{index.id}-umap",
            config={},
            made_from=index.made_from | {"index": index.id, "index_fingerprint": index.fingerprint},
            summary={},
        )


def reasons(workspace: Workspace) -> dict[str, str]:
    """Return why each artifact is stale, by kind."""
    lineage = read_lineage(workspace)
    return {
        artifact.kind: lineage.stale_reason(artifact)
        for artifact in [*lineage.models, *lineage.indexes, *lineage.maps]
    }


@pytest.fixture
def made(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Return a workspace with a model, an index and a map of six images."""
    import_dataset(workspace, class_folders(tmp_path / "in", red=3, blue=3), DATASET)
    make_map(workspace, make_index(workspace, make_model(workspace)))
    return workspace


def test_artifacts_that_fit_their_sources_have_no_stale_reason(made: Workspace) -> None:
    assert reasons(made) == {"model": "", "index": "", "map": ""}


def test_a_new_split_makes_all_artifacts_stale(made: Workspace) -> None:
    resplit(made, DATASET, SplitConfig(test=0.5, seed=1))
    assert reasons(made) == dict.fromkeys(("model", "index", "map"), DATASET_CHANGED)


def test_the_former_split_makes_artifacts_fit_again(made: Workspace) -> None:
    resplit(made, DATASET, SplitConfig(test=0.5, seed=1))
    resplit(made, DATASET, SplitConfig())
    assert set(reasons(made).values()) == {""}


def test_a_new_image_makes_all_artifacts_stale(made: Workspace, tmp_path: Path) -> None:
    finish(rescan(made, DATASET))
    assert set(reasons(made).values()) == {""}
    speckled("red", seed=9).save(tmp_path / "in" / "red" / "new.png")
    finish(rescan(made, DATASET))
    assert reasons(made) == dict.fromkeys(("model", "index", "map"), DATASET_CHANGED)


def test_a_deleted_dataset_is_a_stale_reason(made: Workspace) -> None:
    delete_dataset(made, DATASET)
    assert reasons(made) == dict.fromkeys(("model", "index", "map"), DATASET_GONE)


def test_a_deleted_model_is_a_stale_reason(made: Workspace) -> None:
    delete_artifact(made.models, "model")
    assert reasons(made) == dict.fromkeys(("index", "map"), MODEL_CHANGED)


def test_a_new_model_of_the_same_name_is_another_model(made: Workspace) -> None:
    delete_artifact(made.models, "model")
    make_model(made, content="other weights")
    assert reasons(made) == {"model": "", "index": MODEL_CHANGED, "map": MODEL_CHANGED}


def test_an_index_over_another_dataset_depends_on_that_dataset(
    made: Workspace, tmp_path: Path
) -> None:
    import_dataset(made, class_folders(tmp_path / "other", green=2, blue=2), OTHER)
    [model] = read_lineage(made).models
    index = make_index(made, model, OTHER)
    resplit(made, DATASET, SplitConfig(test=0.5, seed=1))
    lineage = read_lineage(made)
    assert lineage.stale_reason(model) == DATASET_CHANGED
    assert lineage.stale_reason(index) == ""


def test_artifacts_are_found_by_their_sources(made: Workspace, tmp_path: Path) -> None:
    import_dataset(made, class_folders(tmp_path / "other", green=2, blue=2), OTHER)
    [model] = read_lineage(made).models
    other = make_index(made, model, OTHER)
    lineage = read_lineage(made)

    assert set(lineage.datasets) == {DATASET, OTHER}
    assert lineage.models_of(DATASET) == [model]
    assert lineage.models_of(OTHER) == []
    assert lineage.indexes_of(dataset=OTHER, model=model.id) == [other]
    [index] = lineage.indexes_of(dataset=DATASET, model=model.id)
    assert lineage.indexes_of(dataset=DATASET, model="nothing") == []
    assert lineage.indexes_of(dataset=None) == []
    assert lineage.indexes_of(dataset=DATASET) == [index]
    assert sorted(made.id for made in lineage.indexes_of(model=model.id)) == sorted(
        [index.id, other.id]
    )
    [embeddings] = lineage.embeddings_of(DATASET)
    assert lineage.embeddings_of_index(index) == embeddings
    assert [made.kind for made in lineage.dependents_of_index(index)] == ["map"]
    assert lineage.evaluation_of_model(model) is lineage.evaluation_of(DATASET) is None
    assert [found.id for found in lineage.maps_of(index)] == [f"{index.id}-umap"]
    assert lineage.maps_of(other) == []
    assert lineage.model(model.id) == model
    assert lineage.index(index.id) == index
    assert lineage.model(None) is lineage.index("nothing") is None


def test_the_newest_evaluation_of_a_model_on_its_own_dataset_is_found(made: Workspace) -> None:
    [model] = read_lineage(made).models
    sources = {"dataset": DATASET, "model": model.id, "model_fingerprint": model.fingerprint}
    for stem, made_from in (
        ("first", sources),
        ("second", sources),
        ("elsewhere", sources | {"dataset": OTHER}),
        ("baseline", {"dataset": DATASET}),
    ):
        with draft(made.evaluations) as folder:
            publish(
                folder, kind="evaluation", stem=stem, config={}, made_from=made_from, summary={}
            )
    lineage = read_lineage(made)
    assert {found.id for found in lineage.evaluations_of(DATASET)} == {
        "first",
        "second",
        "baseline",
    }
    for newest in (lineage.evaluation_of_model(model), lineage.evaluation_of(DATASET)):
        assert newest is not None
        assert newest.id == "second"


def test_a_map_belongs_to_every_index_over_the_embeddings_of_its_model(made: Workspace) -> None:
    lineage = read_lineage(made)
    [index], [drawn], [model] = lineage.indexes, lineage.maps, lineage.models
    delete_artifact(made.indexes, index.id)
    anew = finish(build_index(made, index.made_from["embeddings"], IndexConfig(m=16)))
    assert read_lineage(made).maps_of(anew) == [drawn]
    assert reasons(made)["index"] == ""
    assert model.id == anew.made_from["model"]

    trained_anew = anew.made_from | {"model_fingerprint": "another"}
    assert lineage.maps_of(replace(anew, made_from=trained_anew)) == []
    of_other_images = anew.made_from | {"embeddings_fingerprint": "another"}
    assert lineage.maps_of(replace(anew, made_from=of_other_images)) == [drawn]


def test_a_map_of_whitened_embeddings_belongs_to_no_other_index(made: Workspace) -> None:
    lineage = read_lineage(made)
    [index], [drawn] = lineage.indexes, lineage.maps
    summary = index.summary | {"encoding": {"whiten": True}}
    assert lineage.maps_of(replace(index, summary=summary)) == [drawn]
    of_other_images = index.made_from | {"embeddings_fingerprint": "another"}
    assert lineage.maps_of(replace(index, summary=summary, made_from=of_other_images)) == []


def test_damaged_manifests_are_listed_and_the_others_read(made: Workspace) -> None:
    path = made.models / "model" / "manifest.json"
    path.write_text(path.read_text().replace('"model"', '"modle"', 1))
    [index] = read_lineage(made).indexes
    (made.maps / f"{index.id}-umap" / "manifest.json").write_text("{")

    lineage = read_lineage(made)

    assert sorted(message.split(" is damaged")[0] for message in lineage.damaged) == [
        f"{index.id}-umap/manifest.json",
        "model/manifest.json",
    ]
    assert (lineage.models, lineage.indexes, lineage.maps) == ([], [index], [])
    assert lineage.stale_reason(index) == MODEL_CHANGED


def test_an_empty_workspace_has_no_artifacts(workspace: Workspace) -> None:
    lineage = read_lineage(workspace)
    assert (lineage.datasets, lineage.models, lineage.indexes, lineage.maps) == ({}, [], [], [])
    assert lineage.damaged == []


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

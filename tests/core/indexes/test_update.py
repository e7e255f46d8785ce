"""Bringing an index up to its dataset without building it again."""

import errno
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.artifacts.folders import draft, list_artifacts, publish
from core.artifacts.titles import read_title, write_title
from core.datasets.curation import exclude
from core.datasets.importing.scan import rescan
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.files import build_index, open_index
from core.indexes.probe import probe
from core.indexes.store import UnfitIndexError, VectorStore
from core.indexes.update import _reason_to_retrain, update_index
from core.lineage.graph import INDEX_UPDATED, read_lineage
from core.progress import Work, finish
from core.workspace import Workspace
from tests.factories.embeddings import clusters
from tests.factories.images import speckled


def only_index(workspace: Workspace) -> str:
    [index], _ = list_artifacts(workspace.indexes)
    return index.id


def test_added_changed_and_removed_images_are_updated(full: Workspace) -> None:
    index_id = only_index(full)
    write_title(full.indexes, index_id, "Mine")
    before = open_index(full, index_id).faiss.image_ids
    images = full.home / "images"
    speckled("red", seed=77).save(images / "red" / "new.png")
    speckled("green", seed=78).save(images / "green" / "003.png")
    (images / "blue" / "001.png").unlink()
    finish(rescan(full, "colors"))

    made = finish(update_index(full, index_id))

    assert (made.summary["num_added"], made.summary["num_removed"]) == (2, 1)
    assert made.summary["count"] == 30
    assert only_index(full) == made.id == index_id
    assert made.summary["version"] == 2
    assert [each.id for each in list_artifacts(full.embeddings)[0]] == [
        made.made_from["embeddings"]
    ]
    assert sorted(path.name for path in (full.indexes / index_id).iterdir()) == [
        "manifest.json", "title.txt", "v2"
    ]  # fmt: skip
    assert read_title(full.indexes, made.id) == "Mine"
    index = open_index(full, made.id)
    embeddings = open_embeddings(full, index.embeddings)
    found = index.store.search(np.ascontiguousarray(embeddings.vectors), 1)
    assert [match.image_ids[0] for match in found] == embeddings.image_ids.tolist()
    np.testing.assert_allclose([match.similarities[0] for match in found], 1.0, atol=1e-5)
    assert len(np.setdiff1d(before, embeddings.image_ids)) == 1


def test_an_index_that_is_up_to_date_is_not_changed(full: Workspace) -> None:
    index_id = only_index(full)
    with pytest.raises(WorkbenchError, match="has all images of its dataset already"):
        finish(update_index(full, index_id))
    assert only_index(full) == index_id


def test_excluded_images_are_removed(full: Workspace) -> None:
    embeddings = open_embeddings(full, open_index(full, only_index(full)).embeddings)
    graph = finish(build_index(full, embeddings.manifest.id, IndexConfig(kind="hnsw")))
    exclude(open_dataset(full, "colors").catalog, embeddings.image_ids[:5].tolist())
    made = finish(update_index(full, graph.id))
    store = open_index(full, made.id).faiss
    assert (store.count, store.num_removed) == (25, 5)


def change_images(workspace: Workspace, number: int = 0) -> None:
    """Remove one image of the dataset, and add one."""
    images = workspace.home / "images"
    next((images / "blue").glob("*.png")).unlink()
    speckled("red", seed=70 + number).save(images / "red" / f"new{number}.png")
    finish(rescan(workspace, "colors"))


def finds_all(workspace: Workspace, index_id: str) -> bool:
    """Return whether each image of the dataset finds itself in an index."""
    index = open_index(workspace, index_id)
    embeddings = open_embeddings(workspace, index.embeddings)
    ids = open_dataset(workspace, "colors").catalog.ids()
    found = index.store.search(np.ascontiguousarray(embeddings.vectors), 40)
    return embeddings.image_ids.tolist() == ids and all(
        image_id in matches.image_ids and np.isin(matches.image_ids, ids).all()
        for image_id, matches in zip(ids, found, strict=True)
    )


@pytest.mark.parametrize("factory", ["PQ16x4fs", "PQ8x4", "SQ4", "L2norm,Flat", "IVF2,PQ8x4,RFlat"])
def test_an_index_of_any_kind_is_updated_and_searched(full: Workspace, factory: str) -> None:
    config = IndexConfig(kind="factory", factory=factory)
    embeddings = open_index(full, only_index(full)).embeddings
    index = finish(build_index(full, embeddings, config))
    for number in range(2):
        change_images(full, number)
        updated = finish(update_index(full, index.id))
        assert (updated.id, updated.summary["version"]) == (index.id, number + 2)
        assert (updated.summary["num_added"], updated.summary["num_removed"]) == (1, 1)
        assert finds_all(full, index.id)


def test_an_index_that_nothing_can_be_added_to_is_built_again(workspace: Workspace) -> None:
    vectors, ids = clusters(300), np.arange(300, dtype=np.int64)
    store = finish(build(vectors, ids, IndexConfig(kind="factory", factory="NSG8")))
    with pytest.raises(UnfitIndexError):
        store.add(vectors[:1], np.array([700]))
    assert (store.count, store.num_removed) == (300, 0)  # As before


def test_the_old_index_is_searched_until_the_new_one_is_complete(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_id = only_index(full)
    before = open_index(full, index_id).manifest
    change_images(full)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for step in ("write_manifest", "sync_files"):
        with monkeypatch.context() as patch:
            patch.setattr(f"core.artifacts.versions.{step}", fail)
            with pytest.raises(OSError, match="No space"):
                finish(update_index(full, index_id))
        assert open_index(full, index_id).manifest == before
    finish(update_index(full, index_id))
    assert finds_all(full, index_id)


def test_an_index_that_an_update_spoils_is_built_again(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_id = only_index(full)
    change_images(full)
    added = open_dataset(full, "colors").catalog.ids()[-1]
    probed: list[list[int] | None] = []

    def refuse_first(
        store: VectorStore, embeddings: Embeddings, ids: NDArray[np.int64] | None
    ) -> Work[dict[str, Any]]:
        probed.append(None if ids is None else ids.tolist())
        if len(probed) == 1:
            raise UnfitIndexError("It finds nothing.", "Build it again.")
        return (yield from probe(store, embeddings, ids))

    monkeypatch.setattr("core.indexes.files.probe", refuse_first)
    updated = finish(update_index(full, index_id))
    assert probed == [[added], None]
    assert finds_all(full, index_id)
    assert open_index(full, updated.id).faiss.num_removed == 0
    assert (updated.summary["num_added"], updated.summary["num_removed"]) == (1, 1)


def test_embeddings_that_another_index_uses_stay(full: Workspace) -> None:
    index_id = only_index(full)
    old = open_index(full, index_id).embeddings
    graph = finish(build_index(full, old, IndexConfig(kind="hnsw")))
    change_images(full)
    first = finish(update_index(full, index_id))
    assert {each.id for each in list_artifacts(full.embeddings)[0]} == {
        old, first.made_from["embeddings"]
    }  # fmt: skip
    second = finish(update_index(full, graph.id))
    assert second.made_from["embeddings"] == first.made_from["embeddings"]
    assert [each.id for each in list_artifacts(full.embeddings)[0]] == [
        first.made_from["embeddings"]
    ]


def test_an_evaluation_of_an_index_says_that_it_was_updated(full: Workspace) -> None:
    index = read_lineage(full).index(only_index(full))
    assert index is not None
    with draft(full.evaluations) as folder:
        (folder / "queries.csv").write_text("")
        evaluation = publish(
            folder, kind="evaluation", stem="e", config={}, made_from=index.as_source, summary={}
        )
    assert read_lineage(full).missing_source(evaluation) == ""
    change_images(full)
    finish(update_index(full, index.id))
    assert read_lineage(full).missing_source(evaluation) == INDEX_UPDATED


def test_an_index_that_is_open_searches_its_own_version(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.indexes.faiss_file.MAPPED_FROM_BYTES", 0)
    index_id = only_index(full)
    old = open_index(full, index_id)
    rows = np.array(open_embeddings(full, old.embeddings).vectors)
    before = [matches.image_ids.tolist() for matches in old.store.search(rows, 30)]
    change_images(full)
    finish(update_index(full, index_id))
    assert [matches.image_ids.tolist() for matches in old.store.search(rows, 30)] == before


@pytest.mark.parametrize(
    ("num_new", "num_gone", "trained_on", "flipped", "said"),
    [
        (10, 10, 1000, False, ""),
        (1200, 0, 1000, False, "2,200 images, but clusters trained on 1,000"),
        (0, 300, 1000, False, "300 of 1,000 rows are removed images"),
        (50, 0, 1000, True, "far from the trained clusters"),
    ],
)
def test_the_reason_for_a_rebuild_is_returned(
    num_new: int, num_gone: int, trained_on: int, flipped: bool, said: str
) -> None:
    points = clusters(2400)
    config = IndexConfig(kind="ivf", nlist=8)
    store = finish(build(points[:1000], np.arange(1000), config))
    new = points[1000 : 1000 + num_new]
    new = np.ascontiguousarray(-new if flipped else new)
    reason = _reason_to_retrain(store, points[:1000], new, num_gone, trained_on)
    assert said in reason
    assert bool(said) == bool(reason)

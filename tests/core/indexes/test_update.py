"""Bringing an index up to its dataset without building it again."""

import numpy as np
import pytest

from core.artifacts.folders import list_artifacts
from core.artifacts.titles import read_title, write_title
from core.datasets.curation import exclude
from core.datasets.importing.scan import rescan
from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.errors import WorkbenchError
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.files import build_index, open_index
from core.indexes.update import _reason_to_retrain, update_index
from core.progress import finish
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
    assert only_index(full) == made.id  # It took the other's place
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


@pytest.mark.parametrize(
    ("num_new", "num_gone", "trained_on", "flipped", "said"),
    [
        (10, 10, 1000, False, ""),
        (1200, 0, 1000, False, "2,200 images, and its groups were trained on 1,000"),
        (0, 300, 1000, False, "300 of its 1,000 rows are of removed images"),
        (50, 0, 1000, True, "far from the groups"),
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

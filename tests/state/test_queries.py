"""Searches of the Query page: timings, and what is cached."""

import hashlib

import pytest

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import rescan
from core.datasets.registry import open_dataset
from core.errors import MissingError
from core.indexes.update import update_index
from core.lineage.graph import read_lineage
from core.progress import finish
from core.query import ImageSource, Query, QueryImage, QueryResult, SearchOptions
from core.workspace import Workspace
from state.queries import nearest_to_image, search
from tests.factories.images import png, speckled


def search_red(workspace: Workspace, seed: int, k: int) -> QueryResult:
    content = png(speckled("red", seed=seed))
    digest = hashlib.sha256(content).hexdigest()
    query = Query(images=(QueryImage(digest=digest),), options=SearchOptions(k=k))
    source = ImageSource("red.png", content, digest)
    lineage = read_lineage(workspace)
    dataset = open_dataset(workspace, "colors")
    return search(query, [source], lineage.indexes[0], lineage.models[0], dataset)


def test_an_answer_says_how_long_each_stage_took(full: Workspace) -> None:
    found = search_red(full, seed=100, k=3)
    assert list(found.seconds) == ["decode", "wait", "embed", "search"]
    assert all(spent >= 0 for spent in found.seconds.values())
    assert len(found.matches) == 3
    assert {label for label, _ in found.prediction} == {"red", "green", "blue"}


def test_asking_for_more_matches_of_a_query_does_not_embed_it_again(full: Workspace) -> None:
    few, more = search_red(full, seed=100, k=3), search_red(full, seed=100, k=5)
    assert [len(found.matches) for found in (few, more)] == [3, 5]
    assert more.matches[:3] == few.matches
    assert more.seconds["embed"] == few.seconds["embed"]  # The very same pass
    assert search_red(full, seed=101, k=3).seconds["embed"] != few.seconds["embed"]


def test_too_few_images_to_say_what_is_usual_leave_the_rest_of_the_answer(full: Workspace) -> None:
    catalog = open_dataset(full, "colors").catalog
    catalog.forget(catalog.ids()[10:])
    found = search_red(full, seed=100, k=3)
    assert found.out_of_distribution is None
    assert len(found.matches) == 3


def updated(workspace: Workspace) -> tuple[Manifest, Manifest]:
    """Update the index to a dataset with one image less; return its manifests before and after."""
    [before] = read_lineage(workspace).indexes
    (workspace.home / "images" / "red" / "000.png").unlink()
    finish(rescan(workspace, "colors"))
    return before, finish(update_index(workspace, before.id))


def test_a_search_that_began_before_an_update_answers_from_the_new_version(full: Workspace) -> None:
    before, after = updated(full)
    lineage, dataset = read_lineage(full), open_dataset(full, "colors")
    row = dataset.catalog.rows()[0]
    source = ImageSource(row.path, dataset.path_of(row), "key")
    # An example is looked up in the embeddings, of which only the new ones are left
    query = Query(images=(QueryImage(image_id=row.id),), positives=(row.id,))
    found = search(query, [source], before, lineage.models[0], dataset)
    assert found.index == after
    assert len(nearest_to_image(before, row.id, 50)) == len(dataset.catalog.ids()) - 1


def test_an_error_that_has_another_reason_is_raised(full: Workspace) -> None:
    [index] = read_lineage(full).indexes
    delete_artifact(full.embeddings, index.made_from["embeddings"])
    with pytest.raises(MissingError):
        nearest_to_image(index, 1, 3)

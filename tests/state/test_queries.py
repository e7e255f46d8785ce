"""Searches of the Query page: timings, and what is cached."""

import hashlib

from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from core.query import ImageSource, Query, QueryImage, QueryResult, SearchOptions
from core.workspace import Workspace
from state.queries import search
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

"""Matches with filters, thresholds and deduplication; fusion, vote and OOD reference."""

import sqlite3
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.datasets.columns import ImageFilter
from core.datasets.curation import exclude
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.query.fusion import Fusion, fuse
from core.query.matching import QueryVectors, find_matches
from core.query.ood import OODReference, build_ood_reference
from core.query.query import SearchOptions
from core.query.result import Match, precision_by_rank, rank_changes
from core.query.vote import vote
from core.workspace import Workspace
from tests.factories.circles import Circle, circle
from tests.factories.vectors import at_angles


def matches_of(made: Circle, vectors: NDArray[np.float32], options: SearchOptions) -> list[Match]:
    [found] = find_matches(made.store, made.dataset, [QueryVectors(vectors)], options)
    return found


NOTHING = np.empty((0, 2), np.float32)


@pytest.fixture
def six(workspace: Workspace) -> Circle:
    """Cats at 0, 10, 20 degrees, dogs at 30, 40, 50; the second cat and dog are for testing."""
    cats = [(0.0, "cat", "train"), (10.0, "cat", "test"), (20.0, "cat", "train")]
    dogs = [(30.0, "dog", "train"), (40.0, "dog", "test"), (50.0, "dog", "train")]
    return circle(workspace, cats + dogs)


def test_the_nearest_come_first_with_their_cosine(six: Circle) -> None:
    found = matches_of(six, at_angles(0), SearchOptions(k=3))
    assert [match.image_id for match in found] == [1, 2, 3]
    assert [match.similarity for match in found] == pytest.approx(np.cos(np.deg2rad([0, 10, 20])))
    assert [match.image.label for match in found if match.image] == ["cat"] * 3


def test_a_filter_is_kept_inside_the_index_so_that_k_stays_k(six: Circle) -> None:
    dogs = SearchOptions(k=3, images=ImageFilter(labels=("dog",)))
    assert six.ids(0, dogs) == [4, 5, 6]
    assert six.ids(0, SearchOptions(k=2, images=ImageFilter(splits=("test",)))) == [2, 5]
    both = ImageFilter(labels=("dog",), splits=("test",))
    assert six.ids(0, SearchOptions(k=6, images=both)) == [5]
    assert six.ids(0, SearchOptions(k=6, images=ImageFilter(labels=("cow",)))) == []


def test_images_left_out_make_room_for_others(six: Circle) -> None:
    assert six.ids(0, SearchOptions(k=3), excluded={1, 2}) == [3, 4, 5]
    assert six.ids(0, SearchOptions(k=6), excluded={1}) == [2, 3, 4, 5, 6]


def test_below_the_threshold_nothing_is_shown(six: Circle) -> None:
    assert six.ids(0, SearchOptions(k=6, min_similarity=0.9)) == [1, 2, 3]  # cos 30° is 0.87
    assert six.ids(180, SearchOptions(k=6, min_similarity=0.5)) == []


def test_an_image_that_left_the_dataset_is_still_an_answer_without_a_row(six: Circle) -> None:
    six.dataset.catalog.forget([2])
    found = matches_of(six, at_angles(0), SearchOptions(k=3, deduplicate=True))
    assert [(match.image_id, match.image is None) for match in found] == [
        (1, False),
        (2, True),
        (3, False),
    ]


def test_of_several_vectors_an_image_counts_by_the_nearest(six: Circle) -> None:
    found = matches_of(six, at_angles(0, 49), SearchOptions(k=4))
    assert [match.image_id for match in found] == [1, 6, 5, 2]
    assert found[1].similarity == pytest.approx(np.cos(np.deg2rad(1)))


def test_copies_are_folded_into_the_best_of_them_and_k_stays_k(workspace: Workspace) -> None:
    images = [(float(degrees), "cat", "train") for degrees in (0, 1, 2, 30, 31, 60)]
    copies = {1: "a" * 64, 2: "a" * 64, 3: "a" * 64, 4: "b" * 64, 5: "b" * 64}
    made = circle(workspace, images, copies)
    found = matches_of(made, at_angles(0), SearchOptions(k=3, deduplicate=True))
    assert [(match.image_id, match.duplicates) for match in found] == [
        (1, (2, 3)),
        (4, (5,)),
        (6, ()),
    ]
    assert [m.image_id for m in matches_of(made, at_angles(0), SearchOptions(k=3))] == [
        1,
        2,
        3,
    ]


def test_ten_copies_of_each_cost_three_looks_at_the_index(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [(number / 10, "cat", "train") for number in range(400)]
    copies = {number: f"{(number - 1) // 10:064x}" for number in range(1, 401)}
    made = circle(workspace, images, copies)
    asked: list[int] = []
    look = FaissStore.search

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(args[2])
        return look(*args, **options)

    monkeypatch.setattr(FaissStore, "search", counted)
    found = matches_of(made, at_angles(0), SearchOptions(k=20, deduplicate=True))
    assert [match.image_id for match in found] == list(range(1, 201, 10))
    assert asked == [20, 80, 320]


def test_look_alikes_are_folded_once_a_check_has_found_them(six: Circle) -> None:
    with sqlite3.connect(six.dataset.catalog.path) as connection:
        connection.execute("UPDATE images SET representative = 5 WHERE id IN (1, 5)")
    assert six.ids(0, SearchOptions(k=6, deduplicate=True)) == [1, 2, 3, 4, 6]


def test_what_was_excluded_is_not_among_filtered_matches(six: Circle) -> None:
    exclude(six.dataset.catalog, [4])
    assert six.ids(0, SearchOptions(k=3, images=ImageFilter(labels=("dog",)))) == [5, 6]


@pytest.mark.parametrize("kind", ["hnsw", "ivf", "sq8"])
def test_a_thousand_matches_can_be_had_of_any_kind(workspace: Workspace, kind: str) -> None:
    images = [(number * 0.1, "cat", "train") for number in range(1200)]
    config = IndexConfig(kind=kind, nlist=4 if kind == "ivf" else 0, nprobe=4)
    made = circle(workspace, images, config=config)
    assert len(made.ids(0, SearchOptions(k=1000))) == 1000


@pytest.mark.parametrize("settings", [{"k": 0}, {"k": 1001}, {"min_similarity": 1.5}])
def test_numbers_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        SearchOptions(**settings)


def test_changes_of_rank_against_another_result() -> None:
    ours = [Match(None, image_id, 0.5) for image_id in (7, 8, 9)]
    others = [Match(None, image_id, 0.5) for image_id in (9, 7, 5)]
    assert rank_changes(ours, others) == [1, None, -2]


def test_precision_by_rank_counts_the_matches_of_a_class(six: Circle) -> None:
    found = matches_of(
        six, at_angles(20), SearchOptions(k=4)
    )  # 3 cat, 2 cat and 4 dog, 1 cat and 5 dog
    assert precision_by_rank(found[:1], "cat").tolist() == [1]
    assert precision_by_rank(found[:1], "dog").tolist() == [0]
    assert precision_by_rank(found, "cat")[2] == pytest.approx(2 / 3)


def test_the_mean_of_two_images_lies_between_them() -> None:
    assert fuse(at_angles(0, 90), NOTHING, NOTHING) == pytest.approx(at_angles(45), abs=1e-6)
    assert fuse(at_angles(0, 90), NOTHING, NOTHING, Fusion.BEST) == pytest.approx(
        at_angles(0, 90), abs=1e-6
    )


def test_what_is_liked_pulls_and_what_is_not_pushes() -> None:
    positives = fuse(at_angles(0), at_angles(90), NOTHING)
    assert positives == pytest.approx(np.array([[1.0, 0.75]]) / np.hypot(1, 0.75), abs=1e-6)
    negatives = fuse(at_angles(0), NOTHING, at_angles(90))
    assert negatives == pytest.approx(np.array([[1.0, -0.15]]) / np.hypot(1, 0.15), abs=1e-6)


def test_each_query_image_is_moved_alike() -> None:
    moved = fuse(at_angles(0, 90), at_angles(45), NOTHING, Fusion.BEST)
    assert moved.shape == (2, 2)
    assert moved.dtype == np.float32
    assert np.linalg.norm(moved, axis=1) == pytest.approx(1)
    assert moved[0, 0] == pytest.approx(moved[1, 1])


def test_liked_images_alone_are_a_query() -> None:
    assert fuse(NOTHING, at_angles(0, 90), at_angles(90)) == pytest.approx(
        np.array([[0.5, 0.35]]) / np.hypot(0.5, 0.35), abs=1e-6
    )


def test_images_that_cancel_each_other_out_are_no_query() -> None:
    with pytest.raises(WorkbenchError, match="cancel each other out"):
        fuse(at_angles(0, 180), NOTHING, NOTHING)
    with pytest.raises(ValueError, match="needs an image"):
        fuse(NOTHING, NOTHING, at_angles(0))


def test_nearer_neighbors_have_more_say() -> None:
    shares = vote(["cat", "dog", "dog"], [0.9, 0.9 - 0.07 * np.log(4), 0.9 - 0.07 * np.log(4)])
    assert [label for label, _ in shares] == ["cat", "dog"]
    assert [share for _, share in shares] == pytest.approx([2 / 3, 1 / 3])
    assert vote([None, "dog"], [0.9, 0.1]) == [("dog", 1.0)]
    assert vote([None], [0.9]) == vote([], []) == []


def test_no_more_than_twenty_neighbors_vote() -> None:
    assert vote(["cat"] * 20 + ["dog"] * 100, [0.5] * 120) == [("cat", 1.0)]


def spread(count: int, step: float, split: str) -> list[tuple[float, str, str]]:
    """Pairs of a train image and one of another split, the pairs far from each other."""
    pairs = []
    for number in range(count):
        start = number * 360 / count
        pairs += [(start, "cat", "train"), (start + step * number, "cat", split)]
    return pairs


@pytest.mark.parametrize(("split", "says"), [("validation", "validation"), ("test", "test")])
def test_held_out_images_say_what_is_usual(workspace: Workspace, split: str, says: str) -> None:
    made = circle(workspace, spread(20, 0.1, split))
    found = build_ood_reference(made.store, made.embeddings, made.dataset.catalog)
    assert found.held_out == says
    assert found.best == pytest.approx(np.cos(np.deg2rad(np.arange(19, -1, -1) * 0.1)), abs=1e-5)
    assert found.best.dtype == np.float32


def test_twins_say_nothing_of_what_is_usual(workspace: Workspace) -> None:
    """Image 2 is image 1 again; the next that it is like is the pair 18 degrees away."""
    made = circle(workspace, spread(20, 0.1, "validation"), {1: "a" * 64, 2: "a" * 64})
    best = build_ood_reference(made.store, made.embeddings, made.dataset.catalog).best
    assert best[0] == pytest.approx(np.cos(np.deg2rad(18 - 1.9)), abs=1e-4)


def test_without_a_split_all_images_are_asked(workspace: Workspace) -> None:
    made = circle(workspace, [(3.0 * number, "cat", "train") for number in range(30)])
    found = build_ood_reference(made.store, made.embeddings, made.dataset.catalog)
    assert (found.held_out, len(found.best)) == ("all", 30)
    assert found.best == pytest.approx(np.cos(np.deg2rad(3)), abs=1e-5)


def test_too_few_images_calibrate_nothing(workspace: Workspace) -> None:
    made = circle(workspace, [(3.0 * number, "cat", "train") for number in range(19)])
    with pytest.raises(WorkbenchError, match="at least 20"):
        build_ood_reference(made.store, made.embeddings, made.dataset.catalog)


def test_a_percentile_is_the_share_of_held_out_images_that_are_less_alike() -> None:
    ood_reference = OODReference(np.linspace(0.01, 1, 100, dtype=np.float32), "validation")
    assert ood_reference.compare(0.505).percentile == 50
    assert ood_reference.compare(0.505).median == pytest.approx(0.505)
    assert ood_reference.compare(-1).percentile == 0
    assert ood_reference.compare(1.5).percentile == 100
    assert ood_reference.compare(0.045).is_out_of_distribution
    assert not ood_reference.compare(0.055).is_out_of_distribution
    assert ood_reference.compare(0.195).is_borderline
    assert not ood_reference.compare(0.205).is_borderline

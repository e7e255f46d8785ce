"""What the finders find, on unit vectors whose similarities a reader can check by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.duplicates import Kind, proposal
from core.datasets.registry import open_dataset
from core.progress import finish
from core.quality import checks, export
from core.quality.clusters import describe, find_clusters
from core.quality.config import Check
from core.quality.label_issues import content_labels, find_label_issues
from core.quality.labels import NONE, ImageLabels, read_image_labels
from core.quality.linear_classifier import fit
from core.quality.near_duplicates import group_near_duplicates, link
from core.quality.neighbors import Neighbors, find_neighbors, first_rows
from core.quality.outliers import outlierness
from core.quality.ranking import Ranking
from core.quality.representativeness import representativeness
from core.workspace import Workspace
from tests.factories.embeddings import DATASET
from tests.factories.embeddings import clusters as clustered
from tests.factories.quality import at_angles, indexed_set, row

A, B = 0, 1


def neighbors_of(
    vectors: NDArray[np.float32], k: int = 20, contents: list[int] | None = None
) -> Neighbors:
    """The table of these vectors; images of one number in `contents` are copies."""
    numbers = range(len(vectors)) if contents is None else contents
    hashes = np.array([[number // 255, number % 255 + 1] for number in numbers], np.uint8)
    return finish(find_neighbors(vectors, hashes, k))


def of_classes(*labels: int) -> ImageLabels:
    """All in train and in use."""
    found = np.array(labels, np.int32)
    return ImageLabels(
        ["a", "b"], found, np.zeros(len(labels), np.int8), np.ones(len(labels), bool)
    )


def test_neighbors_are_the_other_images_nearest_first() -> None:
    found = neighbors_of(at_angles(0, 60, 90, 180), k=2)
    assert found.rows.tolist() == [[1, 2], [2, 0], [1, 0], [2, 1]]
    np.testing.assert_allclose(found.similarities[0], [0.5, 0], atol=1e-6)
    assert found.rows.dtype == np.dtype("i4")
    assert found.similarities.dtype == np.dtype("f4")
    assert found.contents.tolist() == found.originals.tolist() == [0, 1, 2, 3]


def test_neighbors_are_those_of_a_plain_comparison() -> None:
    vectors = clustered(1500)  # More than one block
    found = neighbors_of(vectors, k=7)
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -2)
    best = np.sort(similarities, axis=1)[:, ::-1][:, :7]
    np.testing.assert_allclose(found.similarities, best, atol=1e-5)
    assert not (found.rows == np.arange(1500)[:, None]).any()


def test_copies_are_no_neighbors_and_only_one_of_them_is_one_of_others() -> None:
    found = neighbors_of(at_angles(0, 0, 60, 90, 0), k=9, contents=[7, 7, 8, 9, 7])
    assert found.contents.tolist() == [0, 0, 2, 3, 0]
    assert found.rows.tolist() == [[2, 3], [2, 3], [3, 0], [2, 0], [2, 3]]


def test_images_that_are_the_same_to_the_model_are_not_their_own_neighbors() -> None:
    found = neighbors_of(at_angles(*[0] * 30), k=4)
    assert found.rows.shape == (30, 4)
    assert not (found.rows == np.arange(30)[:, None]).any()


def test_an_unknown_content_is_nobodys_copy() -> None:
    hashes = np.array([[0] * 32, [1] * 32, [0] * 32, [1] * 32], np.uint8)
    assert first_rows(hashes).tolist() == [0, 1, 2, 1]


def test_the_wrong_label_is_first_and_the_right_one_suggested() -> None:
    vectors = at_angles(0, 1, 2, 3, 4, 5, 90, 91, 92, 93, 94, 95)
    labels = np.array([A, A, B, A, A, A, B, B, B, B, B, B], np.int32)
    found = find_label_issues(vectors, neighbors_of(vectors, 5), labels, 2)
    assert (found.rows[0], found.suggested[0]) == (2, A)
    assert found.scores[0] > 0.9
    assert found.rows.tolist() == [2]
    assert found.scores.dtype == np.dtype("f4")
    assert found.suggested.dtype == np.dtype("i4")


def test_a_copied_wrong_label_does_not_vouch_for_itself() -> None:
    vectors = at_angles(0, 1, 2, 2, 2, 2, 3, 4, 90, 91, 92, 93)
    labels = np.array([A, A, B, B, B, B, A, A, B, B, B, B], np.int32)
    contents = [0, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8]
    found = find_label_issues(vectors, neighbors_of(vectors, 3, contents), labels, 2)
    assert sorted(found.rows.tolist()) == [2, 3, 4, 5]
    assert set(found.suggested.tolist()) == {A}


def test_contradicting_copies_have_no_vote() -> None:
    labels = np.array([A, B, A, A, NONE, B], np.int32)
    contents = np.array([0, 0, 2, 2, 4, 4], np.int32)
    assert content_labels(contents, labels).tolist() == [-1, -1, A, -1, B, -1]


@pytest.mark.parametrize("labels", [[A] * 6, [NONE] * 6])
def test_without_two_classes_no_label_is_wrong(labels: list[int]) -> None:
    vectors = at_angles(0, 1, 2, 90, 91, 92)
    found = find_label_issues(vectors, neighbors_of(vectors, 2), np.array(labels, np.int32), 2)
    assert len(found.rows) == 0


def test_what_is_left_out_has_neither_a_vote_nor_a_place() -> None:
    vectors = at_angles(0, 1, 2, 3, 90, 91, 92, 93)
    labels = np.array([A, NONE, A, B, B, B, B, B], np.int32)
    found = find_label_issues(vectors, neighbors_of(vectors, 3), labels, 2)
    assert 1 not in found.rows
    assert found.rows[0] == 3


def test_leaving_one_out_is_what_learning_without_it_gives() -> None:
    vectors = clustered(60, num_classes=3)
    told = (np.arange(60) % 3).astype(np.int32)
    all_of_them = fit(vectors, told, 3)
    without = told.copy()
    without[17] = -1
    refitted = fit(vectors, without, 3)
    # The same weights and the same ridge, or the two would differ in more than that image
    features = np.hstack([vectors, np.ones((60, 1))])
    gram = np.linalg.inv(all_of_them.inverse)
    own = all_of_them.class_weights[told[17]] * np.outer(features[17], features[17])
    targets = gram @ all_of_them.weights
    targets[:, told[17]] -= all_of_them.class_weights[told[17]] * features[17]
    expected = features[17] @ np.linalg.solve(gram - own, targets)
    np.testing.assert_allclose(all_of_them.outputs(vectors, told)[17], expected, atol=1e-9)
    np.testing.assert_allclose(refitted.outputs(vectors, without)[17], expected, atol=0.02)


def test_probabilities_add_up_to_one() -> None:
    vectors = clustered(40, num_classes=4)
    told = (np.arange(40) % 4).astype(np.int32)
    found = fit(vectors, told, 4).probabilities(vectors, told)
    assert found.shape == (40, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_the_outlier_is_as_far_as_its_neighbors_are_on_average() -> None:
    found = outlierness(neighbors_of(at_angles(0, 60, 90), k=2))
    cos_30 = np.sqrt(3) / 2
    expected = [1 - (0.5 + 0) / 2, 1 - (cos_30 + 0.5) / 2, 1 - (cos_30 + 0) / 2]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_planted_outliers_come_first() -> None:
    draw = np.random.default_rng(1)
    vectors = np.vstack([clustered(400), draw.normal(size=(5, 16)).astype(np.float32)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert set(np.argsort(-outlierness(neighbors_of(vectors)))[:5]) == set(range(400, 405))


def test_the_typical_image_is_most_like_the_mean_of_the_others() -> None:
    vectors = at_angles(0, 10, 20, 100, 45)
    labels = np.array([A, A, A, A, B], np.int32)
    most = representativeness(vectors, labels)
    assert most.rows.tolist()[-1] == 3
    assert 4 not in most.rows  # Alone in its class
    np.testing.assert_allclose(most.scores[-1], np.cos(np.deg2rad(90)), atol=1e-6)
    least = representativeness(vectors, labels, most_first=False)
    assert least.rows.tolist() == most.rows.tolist()[::-1]


def test_clusters_are_those_of_hdbscan_on_all_distances() -> None:
    from sklearn.cluster import HDBSCAN
    from sklearn.metrics import adjusted_rand_score

    vectors = clustered(600)
    ours = find_clusters(neighbors_of(vectors, 30), 10)
    theirs = HDBSCAN(min_cluster_size=10, min_samples=2, copy=True).fit(vectors).labels_
    assert ours.dtype == np.int32
    assert adjusted_rand_score(ours, theirs) > 0.99


def test_parts_of_the_graph_that_nothing_links_are_clusters() -> None:
    around = [center + step for center in (0, 90, 180) for step in range(12)]
    found = find_clusters(neighbors_of(at_angles(*around), 5), 10)
    assert len(set(found[:12])) == len(set(found[12:24])) == len(set(found[24:])) == 1
    assert set(found.tolist()) == {0, 1, 2}


def test_a_cluster_says_what_it_mixes_and_shows_its_medoid_first() -> None:
    vectors = at_angles(0, 10, 40, 90, 91)
    found = describe(vectors, np.array([0, 0, 0, 1, 1], np.int32), of_classes(A, A, B, B, B))
    mixed, pure = found
    assert (mixed.number, mixed.mix, mixed.num_others) == (0, (("a", 2), ("b", 1)), 1)
    assert mixed.purity == pytest.approx(2 / 3)
    assert mixed.rows[0] == 1
    mean = (np.cos(np.deg2rad(10)) + 1 + np.cos(np.deg2rad(30))) / 3
    assert mixed.similarities[0] == pytest.approx(mean, abs=1e-6)
    assert (pure.purity, pure.num_others) == (1, 0)


def test_images_are_linked_to_a_leader_and_not_in_a_chain() -> None:
    vectors = at_angles(0, 8, 16, 24, 90)
    heads, least = link(neighbors_of(vectors, 4), np.ones(5, bool), np.cos(np.deg2rad(9)))
    groups = [np.flatnonzero(heads == head).tolist() for head in np.unique(heads)]
    assert sorted(map(len, groups)) == [1, 2, 2] or sorted(map(len, groups)) == [1, 1, 3]
    for head in np.unique(heads):
        members = vectors[heads == head]
        assert (members @ vectors[head] >= np.cos(np.deg2rad(9)) - 1e-6).all()
    assert least.min() == pytest.approx(np.cos(np.deg2rad(8)), abs=1e-5)


@pytest.fixture
def members(workspace: Workspace) -> tuple[Workspace, Neighbors, ImageLabels]:
    """1 and 2 are one file in train and test; 3 and 4 are 5° apart, 5 and 6 are alone."""
    found = [
        row(0, "a", "train", content=50),
        row(1, "a", "test", content=50),
        row(2, "a", "train"),
        row(3, "b", "test"),
        row(4, "b"),
        row(5, "b"),
    ]
    vectors = at_angles(0, 0, 40, 45, 120, 170)
    _, catalog = indexed_set(workspace, found, vectors)
    image_labels = read_image_labels(catalog, np.arange(1, 7))
    return workspace, neighbors_of(vectors, 4, [50, 50, 2, 3, 4, 5]), image_labels


def catalog_of(workspace: Workspace) -> Catalog:
    return open_dataset(workspace, DATASET).catalog


def test_groups_say_how_they_are_alike(members: tuple[Workspace, Neighbors, ImageLabels]) -> None:
    workspace, neighbors, image_labels = members
    catalog, ids = catalog_of(workspace), np.arange(1, 7)
    model, exact = group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.99)
    assert (exact.kind, [member.id for member in exact.members]) == (Kind.EXACT, [2, 1])
    assert proposal(exact) == (1,)  # The copy in train goes
    assert (model.kind, {member.id for member in model.members}) == (Kind.MODEL, {3, 4})
    assert model.similarity == pytest.approx(np.cos(np.deg2rad(5)), abs=1e-5)
    assert model.is_leaking
    assert model.conflicting  # So it comes first
    assert [
        g.kind for g in group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.999)
    ] == [Kind.EXACT]
    with pytest.raises(ValueError, match="threshold must be in"):
        group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.2)


def test_a_group_goes_once_the_copy_is_excluded(
    members: tuple[Workspace, Neighbors, ImageLabels],
) -> None:
    workspace, neighbors, _ = members
    catalog, ids = catalog_of(workspace), np.arange(1, 7)
    curation.exclude(catalog, [1])
    usable = read_image_labels(catalog, ids).usable
    [left] = group_near_duplicates(neighbors, ids, usable, catalog, 0.99)
    assert left.kind == Kind.MODEL


def test_a_labeling_says_what_the_catalog_says(
    members: tuple[Workspace, Neighbors, ImageLabels],
) -> None:
    workspace, _, image_labels = members
    assert image_labels.classes == ["a", "b"]
    assert image_labels.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert image_labels.splits.tolist() == [0, 2, 0, 2, 0, 0]
    assert image_labels.among(("a",), ("train",)).tolist() == [
        True,
        False,
        True,
        False,
        False,
        False,
    ]
    catalog = catalog_of(workspace)
    curation.exclude(catalog, [1])
    now = read_image_labels(catalog, np.arange(1, 9))  # Two that are no longer there
    assert now.usable.tolist() == [False, True, True, True, True, True, False, False]
    assert now.labels[0] == NONE


def test_what_was_looked_at_is_not_listed_again() -> None:
    ranking = Ranking(np.array([2, 0, 1]), np.array([3, 2, 1], "f4"), np.full(3, -1, np.int32))
    ids = np.array([10, 20, 30])
    left = checks.to_look_at(ranking, ids, np.array([True, True, True]), {30})
    assert left.rows.tolist() == [0, 1]
    assert checks.to_look_at(ranking, ids, np.array([True, False, True]), {30}).rows.tolist() == [0]


def test_a_list_is_written_as_csv(members: tuple[Workspace, Neighbors, ImageLabels]) -> None:
    workspace, _, image_labels = members
    ranking = Ranking(np.array([2]), np.array([0.75], "f4"), np.array([1], np.int32))
    text = export.ranking_as_csv(catalog_of(workspace), ranking, np.arange(1, 7), image_labels)
    header, first, _ = text.decode().split("\r\n")
    assert header == "rank,group,image_id,path,label,split,score,suggested,kind"
    assert first == "1,,3,2.png,a,train,0.750000,b,"


def test_each_check_has_a_tag_of_its_own() -> None:
    assert [check.checked_tag for check in Check] == [
        "label issues checked",
        "outliers checked",
        "near-duplicates checked",
        "split leakage checked",
        "representativeness checked",
        "clusters checked",
    ]


@pytest.mark.parametrize(
    ("old", "check"),
    [
        ("labels", Check.LABEL_ISSUES),
        ("alike", Check.NEAR_DUPLICATES),
        ("leaks", Check.LEAKAGE),
        ("typical", Check.REPRESENTATIVENESS),
    ],
)
def test_a_check_is_known_by_its_name_of_release_0_1_0(old: str, check: Check) -> None:
    assert Check(old) == check
    with pytest.raises(ValueError, match="no_check"):
        Check("no_check")

"""From a query to its result: prediction, vote, out-of-distribution score and matches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.datasets.columns import ImageFilter
from core.embeddings.encoding import Encoding
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.indexes.files import Index
from core.query import ImageSource, OpenedIndex, Query, QueryImage, QueryResult, SearchOptions
from core.query.fusion import Fusion
from core.query.ood import OODReference
from core.query.opened import EmbeddedImage, EmbeddedImages
from core.query.pipeline import nearest_to_image, search, search_embedded
from core.workspace import Workspace
from tests.factories.circles import Circle, circle
from tests.factories.vectors import at_angles

CLASSES = ["cat", "dog"]
REFERENCE = OODReference(np.linspace(0.8, 0.99, 20, dtype=np.float32), "validation")
NO_CLASSES: NDArray[np.float32] = np.empty(0, np.float32)


@pytest.fixture
def six(workspace: Workspace) -> Circle:
    """Cats at 0, 10, 20 degrees, dogs at 30, 40, 50."""
    cats = [(degrees, "cat", "train") for degrees in (0.0, 10.0, 20.0)]
    return circle(workspace, cats + [(degrees, "dog", "train") for degrees in (30.0, 40.0, 50.0)])


def opened(made: Circle, images: Sequence[EmbeddedImage] = (), decode_s: float = 0) -> OpenedIndex:
    """Return the index with a model that embeds every query as these images."""

    def embed(_: Sequence[QueryImage], __: Sequence[ImageSource]) -> EmbeddedImages:
        return images, decode_s

    encoding = Encoding(model="none", model_fingerprint="none")
    return OpenedIndex(
        index=Index(made.embeddings.manifest, made.store, encoding),
        dataset=made.dataset,
        classes=CLASSES,
        embed=embed,
        embeddings=lambda: made.embeddings,
        ood_reference=REFERENCE,
    )


def images_at(
    *degrees: float, probabilities: Sequence[Sequence[float]] | None = None
) -> list[EmbeddedImage]:
    shares = probabilities or [(0.25, 0.75)] * len(degrees)
    return [
        EmbeddedImage(embedding=row, probabilities=np.array(share, np.float32))
        for row, share in zip(at_angles(*degrees), shares, strict=True)
    ]


def run(
    made: Circle, embedded: Sequence[EmbeddedImage], query: Query | None = None, **options: Any
) -> QueryResult:
    query = query or Query(images=(QueryImage(),) * len(embedded))
    return search(
        opened(made, embedded), replace(query, options=SearchOptions(**{"k": 3} | options))
    )


def ids(result: QueryResult) -> list[int]:
    return [match.image_id for match in result.matches]


def test_classifier_and_vote_name_the_class_of_a_query(six: Circle) -> None:
    result = run(six, images_at(0))
    assert result.prediction == [("dog", 0.75), ("cat", 0.25)]
    assert [label for label, _ in result.vote] == ["cat", "dog"]
    weights = np.exp(np.cos(np.deg2rad([0, 10, 20, 30, 40, 50])) / 0.07)
    assert result.vote[0][1] == pytest.approx(weights[:3].sum() / weights.sum(), abs=1e-4)
    assert ids(result) == [1, 2, 3]


def test_matches_and_vote_come_from_one_search_unless_a_filter_separates_them(
    six: Circle, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths: list[int] = []
    plain = FaissStore.search

    def counted(*args: Any, **options: Any) -> Any:
        depths.append(args[2])
        return plain(*args, **options)

    monkeypatch.setattr(FaissStore, "search", counted)
    run(six, images_at(0))
    assert depths == [6]
    run(six, images_at(0), images=ImageFilter(labels=("dog",)))
    assert depths == [6, 3, 6]


def test_the_vote_is_the_same_with_any_filter(six: Circle) -> None:
    filtered = run(six, images_at(0), images=ImageFilter(labels=("dog",)), min_similarity=0.8)
    assert ids(filtered) == [4]
    assert filtered.vote == run(six, images_at(0)).vote
    assert filtered.out_of_distribution == run(six, images_at(0)).out_of_distribution


def test_the_out_of_distribution_score_compares_the_top_1_similarity(six: Circle) -> None:
    near, far = (run(six, images_at(degrees)).out_of_distribution for degrees in (0, 100))
    assert near is not None
    assert far is not None
    assert (near.percentile, near.held_out) == (100, "validation")
    assert not near.is_out_of_distribution
    assert not near.is_borderline
    assert far.similarity == pytest.approx(np.cos(np.deg2rad(50)), abs=1e-6)
    assert (far.percentile, far.is_out_of_distribution, far.is_borderline) == (0, True, True)


def test_an_image_of_the_dataset_is_not_its_own_match(six: Circle) -> None:
    [image] = images_at(0)
    image = EmbeddedImage(embedding=image.embedding, probabilities=NO_CLASSES)
    result = run(six, [image], Query(images=(QueryImage(image_id=1),)))
    assert ids(result) == [2, 3, 4]
    assert result.prediction == []
    assert result.out_of_distribution is not None
    similarity = result.out_of_distribution.similarity
    assert similarity == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)


def test_several_images_are_one_mean_or_one_search_each(six: Circle) -> None:
    two = (QueryImage(), QueryImage())
    mean = run(six, images_at(0, 50), Query(images=two))
    assert ids(mean) in ([3, 4, 2], [4, 3, 5])  # About 25 degrees
    best = run(six, images_at(0, 50), Query(images=two, fusion=Fusion.BEST))
    assert set(ids(best)[:2]) == {1, 6}
    assert mean.out_of_distribution is None


def test_the_prediction_is_the_mean_over_the_positive_images(six: Circle) -> None:
    images = images_at(0, 10, 50, probabilities=[(1, 0), (0.5, 0.5), (0, 1)])
    query = Query(images=(QueryImage(), QueryImage(), QueryImage(is_positive=False)))
    assert run(six, images, query).prediction == [("cat", 0.75), ("dog", 0.25)]


def test_a_negative_image_moves_the_query_away(six: Circle) -> None:
    """25 degrees less 0.15 of 0 degrees is about 29 degrees; less 0.15 of 50, about 21."""
    query = Query(images=(QueryImage(), QueryImage(is_positive=False)))
    assert ids(run(six, images_at(25, 0), query))[0] == 4
    assert ids(run(six, images_at(25, 50), query))[0] == 3


def test_examples_move_the_query_by_their_embeddings(six: Circle) -> None:
    alone = run(six, [], Query(positives=(6,)))
    assert ids(alone)[0] == 6
    assert alone.prediction == []
    # 1.0 at 0 degrees and 0.75 at 50 is about 21 degrees
    assert ids(run(six, images_at(0), Query(images=(QueryImage(),), positives=(6,))))[0] == 3
    pushed = run(six, images_at(25), Query(images=(QueryImage(),), negatives=(1,)))
    assert ids(pushed)[0] == 4
    assert 1 not in ids(pushed)


def test_a_query_without_a_positive_image_is_refused(six: Circle) -> None:
    with pytest.raises(ValueError, match="needs an image or a positive example"):
        run(six, [], Query(negatives=(1,)))


def test_the_stages_are_timed_in_their_order(six: Circle) -> None:
    image = EmbeddedImage(
        embedding=at_angles(0)[0], probabilities=NO_CLASSES, batch_size=4, wait_s=0.25, embed_s=0.5
    )
    result = search(opened(six, [image], decode_s=1.5), Query(images=(QueryImage(),)))
    assert list(result.seconds) == ["decode", "wait", "embed", "search"]
    assert (result.seconds["decode"], result.seconds["wait"]) == (1.5, 0.25)
    assert (result.seconds["embed"], result.batch_size) == (0.5, 4)
    assert list(run(six, [], Query(positives=(1,))).seconds) == ["search"]


def test_queries_searched_together_have_the_results_of_each_alone(six: Circle) -> None:
    query = Query(images=(QueryImage(),), options=SearchOptions(k=2))
    alone = [search(opened(six, images_at(degrees)), query) for degrees in (0, 26, 50)]
    embedded = [(images_at(degrees), 0.0) for degrees in (0, 26, 50)]
    together = search_embedded(opened(six), [query] * 3, embedded)
    assert [ids(result) for result in together] == [ids(result) for result in alone]
    assert [result.vote for result in together] == [result.vote for result in alone]


def test_the_nearest_to_an_indexed_image_leave_it_out(six: Circle) -> None:
    nearest = nearest_to_image(six.store, six.dataset, six.embeddings, 3, k=2)
    assert {match.image_id for match in nearest} == {2, 4}
    assert nearest_to_image(six.store, six.dataset, six.embeddings, 99, k=2) == []


def test_an_index_that_probes_some_lists_says_how_many_images_it_returned(
    workspace: Workspace,
) -> None:
    images = [(degrees, "cat", "train") for degrees in (0.0, 5.0, 10.0, 80.0, 85.0, 90.0)]
    made = circle(workspace, images, config=IndexConfig(kind="ivf", nlist=2, nprobe=1))
    index = opened(made, images_at(0))
    said = "3 of 6: this index probes 1 of 2 lists"
    query = Query(images=(QueryImage(),), options=SearchOptions(k=1000))
    found = search(index, query, [])
    assert (len(found.matches), found.shortfall) == (3, said)
    assert found.as_json()["shortfall"] == said
    fewer = search(index, query.with_options(k=4), [])
    assert (len(fewer.matches), fewer.shortfall) == (3, said)
    assert search(index, query.with_options(k=3), []).shortfall == ""


def test_an_exact_index_has_no_shortfall(six: Circle) -> None:
    query = Query(images=(QueryImage(),), options=SearchOptions(k=1000))
    found = search(opened(six, images_at(0)), query, [])
    assert (len(found.matches), found.shortfall) == (6, "")
    close = search(opened(six, images_at(0)), query.with_options(min_similarity=0.9), [])
    assert (len(close.matches), close.shortfall) == (3, "")

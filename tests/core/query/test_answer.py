"""What is answered to a question: prediction, vote, standing and matches, checked by hand."""

import numpy as np
import pytest

from core.datasets.filters import ImageFilter
from core.embeddings.encoding import Encoding
from core.indexes.files import Index
from core.query.answer import Answer, EmbeddedQuestion, answer
from core.query.fusion import Blend
from core.query.ood import OODReference
from core.query.search import Wanted
from core.workspace import Workspace
from tests.factories.circles import Circle, at, circle

CLASSES = ["cat", "dog"]
CALIBRATION = OODReference(np.linspace(0.8, 0.99, 20, dtype=np.float32), "validation")


@pytest.fixture
def six(workspace: Workspace) -> Circle:
    """Cats at 0, 10, 20 degrees, dogs at 30, 40, 50."""
    cats = [(degrees, "cat", "train") for degrees in (0.0, 10.0, 20.0)]
    return circle(workspace, cats + [(degrees, "dog", "train") for degrees in (30.0, 40.0, 50.0)])


def ask(made: Circle, question: EmbeddedQuestion, **wanted: object) -> Answer:
    index = Index(
        made.embeddings.manifest, made.store, Encoding(model="none", model_fingerprint="none")
    )
    wishes = Wanted(k=3, **wanted)  # type: ignore[arg-type]
    return answer(index, made.dataset, made.embeddings, CLASSES, question, wishes, CALIBRATION)


def by(*degrees: float, probabilities: tuple[float, float] = (0.25, 0.75)) -> EmbeddedQuestion:
    return EmbeddedQuestion(
        embeddings=list(at(*degrees)),
        probabilities=[np.array(probabilities, np.float32)] * len(degrees),
        is_wanted=[True] * len(degrees),
    )


def ids(answer: Answer) -> list[int]:
    return [match.image_id for match in answer.matches]


def test_classifier_and_neighbors_say_what_a_query_shows(six: Circle) -> None:
    found = ask(six, by(0))
    assert found.prediction == [("dog", 0.75), ("cat", 0.25)]
    assert [label for label, _ in found.vote] == ["cat", "dog"]
    weights = np.exp(np.cos(np.deg2rad([0, 10, 20, 30, 40, 50])) / 0.07)
    assert found.vote[0][1] == pytest.approx(weights[:3].sum() / weights.sum(), abs=1e-4)
    assert ids(found) == [1, 2, 3]
    assert set(found.seconds) == {"search"}


def test_the_vote_is_the_same_whatever_is_filtered(six: Circle) -> None:
    filtered = ask(six, by(0), images=ImageFilter(labels=("dog",)), min_similarity=0.8)
    assert ids(filtered) == [4]
    assert filtered.vote == ask(six, by(0)).vote
    assert filtered.standing == ask(six, by(0)).standing


def test_how_usual_a_query_is_goes_by_its_nearest_image(six: Circle) -> None:
    near, far = ask(six, by(0)).standing, ask(six, by(100)).standing
    assert near is not None
    assert far is not None
    assert (near.percentile, near.is_out_of_distribution, near.held_out) == (
        100,
        False,
        "validation",
    )
    assert not near.is_borderline
    assert far.similarity == pytest.approx(np.cos(np.deg2rad(50)), abs=1e-6)
    assert (far.percentile, far.is_out_of_distribution, far.is_borderline) == (0, True, True)


def test_an_image_of_the_dataset_is_no_answer_to_itself(six: Circle) -> None:
    question = EmbeddedQuestion(
        embeddings=[at(0)[0]],
        probabilities=[np.empty(0, np.float32)],
        is_wanted=[True],
        own_ids=frozenset({1}),
    )
    found = ask(six, question)
    assert ids(found) == [2, 3, 4]
    assert found.prediction == []
    assert found.standing is not None
    assert found.standing.similarity == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)


def test_several_images_are_their_mean_or_each_by_itself(six: Circle) -> None:
    mean = by(0, 50)
    assert ids(ask(six, mean)) in ([3, 4, 2], [4, 3, 5])  # About 25 degrees
    best = EmbeddedQuestion(
        embeddings=mean.embeddings,
        probabilities=mean.probabilities,
        is_wanted=mean.is_wanted,
        blend=Blend.BEST,
    )
    assert set(ids(ask(six, best))[:2]) == {1, 6}
    assert ask(six, mean).standing is None


def test_probabilities_of_several_images_are_averaged_without_the_unwanted(six: Circle) -> None:
    question = EmbeddedQuestion(
        embeddings=list(at(0, 10, 50)),
        probabilities=list(np.array([[1, 0], [0.5, 0.5], [0, 1]], np.float32)),
        is_wanted=[True, True, False],
    )
    assert ask(six, question).prediction == [("cat", 0.75), ("dog", 0.25)]


def test_an_unwanted_image_pushes_away(six: Circle) -> None:
    """25 degrees less 0.15 of 0 degrees points to about 29; less 0.15 of 50 to about 21."""
    question = EmbeddedQuestion(
        embeddings=list(at(25, 0)),
        probabilities=[np.array([0, 1], np.float32)] * 2,
        is_wanted=[True, False],
    )
    assert ids(ask(six, question))[0] == 4
    other = EmbeddedQuestion(
        embeddings=list(at(25, 50)),
        probabilities=question.probabilities,
        is_wanted=question.is_wanted,
    )
    assert ids(ask(six, other))[0] == 3


def test_liked_matches_pull_by_their_embeddings_and_disliked_ones_push(six: Circle) -> None:
    liked = EmbeddedQuestion(liked=[6])
    assert ids(ask(six, liked))[0] == 6
    assert ask(six, liked).prediction == []
    pulled = EmbeddedQuestion(
        embeddings=[at(0)[0]], probabilities=[np.empty(0, np.float32)], is_wanted=[True], liked=[6]
    )
    # 1.0 at 0 degrees and 0.75 at 50 point to about 21
    assert ids(ask(six, pulled))[0] == 3
    pushed = EmbeddedQuestion(
        embeddings=[at(25)[0]],
        probabilities=[np.empty(0, np.float32)],
        is_wanted=[True],
        unliked=[1],
        own_ids=frozenset({1}),
    )
    assert ids(ask(six, pushed))[0] == 4
    assert 1 not in ids(ask(six, pushed))


def test_the_time_of_earlier_stages_comes_first(six: Circle) -> None:
    assert list(ask(six, by(0)).after({"decode": 1.0}).seconds) == ["decode", "search"]

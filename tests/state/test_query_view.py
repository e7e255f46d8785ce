"""What is asked on the Query page, as a value: its steps, and what an address carries of it."""

import pytest

from core.datasets.filters import ImageFilter
from core.images.cropping import Crop
from core.query.fusion import Blend
from core.query.search import Wanted
from state.history import MAX_KEPT, MAX_UPLOADED_BYTES, History, Upload, Uploads
from state.query_view import MAX_IMAGES, USUAL, QueryImage, Question, from_parameters, to_parameters


def by(*ids: int) -> Question:
    return Question(images=tuple(QueryImage(image_id=image_id) for image_id in ids))


def round_trip(question: Question) -> Question:
    parameters = to_parameters(question)
    return from_parameters(
        {name: [value] if isinstance(value, str) else value for name, value in parameters.items()}
    )


@pytest.mark.parametrize(
    "question",
    [
        by(3),
        by(3, 4),
        Question(
            images=(
                QueryImage(image_id=3, crop=Crop(left=0.25, bottom=0.5, turns=1)),
                QueryImage(image_id=7, is_wanted=False),
            ),
            blend=Blend.BEST,
            liked=(9, 8),
            unliked=(5,),
            label="größer & co",
            wanted=Wanted(
                k=100,
                min_similarity=0.25,
                fold=False,
                images=ImageFilter(labels=("a b", "c"), splits=("test",), text="x"),
            ),
        ),
    ],
)
def test_a_link_reopens_a_question_about_images_of_the_dataset(question: Question) -> None:
    assert round_trip(question) == question


def test_what_is_as_usual_is_in_no_address() -> None:
    assert to_parameters(by(3)) == {"image": ["3"]}
    assert to_parameters(Question()) == {}


def test_an_upload_is_in_no_address_and_how_it_is_sought_is() -> None:
    upload = Question(images=(QueryImage(digest="ab"),), wanted=Wanted(k=50, fold=True))
    assert to_parameters(upload) == {"k": "50"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", "x"),
        ("image", "-3"),
        ("image", "9" * 30),
        ("k", "many"),
        ("k", "0"),
        ("least", "7"),
        ("least", "nan"),
        ("blend", "worst"),
        ("liked", "½"),
        ("split", ""),
    ],
)
def test_what_makes_no_sense_in_an_address_is_as_usual(name: str, value: str) -> None:
    found = from_parameters({name: [value]})
    assert not found.images
    assert not found.liked
    assert found.wanted.images.labels == ()
    assert (found.blend, found.wanted.k) == (Blend.MEAN, USUAL.k)
    assert found.wanted.min_similarity == -1


def test_a_crop_that_makes_no_sense_means_the_whole_image() -> None:
    [image] = from_parameters({"image": ["3 0 0.9 0 0.1 1 0"]}).images
    assert image == QueryImage(image_id=3)


def test_more_matches_than_there_can_be_are_cut_to_the_most() -> None:
    assert from_parameters({"k": ["99999"]}).wanted.k == 1000


def test_a_liked_match_can_be_disliked_and_forgotten() -> None:
    question = by(1).judged([5, 6], liked=True).judged([6, 7], liked=False)
    assert (question.liked, question.unliked) == ((5,), (6, 7))
    assert question.unjudged(6).unliked == (7,)
    assert question.own_ids == {1, 6, 7}


def test_without_a_wanted_image_or_a_liked_one_nothing_is_asked() -> None:
    assert not Question().is_asked
    assert not Question(images=(QueryImage(image_id=1, is_wanted=False),)).is_asked
    assert by(1).is_asked
    assert Question(liked=(1,)).is_asked


def test_a_new_question_keeps_how_it_is_sought_and_forgets_what_was_liked() -> None:
    question = by(1).judged([5], liked=True).wanting(k=50).showing("cat")
    assert question.of([QueryImage(image_id=2)]) == by(2).wanting(k=50)


def test_images_join_a_question_each_once_and_up_to_a_limit() -> None:
    assert by(1, 2).with_images(by(2, 3).images) == by(1, 2, 3)
    assert len(by(1).with_images(by(*range(2, 60)).images).images) == MAX_IMAGES


def test_an_image_is_changed_or_taken_away_in_its_place() -> None:
    cut = QueryImage(image_id=2, crop=Crop(right=0.5))
    assert by(1, 2, 3).changed(1, cut).images == (by(1).images[0], cut, by(3).images[0])
    assert by(1, 2, 3).changed(1, None) == by(1, 3)


def test_steps_are_walked_back_and_forward() -> None:
    history = History()
    first, second, third = by(1), by(1).judged([5], liked=True), by(2)
    for question in (first, second, third):
        history.take(question)
    assert (history.back(), history.back(), history.back()) == (second, first, None)
    assert history.forward() == second
    history.take(by(4))
    assert not history.has_forward
    assert history.back() == second
    assert history.asked == [first, second, third, by(4)]


def test_asking_the_same_in_another_way_is_no_step() -> None:
    history = History()
    for question in (by(1), by(1), by(1).wanting(k=50), by(1).wanting(k=50).showing("cat")):
        history.take(question)
    assert history.steps == history.asked == [by(1).wanting(k=50).showing("cat")]
    assert not history.has_back


def test_nothing_asked_is_no_step() -> None:
    history = History()
    history.take(Question())
    assert history == History()


def test_a_question_asked_again_comes_to_the_end_of_the_history() -> None:
    history = History()
    for question in (by(1), by(2), by(1)):
        history.take(question)
    assert history.asked == [by(2), by(1)]
    assert history.steps == [by(1), by(2), by(1)]


def test_a_tab_remembers_so_many_questions() -> None:
    history = History()
    for image_id in range(1, MAX_KEPT + 11):
        history.take(by(image_id))
    assert len(history.steps) == len(history.asked) == MAX_KEPT
    assert (history.asked[-1], history.steps[history.at]) == (by(MAX_KEPT + 10), by(MAX_KEPT + 10))


def test_the_oldest_uploads_go_where_they_take_too_much() -> None:
    uploads, half = Uploads(), bytes(MAX_UPLOADED_BYTES // 2)
    for digest in ("a", "b", "a", "c"):
        uploads.keep(digest, Upload(digest, half))
    assert [uploads.get(digest) is not None for digest in "abc"] == [True, False, True]


def test_the_last_upload_is_kept_however_large() -> None:
    uploads = Uploads()
    uploads.keep("a", Upload("a", bytes(MAX_UPLOADED_BYTES + 1)))
    assert uploads.get("a") is not None

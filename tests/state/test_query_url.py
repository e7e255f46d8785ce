"""The query of the Query page: its address, and its history."""

import pytest

from core.datasets.columns import ImageFilter
from core.images.cropping import Crop
from core.query.fusion import Fusion
from core.query.query import DEFAULT_OPTIONS, MAX_IMAGES, Query, QueryImage, SearchOptions
from state.history import MAX_KEPT, MAX_UPLOADED_BYTES, History, Upload, Uploads
from state.query_url import EACH, from_parameters, to_parameters


def by(*ids: int) -> Query:
    return Query(images=tuple(QueryImage(image_id=image_id) for image_id in ids))


def round_trip(query: Query) -> Query:
    parameters = to_parameters(query)
    return from_parameters(
        {name: [value] if isinstance(value, str) else value for name, value in parameters.items()}
    )


@pytest.mark.parametrize(
    "query",
    [
        by(3),
        by(3, 4),
        Query(
            images=(
                QueryImage(image_id=3, crop=Crop(left=0.25, bottom=0.5, turns=1)),
                QueryImage(image_id=7, is_positive=False),
            ),
            fusion=Fusion.BEST,
            positives=(9, 8),
            negatives=(5,),
            label="größer & co",
            options=SearchOptions(
                k=100,
                min_similarity=0.25,
                deduplicate=False,
                images=ImageFilter(labels=("a b", "c"), splits=("test",), text="x"),
            ),
        ),
    ],
)
def test_a_link_reopens_a_question_about_images_of_the_dataset(query: Query) -> None:
    assert round_trip(query) == query


def test_what_is_as_usual_is_in_no_address() -> None:
    assert to_parameters(by(3)) == {"image": ["3"]}
    assert to_parameters(Query()) == {}


def test_an_upload_is_in_no_address_and_how_it_is_sought_is() -> None:
    upload = Query(images=(QueryImage(digest="ab"),), options=SearchOptions(k=50, deduplicate=True))
    assert to_parameters(upload) == {"k": "50"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", "x"),
        ("image", "-3"),
        ("image", "9" * 30),
        ("k", "many"),
        ("k", "0"),
        ("min_similarity", "7"),
        ("min_similarity", "nan"),
        ("combine", "worst"),
        ("positive", "½"),
        ("split", ""),
    ],
)
def test_what_makes_no_sense_in_an_address_is_as_usual(name: str, value: str) -> None:
    found = from_parameters({name: [value]})
    assert not found.images
    assert not found.positives
    assert found.options.images.labels == ()
    assert (found.fusion, found.options.k) == (Fusion.MEAN, DEFAULT_OPTIONS.k)
    assert found.options.min_similarity == -1


def test_addresses_of_release_0_1_open_the_same_query() -> None:
    old = {
        "image": ["3"],
        "without": ["7"],
        "blend": ["best"],
        "liked": ["9"],
        "unliked": ["5"],
        "shows": ["cat"],
        "least": ["0.25"],
        "twins": ["apart"],
    }
    assert from_parameters(old) == Query(
        images=(QueryImage(image_id=3), QueryImage(image_id=7, is_positive=False)),
        fusion=Fusion.BEST,
        positives=(9,),
        negatives=(5,),
        label="cat",
        options=SearchOptions(min_similarity=0.25),
    )
    assert from_parameters({"duplicates": [EACH]}).options.deduplicate is False


def test_a_crop_that_makes_no_sense_means_the_whole_image() -> None:
    [image] = from_parameters({"image": ["3 0 0.9 0 0.1 1 0"]}).images
    assert image == QueryImage(image_id=3)


def test_more_matches_than_there_can_be_are_cut_to_the_most() -> None:
    assert from_parameters({"k": ["99999"]}).options.k == 1000


def test_a_liked_match_can_be_disliked_and_forgotten() -> None:
    query = by(1).with_examples([5, 6], positive=True).with_examples([6, 7], positive=False)
    assert (query.positives, query.negatives) == ((5,), (6, 7))
    assert query.without_example(6).negatives == (7,)
    assert query.excluded_ids == {1, 6, 7}


def test_without_a_wanted_image_or_a_liked_one_nothing_is_asked() -> None:
    assert not Query().is_searchable
    assert not Query(images=(QueryImage(image_id=1, is_positive=False),)).is_searchable
    assert by(1).is_searchable
    assert Query(positives=(1,)).is_searchable


def test_a_new_question_keeps_how_it_is_sought_and_forgets_what_was_liked() -> None:
    query = by(1).with_examples([5], positive=True).with_options(k=50).with_label("cat")
    assert query.with_only([QueryImage(image_id=2)]) == by(2).with_options(k=50)


def test_images_join_a_question_each_once_and_up_to_a_limit() -> None:
    assert by(1, 2).with_images(by(2, 3).images) == by(1, 2, 3)
    assert len(by(1).with_images(by(*range(2, 60)).images).images) == MAX_IMAGES


def test_an_image_is_changed_or_taken_away_in_its_place() -> None:
    cut = QueryImage(image_id=2, crop=Crop(right=0.5))
    assert by(1, 2, 3).with_image_at(1, cut).images == (by(1).images[0], cut, by(3).images[0])
    assert by(1, 2, 3).with_image_at(1, None) == by(1, 3)


def test_steps_are_walked_back_and_forward() -> None:
    history = History()
    first, second, third = by(1), by(1).with_examples([5], positive=True), by(2)
    for query in (first, second, third):
        history.take(query)
    assert (history.back(), history.back(), history.back()) == (second, first, None)
    assert history.forward() == second
    history.take(by(4))
    assert not history.has_forward
    assert history.back() == second
    assert history.queries == [first, second, third, by(4)]


def test_asking_the_same_in_another_way_is_no_step() -> None:
    history = History()
    for query in (
        by(1),
        by(1),
        by(1).with_options(k=50),
        by(1).with_options(k=50).with_label("cat"),
    ):
        history.take(query)
    assert history.steps == history.queries == [by(1).with_options(k=50).with_label("cat")]
    assert not history.has_back


def test_nothing_asked_is_no_step() -> None:
    history = History()
    history.take(Query())
    assert history == History()


def test_a_question_asked_again_comes_to_the_end_of_the_history() -> None:
    history = History()
    for query in (by(1), by(2), by(1)):
        history.take(query)
    assert history.queries == [by(2), by(1)]
    assert history.steps == [by(1), by(2), by(1)]


def test_a_tab_remembers_so_many_questions() -> None:
    history = History()
    for image_id in range(1, MAX_KEPT + 11):
        history.take(by(image_id))
    assert len(history.steps) == len(history.queries) == MAX_KEPT
    assert (history.queries[-1], history.steps[history.at]) == (
        by(MAX_KEPT + 10),
        by(MAX_KEPT + 10),
    )


def test_the_oldest_uploads_go_where_they_take_too_much() -> None:
    uploads, half = Uploads(), bytes(MAX_UPLOADED_BYTES // 2)
    for digest in ("a", "b", "a", "c"):
        uploads.keep(digest, Upload(digest, half))
    assert [uploads.get(digest) is not None for digest in "abc"] == [True, False, True]


def test_the_last_upload_is_kept_however_large() -> None:
    uploads = Uploads()
    uploads.keep("a", Upload("a", bytes(MAX_UPLOADED_BYTES + 1)))
    assert uploads.get("a") is not None

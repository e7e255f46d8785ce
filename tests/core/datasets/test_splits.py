from collections import Counter

import pytest

from core.datasets.columns import Split
from core.datasets.splits import SplitConfig, stratified


def labeled(**sizes: int) -> list[tuple[int, str]]:
    pairs, next_id = [], 1
    for label, size in sizes.items():
        pairs += [(next_id + i, label) for i in range(size)]
        next_id += size
    return pairs


def counts(splits: dict[int, Split], ids: list[int]) -> dict[Split, int]:
    return dict(Counter(splits[image_id] for image_id in ids))


def test_every_class_is_divided_by_the_same_shares() -> None:
    pairs = labeled(cat=60, dog=40)

    splits = stratified(pairs, SplitConfig())

    cats = [i for i, label in pairs if label == "cat"]
    dogs = [i for i, label in pairs if label == "dog"]
    assert counts(splits, cats) == {Split.TRAIN: 42, Split.VALIDATION: 6, Split.TEST: 12}
    assert counts(splits, dogs) == {Split.TRAIN: 28, Split.VALIDATION: 4, Split.TEST: 8}


def test_the_seed_fixes_the_division() -> None:
    pairs = labeled(cat=30)
    assert stratified(pairs, SplitConfig(seed=1)) == stratified(pairs, SplitConfig(seed=1))
    assert stratified(pairs, SplitConfig(seed=1)) != stratified(pairs, SplitConfig(seed=2))


def test_another_class_moves_no_image() -> None:
    alone = stratified(labeled(cat=30), SplitConfig())
    both = stratified(labeled(cat=30, dog=30), SplitConfig())
    assert {i: both[i] for i in alone} == alone


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, {Split.TRAIN: 1}),
        (2, {Split.TRAIN: 1, Split.TEST: 1}),
        (3, {Split.TRAIN: 1, Split.TEST: 1, Split.VALIDATION: 1}),
    ],
)
def test_small_classes_keep_something_to_learn_from(size: int, expected: dict[Split, int]) -> None:
    splits = stratified(labeled(rare=size), SplitConfig())
    assert counts(splits, list(splits)) == expected


def test_no_share_means_no_image() -> None:
    splits = stratified(labeled(cat=10), SplitConfig(validation=0, test=0))
    assert set(splits.values()) == {Split.TRAIN}


def test_shares_that_leave_nothing_to_train_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0.1 for train"):
        SplitConfig(validation=0.5, test=0.45)
    with pytest.raises(ValueError, match="test must be in"):
        SplitConfig(test=-0.1)


def test_a_fixed_number_of_each_class_trains() -> None:
    sizes = {"large": 800, "usual": 60, "least": 31, "small": 20}
    labels = [(i * 1000 + n, label) for i, label in enumerate(sizes) for n in range(sizes[label])]
    splits = stratified(labels, SplitConfig(train_per_class=30))
    counts = Counter((label, splits[image_id]) for image_id, label in labels)
    assert [counts[label, Split.TRAIN] for label in sizes] == [30, 30, 30, 14]
    assert [counts[label, Split.TEST] for label in sizes] == [513, 20, 1, 4]
    assert [counts[label, Split.VALIDATION] for label in sizes] == [257, 10, 0, 2]


def test_the_rest_of_a_fixed_number_needs_a_share_to_go_to() -> None:
    with pytest.raises(ValueError, match="train_per_class"):
        SplitConfig(train_per_class=30, validation=0, test=0)
    with pytest.raises(ValueError, match="got -1"):
        SplitConfig(train_per_class=-1)
    only_test = SplitConfig(train_per_class=3, validation=0, test=0.2)
    assert Counter(stratified([(i, "x") for i in range(10)], only_test).values()) == {
        Split.TRAIN: 3,
        Split.TEST: 7,
    }
    only_validation = SplitConfig(train_per_class=3, validation=0.1, test=0)
    assert Counter(stratified([(i, "x") for i in range(10)], only_validation).values()) == {
        Split.TRAIN: 3,
        Split.VALIDATION: 7,
    }

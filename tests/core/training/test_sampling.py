from collections.abc import Callable

import numpy as np
import pytest
import torch

from core.training.sampling import Rows, class_balanced, part_of_rank, shuffled


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def classes_of(*sizes: int) -> Rows:
    """Labels of classes of these sizes, shuffled."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    mixed: Rows = labels[torch.randperm(len(labels), generator=seeded(7)).numpy()]
    return mixed


@pytest.mark.parametrize(
    ("num_images", "sizes"),
    [
        (0, []),
        (1, [1]),
        (3, [3]),
        (4, [4]),
        (5, [5]),  # 4 and 1 would leave one alone
        (6, [4, 2]),
        (9, [4, 5]),
        (12, [4, 4, 4]),
    ],
)
def test_a_shuffled_epoch_has_each_image_once_and_no_batch_of_one(
    num_images: int, sizes: list[int]
) -> None:
    batches = shuffled(num_images, 4, seeded())
    assert [len(batch) for batch in batches] == sizes
    assert sorted(np.concatenate([np.zeros(0, int), *batches])) == list(range(num_images))
    assert all(batch.dtype == np.int64 for batch in batches)


def test_the_generator_alone_decides_the_order() -> None:
    labels = classes_of(20, 20, 20, 7)
    makers: list[Callable[[torch.Generator], list[Rows]]] = [
        lambda generator: shuffled(67, 8, generator),
        lambda generator: class_balanced(labels, 8, 4, generator),
    ]
    for make in makers:
        first, again, other = (np.concatenate(make(seeded(seed))) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        generator = seeded()
        assert not np.array_equal(
            np.concatenate(make(generator)), np.concatenate(make(generator))
        ), "each epoch has an order of its own"


@pytest.mark.parametrize(
    "sizes",
    [
        (8, 8, 8, 8),
        (1, 2, 3, 40, 5, 6),
        (100, 3),
        (3, 1000, 4, 2, 1, 9, 9),
        tuple(range(1, 60)),
        (1, 1, 1, 1, 1),
    ],
)
def test_every_batch_has_m_images_of_each_class_and_all_images_occur(
    sizes: tuple[int, ...],
) -> None:
    labels = classes_of(*sizes)
    batches = class_balanced(labels, 18, 4, seeded())
    wanted = min(4, len(sizes))
    for batch in batches:
        assert batch.dtype == np.int64
        found, counts = np.unique(labels[batch], return_counts=True)
        assert len(found) == wanted
        assert (counts == 4).all()
    assert set(np.concatenate(batches)) == set(range(len(labels)))


def test_images_of_equal_classes_that_fit_occur_once() -> None:
    labels = classes_of(*[12] * 10)
    batches = class_balanced(labels, 20, 4, seeded())
    assert len(batches) == 6
    assert sorted(np.concatenate(batches)) == list(range(120))


@pytest.mark.parametrize("seed", range(20))
def test_a_class_that_every_batch_needs_is_in_every_batch(seed: int) -> None:
    """4, 2 and 2 groups fill 4 batches of 2 only if the first class is in each."""
    batches = class_balanced(classes_of(16, 8, 8), 8, 4, seeded(seed))
    assert len(batches) == 4
    assert sorted(np.concatenate(batches)) == list(range(32))


def test_groups_of_a_class_differ_between_epochs() -> None:
    labels, generator = classes_of(40, 40), seeded()
    first, second = (
        {frozenset(group) for batch in class_balanced(labels, 8, 4, generator)
         for group in (batch[:4].tolist(), batch[4:].tolist())}
        for _ in range(2)
    )  # fmt: skip
    assert len(first) == len(second) == 20
    assert len(first & second) < 3


def test_an_image_is_repeated_only_to_fill_a_group() -> None:
    sizes = [9 + size % 7 for size in range(40)]
    labels = classes_of(*sizes)
    counts = np.bincount(np.concatenate(class_balanced(labels, 32, 4, seeded())))
    assert counts.min() == 1
    assert counts.sum() <= sum(-(-size // 4) * 4 for size in sizes) + 31 * 4
    assert (counts == 1).mean() > 0.7


def test_a_group_repeats_no_image_of_a_class_that_has_enough() -> None:
    labels = classes_of(*range(4, 30))
    for batch in class_balanced(labels, 12, 4, seeded()):
        assert len(set(batch)) == 12


def test_a_class_smaller_than_m_repeats_its_own_images() -> None:
    labels = classes_of(2, 8)
    for batch in class_balanced(labels, 8, 4, seeded()):
        small = batch[labels[batch] == 0]
        assert sorted(np.unique(small, return_counts=True)[1]) == [2, 2]


def test_one_huge_class_is_spread_over_the_epoch() -> None:
    labels = classes_of(400, 10, 10, 10)
    batches = class_balanced(labels, 8, 4, seeded())
    assert len(batches) == 100
    counts = np.bincount(np.concatenate(batches))
    assert (counts[labels == 0] == 1).all()
    assert {int(c) for batch in batches[:30] for c in labels[batch]} == {0, 1, 2, 3}


def test_large_classes_do_not_all_come_first() -> None:
    labels = classes_of(*[40] * 4, *[4] * 40)
    batches = class_balanced(labels, 16, 4, seeded())
    assert len(batches) == 20
    thirds = [np.concatenate(batches[i : i + 7]) for i in (0, 7, 13)]
    assert all(len(np.unique(labels[third][labels[third] >= 4])) >= 4 for third in thirds)


def test_a_batch_larger_than_the_set_has_every_class_once() -> None:
    labels = classes_of(3, 2)
    (batch,) = class_balanced(labels, 1000, 4, seeded())
    assert np.bincount(labels[batch]).tolist() == [4, 4]
    assert set(batch) == set(range(5))


def test_labels_may_be_any_numbers_or_empty() -> None:
    labels = np.array([700, -5, 700, -5])
    (batch,) = class_balanced(labels, 4, 2, seeded())
    assert sorted(batch) == [0, 1, 2, 3]
    assert class_balanced(labels[:0], 4, 2, seeded()) == []


def test_the_number_of_batches_is_the_same_in_every_epoch() -> None:
    labels, generator = classes_of(30, 5, 5, 17, 1), seeded()
    assert len({len(class_balanced(labels, 9, 3, generator)) for _ in range(10)}) == 1


def test_the_parts_of_all_ranks_are_the_batch() -> None:
    batch = np.arange(10, 22)
    parts = [part_of_rank(batch, rank, 3) for rank in range(3)]
    assert [len(part) for part in parts] == [4, 4, 4]
    assert sorted(np.concatenate(parts)) == list(batch)
    assert part_of_rank(batch, 0, 1) is batch


@pytest.mark.parametrize(("size", "share"), [(7, 4), (3, 2), (2, 2), (1, 2)])
def test_parts_are_equally_large_and_fit_for_batch_norm(size: int, share: int) -> None:
    parts = [part_of_rank(np.arange(size), rank, 2) for rank in range(2)]
    assert [len(part) for part in parts] == [share, share]
    assert set(np.concatenate(parts)) == set(range(size))


def test_each_rank_has_each_class_of_a_balanced_batch() -> None:
    labels = classes_of(*[8] * 6)
    batch = class_balanced(labels, 12, 4, seeded())[0]
    parts = [labels[part_of_rank(batch, rank, 2)] for rank in range(2)]
    assert set(parts[0]) == set(parts[1])


def test_too_small_batches_are_refused() -> None:
    labels = classes_of(5, 5)
    with pytest.raises(ValueError, match="batch_size must be at least 8, got 7"):
        class_balanced(labels, 7, 4, seeded())
    with pytest.raises(ValueError, match="per_class must be at least 2, got 1"):
        class_balanced(labels, 7, 1, seeded())
    with pytest.raises(ValueError, match="batch_size must be at least 2, got 1"):
        shuffled(5, 1, seeded())

"""History of a run, with numbers that are easy to check."""

from pathlib import Path

import numpy as np

from core.training.history import (
    begin_history,
    read_confusions,
    read_sample_retrievals,
    write_epoch,
)

ANGLES = np.radians([0, 10, 90, 100, 180])
EMBEDDINGS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


def recorded(folder: Path) -> Path:
    labels = np.array([0, 0, 1, 1, 2])
    begin_history(folder, np.array([7, 8, 9, 10, 11]), labels, ["cat", "dog", "fox"])
    write_epoch(folder, 3, EMBEDDINGS, labels, np.array([0, 1, 1, 1, 1]))
    return folder


def test_sample_queries_are_one_of_each_class_with_two_images(tmp_path: Path) -> None:
    cat, dog = read_sample_retrievals(recorded(tmp_path), 3)
    assert (cat.image_id, cat.label, dog.image_id, dog.label) == (7, "cat", 9, "dog")
    assert cat.matches == ((8, True), (9, False), (10, False), (11, False))
    assert dog.matches[0] == (10, True)
    assert {image for image, _ in dog.matches[1:]} == {7, 8, 11}


def test_confusions_are_counted_most_frequent_first(tmp_path: Path) -> None:
    assert read_confusions(recorded(tmp_path), 3) == [("cat", "dog", 1), ("fox", "dog", 1)]


def test_the_sample_queries_of_many_classes_are_always_the_same(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(40), 2)
    begin_history(tmp_path, np.arange(80), labels, [str(number) for number in range(40)])
    vectors = np.random.default_rng(0).normal(size=(80, 8)).astype(np.float32)
    for epoch in (1, 2):
        write_epoch(tmp_path, epoch, vectors * epoch, labels, labels)
    first, second = read_sample_retrievals(tmp_path, 1), read_sample_retrievals(tmp_path, 2)
    assert len(first) == 6
    assert [sample.image_id for sample in first] == [sample.image_id for sample in second]


def test_an_epoch_without_history_has_neither(tmp_path: Path) -> None:
    assert read_sample_retrievals(recorded(tmp_path), 4) == []
    assert read_confusions(tmp_path, 4) == []
    assert read_sample_retrievals(tmp_path / "nowhere", 1) == []

"""What a run keeps of its validation images, by numbers that a reader can check by hand."""

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


def test_probes_are_one_of_each_class_that_has_two_and_find_the_nearest(tmp_path: Path) -> None:
    cat, dog = read_sample_retrievals(recorded(tmp_path), 3)
    assert (cat.image_id, cat.label, dog.image_id, dog.label) == (7, "cat", 9, "dog")
    assert cat.matches == ((8, True), (9, False), (10, False), (11, False))
    assert dog.matches[0] == (10, True)
    assert {image for image, _ in dog.matches[1:]} == {7, 8, 11}


def test_confusions_are_counted_the_worst_first(tmp_path: Path) -> None:
    assert read_confusions(recorded(tmp_path), 3) == [("cat", "dog", 1), ("fox", "dog", 1)]


def test_of_many_classes_a_few_are_probes_and_always_the_same(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(40), 2)
    begin_history(tmp_path, np.arange(80), labels, [str(number) for number in range(40)])
    vectors = np.random.default_rng(0).normal(size=(80, 8)).astype(np.float32)
    for epoch in (1, 2):
        write_epoch(tmp_path, epoch, vectors * epoch, labels, labels)
    first, second = read_sample_retrievals(tmp_path, 1), read_sample_retrievals(tmp_path, 2)
    assert len(first) == 6
    assert [probe.image_id for probe in first] == [probe.image_id for probe in second]


def test_an_epoch_that_was_not_measured_has_neither(tmp_path: Path) -> None:
    assert read_sample_retrievals(recorded(tmp_path), 4) == []
    assert read_confusions(tmp_path, 4) == []
    assert read_sample_retrievals(tmp_path / "nowhere", 1) == []

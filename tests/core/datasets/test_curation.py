from collections.abc import Callable
from pathlib import Path

import pytest

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageFilter, ImageStatus, Split
from core.datasets.importing.scan import Source, add_folder, resplit
from core.datasets.splits import SplitConfig
from core.errors import WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import class_folders


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    root = class_folders(tmp_path / "images", red=6, blue=4)
    source = Source(root=root)
    return finish(add_folder(Workspace(tmp_path), "colors", source, SplitConfig())).catalog


def state(catalog: Catalog) -> list[tuple[object, ...]]:
    rows = catalog.rows(ImageFilter(status=ImageStatus.READABLE))
    tags = curation.tags_of(catalog, [row.id for row in rows])
    return [
        (row.id, row.label, row.split, row.excluded, tuple(tags.get(row.id, ()))) for row in rows
    ]


def test_a_tag_is_put_on_once_and_found(catalog: Catalog) -> None:
    ids = catalog.ids()[:3]
    assert curation.add_tag(catalog, ids, " blurry ") == 3
    assert curation.add_tag(catalog, [*ids, ids[-1] + 1], "blurry") == 1
    assert catalog.ids(ImageFilter(tags=("blurry",))) == [*ids, ids[-1] + 1]
    assert curation.tags_of(catalog, ids) == {image_id: ["blurry"] for image_id in ids}
    assert curation.remove_tag(catalog, ids[:1], "blurry") == 1
    assert catalog.count(ImageFilter(tags=("blurry",))) == 3


def test_tags_leave_the_fingerprints_alone_and_the_rest_does_not(catalog: Catalog) -> None:
    ids = catalog.ids()
    trained, indexed = catalog.fingerprint, catalog.images_fingerprint
    curation.add_tag(catalog, ids, "x")
    assert (catalog.fingerprint, catalog.images_fingerprint) == (trained, indexed)
    curation.relabel(catalog, ids[:1], "purple")
    curation.move(catalog, ids[:2], Split.TEST)
    assert catalog.fingerprint != trained
    assert catalog.images_fingerprint == indexed
    curation.exclude(catalog, ids[:1])
    assert catalog.images_fingerprint != indexed


def test_excluded_images_are_out_until_they_are_taken_in_again(catalog: Catalog) -> None:
    ids = catalog.ids()
    assert curation.exclude(catalog, ids[:2]) == 2
    assert curation.exclude(catalog, ids[:2]) == 0
    assert catalog.ids() == ids[2:]
    assert catalog.ids(ImageFilter(status=ImageStatus.EXCLUDED)) == ids[:2]
    assert curation.include(catalog, ids) == 2
    assert catalog.ids() == ids


CHANGES: dict[str, Callable[[Catalog, list[int]], int]] = {
    "tag": lambda catalog, ids: curation.add_tag(catalog, ids, "before"),
    "untag": lambda catalog, ids: curation.remove_tag(catalog, ids, "before"),
    "relabel": lambda catalog, ids: curation.relabel(catalog, ids, "purple"),
    "move": lambda catalog, ids: curation.move(catalog, ids, Split.TEST),
    "exclude": curation.exclude,
    "include": curation.include,
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_step_can_be_taken_back(catalog: Catalog, name: str) -> None:
    ids = catalog.ids()
    curation.add_tag(catalog, ids[:4], "before")
    curation.exclude(catalog, ids[:1])
    before, fingerprint = state(catalog), catalog.fingerprint

    assert CHANGES[name](catalog, ids) > 0
    assert state(catalog) != before
    curation.undo(catalog)

    assert state(catalog) == before
    assert catalog.fingerprint == fingerprint


def test_steps_are_taken_back_last_first_and_each_says_what_it_was(catalog: Catalog) -> None:
    ids = catalog.ids()
    before = state(catalog)
    assert curation.last_step(catalog) is None
    assert curation.undo(catalog) is None
    curation.relabel(catalog, ids[:2], "a {} b")
    curation.exclude(catalog, ids[:1])
    assert curation.last_step(catalog) == "excluded 1 image"
    assert curation.undo(catalog) == "excluded 1 image"
    assert curation.undo(catalog) == "labeled 2 images “a {} b”"
    assert state(catalog) == before
    assert curation.last_step(catalog) is None


def test_a_step_that_changes_nothing_is_no_step(catalog: Catalog) -> None:
    curation.move(catalog, catalog.ids(ImageFilter(splits=(Split.TEST,))), Split.TEST)
    curation.relabel(catalog, [999], "nobody")
    assert curation.last_step(catalog) is None


def test_only_so_many_steps_are_kept(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curation, "MAX_STEPS", 2)
    for tag in "abc":
        curation.add_tag(catalog, catalog.ids(), tag)
    assert [curation.undo(catalog) for _ in range(3)] == [
        "tagged 10 images “c”",
        "tagged 10 images “b”",
        None,
    ]


def test_an_image_without_a_split_joins_train_with_its_first_label(tmp_path: Path) -> None:
    flat = class_folders(tmp_path / "images", red=3) / "red"
    source = Source(root=flat)
    catalog = finish(add_folder(Workspace(tmp_path), "flat", source, SplitConfig())).catalog
    assert curation.relabel(catalog, catalog.ids()[:1], "red") == 1
    assert [(row.label, row.split) for row in catalog.rows()] == [
        ("red", "train"),
        (None, None),
        (None, None),
    ]
    curation.undo(catalog)
    assert {(row.label, row.split) for row in catalog.rows()} == {(None, None)}


def test_splitting_anew_can_be_taken_back(tmp_path: Path, catalog: Catalog) -> None:
    before = state(catalog)
    resplit(Workspace(tmp_path), "colors", SplitConfig(test=0.5, validation=0.0))
    assert state(catalog) != before
    assert str(curation.undo(catalog)).startswith("split anew: ")
    assert state(catalog) == before


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "x" * 201, "bell\x07"])
def test_a_tag_or_label_that_cannot_be_shown_is_refused(catalog: Catalog, text: str) -> None:
    with pytest.raises(WorkbenchError):
        curation.add_tag(catalog, [1], text)
    with pytest.raises(WorkbenchError):
        curation.relabel(catalog, [1], text)
    assert curation.last_step(catalog) is None


def test_an_image_that_was_forgotten_does_not_come_back(catalog: Catalog) -> None:
    ids = catalog.ids()
    curation.add_tag(catalog, ids, "x")
    curation.remove_tag(catalog, ids, "x")
    catalog.forget(ids[:1])
    curation.undo(catalog)
    assert catalog.ids() == catalog.ids(ImageFilter(tags=("x",))) == ids[1:]


def test_a_selection_of_every_image_of_a_large_dataset_is_one_statement(catalog: Catalog) -> None:
    assert curation.add_tag(catalog, range(200_000), "all") == 10


def test_images_get_labels_of_their_own_and_a_mark_in_one_step(catalog: Catalog) -> None:
    first, second, third = [row.id for row in catalog.rows()][:3]
    before = labels_of(catalog)
    given = {first: "cat", second: "dog"}
    assert curation.relabel_each(catalog, given, "labeled {} as suggested", mark="checked") == 2
    assert labels_of(catalog) == before | given
    assert curation.tags_of(catalog, [first, second, third]) == {
        first: ["checked"],
        second: ["checked"],
    }
    assert curation.last_step(catalog) == "labeled 2 images as suggested"
    curation.undo(catalog)
    assert labels_of(catalog) == before
    assert curation.tags_of(catalog, [first, second]) == {}


def test_a_mark_alone_is_a_step_too(catalog: Catalog) -> None:
    row = catalog.rows()[0]
    assert curation.relabel(catalog, [row.id], str(row.label), mark="checked") == 0
    assert curation.tags_of(catalog, [row.id]) == {row.id: ["checked"]}
    curation.undo(catalog)
    assert curation.tags_of(catalog, [row.id]) == {}


def labels_of(catalog: Catalog) -> dict[int, str | None]:
    return {row.id: row.label for row in catalog.rows()}

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from core.datasets import curation
from core.datasets.columns import Split
from core.datasets.duplicates import DuplicateImage, Group, Kind, find_groups, proposal
from core.datasets.importing.scan import rescan
from core.datasets.registry import Dataset, open_dataset
from core.datasets.verification import check_images
from core.images.hashing import RADIUS, group_similar, perceptual_hash
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import png, solid


def scene(seed: int, side: int = 240) -> Image.Image:
    """A picture with large and small forms, as photographs have, different for each seed."""
    draw = np.random.default_rng(seed)
    pixels = np.full((240, 240, 3), 128.0)
    for cells, strength in ((4, 50), (10, 30), (25, 20)):
        noise = draw.uniform(-strength, strength, (cells, cells, 3)).astype(np.float32)
        pixels += np.repeat(np.repeat(noise, -(-240 // cells), 0), -(-240 // cells), 1)[:240, :240]
    whole = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return whole.resize((side, side))


def jpeg(image: Image.Image, quality: int = 40) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def bits_between(first: Image.Image, second: Image.Image) -> int:
    one, other = perceptual_hash(first), perceptual_hash(second)
    assert one is not None
    assert other is not None
    pair = [np.frombuffer(value, np.uint8) for value in (one, other)]
    return int(np.bitwise_count(pair[0] ^ pair[1]).sum())


@pytest.mark.parametrize("seed", range(5))
def test_altered_copies_stay_near_and_others_far(seed: int) -> None:
    original = scene(seed)
    for copy in (
        Image.open(BytesIO(jpeg(original))),
        original.resize((90, 90)),
        original.convert("L"),
        original.crop((2, 2, 238, 238)),
        ImageEnhance.Brightness(original).enhance(0.8),
    ):
        assert bits_between(original, copy) <= RADIUS
    assert bits_between(original, scene(seed + 100)) > 2 * RADIUS


def test_a_picture_of_one_color_has_no_hash() -> None:
    assert perceptual_hash(solid("red")) is None
    assert len(perceptual_hash(scene(1)) or b"") == 32


def test_hashes_gather_around_the_first_that_is_near_enough() -> None:
    far = np.full(32, 255, np.uint8)
    hashes = np.zeros((5, 32), np.uint8)
    hashes[1] = far
    hashes[2, :4] = 255  # 32 bits from the first
    hashes[3, :4] = 255
    hashes[4, :8] = 255  # 32 bits from those, 64 from the first: a chain goes no further
    representatives, bits = finish(group_similar(hashes, radius=32))
    assert representatives.tolist() == [0, 1, 0, 0, 4]
    assert bits.tolist() == [0, 0, 32, 32, 0]
    assert finish(group_similar(hashes, radius=31))[0].tolist() == [0, 1, 2, 2, 4]


def test_the_same_hash_ten_thousand_times_is_one_search() -> None:
    hashes = np.zeros((10_000, 32), np.uint8)
    representatives, _ = finish(group_similar(hashes))
    assert set(representatives.tolist()) == {0}
    assert finish(group_similar(hashes[:0]))[0].size == 0


@pytest.fixture
def members(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Six scenes in two classes; one of them has a copy, one is also there as a small JPEG."""
    root = tmp_path / "in"
    for label, seeds in (("red", (1, 2, 3)), ("blue", (4, 5, 6))):
        (root / label).mkdir(parents=True)
        for seed in seeds:
            scene(seed).save(root / label / f"{seed}.png")
    (root / "red" / "copy.png").write_bytes((root / "red" / "1.png").read_bytes())
    (root / "red" / "small.jpg").write_bytes(jpeg(scene(2, side=120)))
    dataset = bring_in(workspace, root)
    finish(check_images(dataset))
    curation.move(dataset.catalog, dataset.catalog.ids(), Split.TRAIN)
    return dataset


def ids_of(dataset: Dataset) -> dict[str, int]:
    return {row.path: row.id for row in dataset.catalog.rows()}


@pytest.mark.slow
def test_copies_and_look_alikes_are_found(members: Dataset) -> None:
    ids = ids_of(members)
    exact, near = find_groups(members.catalog)
    assert (exact.kind, near.kind) == (Kind.EXACT, Kind.NEAR)
    assert {member.id for member in exact.members} == {ids["red/1.png"], ids["red/copy.png"]}
    assert [member.id for member in near.members] == [ids["red/2.png"], ids["red/small.jpg"]]
    assert proposal(near) == (ids["red/small.jpg"],)  # The larger one stays
    assert not any(group.is_leaking or group.conflicting for group in (exact, near))


def test_a_leak_comes_first_and_the_tested_image_stays(members: Dataset) -> None:
    ids = ids_of(members)
    curation.move(members.catalog, [ids["red/small.jpg"]], Split.TEST)
    near, exact = find_groups(members.catalog)
    assert (near.is_leaking, exact.is_leaking) == (True, False)
    assert proposal(near) == (ids["red/2.png"],)


def test_contradicting_labels_are_left_to_a_person(members: Dataset) -> None:
    ids = ids_of(members)
    curation.relabel(members.catalog, [ids["red/copy.png"]], "blue")
    first = find_groups(members.catalog)[0]
    assert (first.kind, first.conflicting, proposal(first)) == (Kind.EXACT, True, ())
    assert proposal(first, keep=ids["red/copy.png"]) == (ids["red/1.png"],)


def test_excluding_what_is_proposed_resolves_all(members: Dataset) -> None:
    groups = find_groups(members.catalog)
    proposed = [image_id for group in groups for image_id in proposal(group)]
    curation.exclude(members.catalog, proposed)
    assert find_groups(members.catalog) == []
    curation.undo(members.catalog)
    assert find_groups(members.catalog) == groups


def test_copies_of_a_look_alike_are_one_image_of_its_group(
    members: Dataset, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "in" / "blue" / "2.png").write_bytes(png(scene(2)))
    finish(rescan(workspace, "colors"))
    finish(check_images(members))
    ids = ids_of(members)
    near = next(group for group in find_groups(members.catalog) if group.kind == Kind.NEAR)
    assert [member.id for member in near.members] == [ids["red/2.png"], ids["red/small.jpg"]]
    everything = [i for group in find_groups(members.catalog) for i in proposal(group)]
    assert ids["red/2.png"] not in everything


def test_a_changed_file_is_no_look_alike_until_it_was_checked(
    members: Dataset, workspace: Workspace, tmp_path: Path
) -> None:
    scene(77).save(tmp_path / "in" / "red" / "2.png")
    finish(rescan(workspace, "colors"))
    assert [group.kind for group in find_groups(members.catalog)] == [Kind.EXACT]
    finish(check_images(members))
    assert [group.kind for group in find_groups(open_dataset(workspace, "colors").catalog)] == [
        Kind.EXACT
    ]


def test_one_image_is_no_group() -> None:
    member = DuplicateImage(1, "red", "train", 100, "a")
    assert proposal(Group(Kind.NEAR, (member,), 0)) == ()

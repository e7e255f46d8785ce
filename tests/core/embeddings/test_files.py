"""Embedding: how, which images, and never one twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.artifacts.folders import Manifest, delete_artifact, sweep_drafts
from core.commands import build_parser
from core.commands.image_options import read_image_options
from core.datasets.catalog import Split
from core.datasets.curation import add_tag, exclude
from core.datasets.filters import ImageFilter, Standing, read_settings
from core.datasets.importing.rescan import rescan
from core.datasets.registry import Dataset, open_dataset
from core.embeddings import partial
from core.embeddings.config import EmbedConfig, Precision, embed_arguments, read_embed_config
from core.embeddings.encoding import Encoder, Encoding, read_encoding
from core.embeddings.files import Embeddings, embed_dataset, open_embeddings
from core.embeddings.unit_rows import unit
from core.embeddings.whitening import fit_whitening
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index, open_index
from core.indexes.update import update_index
from core.lineage.graph import DATASET_CHANGED, read_lineage
from core.models.batches import load_square
from core.models.devices import Device
from core.models.model import Model
from core.options import read_options
from core.progress import Progress, Stop, finish
from core.query.query import answer_file, answer_pixels
from core.query.search import Wanted
from core.workspace import PROJECT, Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, speckled
from tests.factories.networks import publish_network
from tests.support.processes import wait_for

SIDE = 32
NUM_IMAGES = 36
FLOAT32 = EmbedConfig(precision=Precision.FLOAT32)
"""The same numbers on every machine."""


@dataclass
class Bench:
    """A dataset of three colours, a model with random weights, and what went through it."""

    workspace: Workspace
    root: Path
    model: Model
    seen: list[bytes] = field(default_factory=list)
    """The pixels of each image that was embedded."""

    @property
    def dataset(self) -> Dataset:
        return open_dataset(self.workspace, "colours")

    def embed(self, config: EmbedConfig = FLOAT32, images: ImageFilter | None = None) -> Manifest:
        self.seen.clear()
        wanted = images or ImageFilter()
        return finish(embed_dataset(self.workspace, "colours", self.model.id, config, wanted))

    def opened(self, manifest: Manifest) -> Embeddings:
        return open_embeddings(self.workspace, manifest.id)

    def pixels(self, images: ImageFilter | None = None) -> NDArray[np.uint8]:
        rows = self.dataset.catalog.rows(images or ImageFilter())
        return np.stack([load_square(self.dataset.path_of(row), SIDE) for row in rows])

    def kept(self) -> list[Path]:
        return list(self.workspace.embeddings.glob(".kept-*/*.npz"))


@pytest.fixture
def bench(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    torch.manual_seed(0)
    root = class_folders(tmp_path / "in", red=12, green=12, blue=12)
    bring_in(workspace, root)
    model = publish_network(workspace, "net", side=SIDE, backbone="resnet18", dimension=8)
    made = Bench(workspace, root, model)
    begin = Model.begin

    def counted(self: Model, pixels: NDArray[np.uint8], **options: Any) -> Any:
        made.seen += [image.tobytes() for image in pixels]
        return begin(self, pixels, **options)

    monkeypatch.setattr(Model, "begin", counted)
    return made


def stopped_after(bench: Bench, count: int, end: Callable[[Any], object]) -> None:
    """End the work on the dataset once it has embedded at least so many images."""
    bench.seen.clear()
    work = embed_dataset(bench.workspace, "colours", bench.model.id, FLOAT32)
    for _ in work:
        if len(bench.seen) >= count:
            break
    end(work)


def stop(work: Any) -> None:
    with pytest.raises(Stop):
        work.throw(Stop())


# What is on disk


def test_embeddings_are_unit_rows_with_the_content_of_each_image(bench: Bench) -> None:
    made = bench.embed()
    opened = bench.opened(made)
    assert (opened.vectors.shape, opened.vectors.dtype.name) == ((NUM_IMAGES, 8), "float32")
    assert (opened.contents.shape, opened.contents.dtype.name) == ((NUM_IMAGES, 32), "uint8")
    np.testing.assert_allclose(np.linalg.norm(opened.vectors, axis=1), 1, atol=1e-5)
    rows = bench.dataset.catalog.rows()
    assert opened.image_ids.tolist() == [row.id for row in rows]
    assert [bytes(content).hex() for content in opened.contents] == [row.sha256 for row in rows]
    summary = made.summary
    assert (summary["count"], summary["dimension"], summary["num_reused"]) == (NUM_IMAGES, 8, 0)
    assert summary["images_per_second"] == pytest.approx(NUM_IMAGES / summary["seconds"], rel=0.05)


def test_progress_says_how_quick_it_is_and_what_was_taken_over(bench: Bench) -> None:
    bench.embed(images=ImageFilter(labels=("red",)))
    work = embed_dataset(bench.workspace, "colours", bench.model.id, FLOAT32)
    notes = [event.note for event in work if isinstance(event, Progress)]
    assert any(
        note.startswith("embedding images, ") and note.endswith(" a second, 12 taken over")
        for note in notes
    )


# How


def test_flipped_embeddings_are_the_mean_of_the_image_and_its_mirror_image(bench: Bench) -> None:
    found = bench.opened(bench.embed(replace(FLOAT32, flip=True))).vectors
    pixels = bench.pixels()
    both = bench.model.embed(pixels)[0] + bench.model.embed(pixels[..., ::-1].copy())[0]
    np.testing.assert_allclose(found, both / np.linalg.norm(both, axis=1)[:, None], atol=1e-5)
    assert np.abs(found - bench.model.embed(pixels)[0]).max() > 1e-3


def test_whitened_train_embeddings_have_unit_covariance(bench: Bench) -> None:
    opened = bench.opened(bench.embed(replace(FLOAT32, whiten=True)))
    plain = bench.opened(bench.embed()).vectors
    np.testing.assert_array_equal(opened.plain, plain)
    whitening = opened.encoding.whitening
    assert whitening is not None
    assert (whitening.mean.shape, whitening.matrix.shape) == ((8,), (8, 8))
    train = bench.dataset.catalog.ids(ImageFilter(splits=(Split.TRAIN,)))
    in_train = np.isin(opened.image_ids, train)
    assert 8 < in_train.sum() < NUM_IMAGES
    whitened = whitening.transform(plain[in_train])
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(8), atol=1e-3)
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-3)
    expected = unit(whitening.transform(plain))
    np.testing.assert_allclose(opened.vectors, expected, atol=1e-6)


def test_whitening_takes_plain_embeddings_over(bench: Bench) -> None:
    bench.embed()
    assert bench.embed(replace(FLOAT32, whiten=True)).summary["num_reused"] == NUM_IMAGES
    assert bench.seen == []
    assert bench.embed(replace(FLOAT32, flip=True)).summary["num_reused"] == 0


def test_too_few_train_images_to_whiten_by_are_said(bench: Bench) -> None:
    few = bench.dataset.catalog.ids(ImageFilter(splits=(Split.TRAIN,)))[8:]
    bench.dataset.catalog.set_splits(dict.fromkeys(few, Split.TEST))
    with pytest.raises(WorkbenchError) as caught:
        bench.embed(replace(FLOAT32, whiten=True))
    assert caught.value.problem == (
        "Whitening embeddings of 8 numbers needs at least 9 train images, and 8 are embedded."
    )
    assert not list(bench.workspace.embeddings.glob("[!.]*"))
    assert bench.embed().summary["num_reused"] == NUM_IMAGES  # What was embedded is not lost


def test_without_splits_all_images_whiten(bench: Bench) -> None:
    catalog = bench.dataset.catalog
    catalog.set_splits(dict.fromkeys(catalog.ids(), None))
    opened = bench.opened(bench.embed(replace(FLOAT32, whiten=True)))
    whitening = opened.encoding.whitening
    assert whitening is not None
    np.testing.assert_allclose(np.cov(whitening.transform(opened.plain).T), np.eye(8), atol=1e-3)


def test_whitening_leaves_out_directions_that_hold_nothing() -> None:
    flat = np.zeros((20, 3), np.float32)
    flat[:, :2] = np.random.default_rng(0).normal(size=(20, 2))
    whitened = fit_whitening(flat).transform(flat)
    assert np.isfinite(whitened).all()
    np.testing.assert_allclose(np.cov(whitened.T), np.diag([1, 1, 0]), atol=1e-4)
    with pytest.raises(WorkbenchError, match="The 20 embeddings of train images are all the same"):
        fit_whitening(np.ones((20, 3), np.float32))


def test_bfloat16_is_near_float32(bench: Bench) -> None:
    exact = bench.opened(bench.embed()).vectors
    made = bench.embed(EmbedConfig(precision=Precision.BFLOAT16))
    rounded = bench.opened(made).vectors
    assert made.config["precision"] == "bfloat16"
    assert len(bench.seen) == NUM_IMAGES
    assert not np.array_equal(rounded, exact)
    assert (rounded * exact).sum(axis=1).min() > 0.99


@pytest.mark.parametrize(("quick", "resolved"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_what_the_device_is_quicker_in(quick: bool, resolved: str) -> None:
    assert EmbedConfig().resolved(quick_bfloat16=quick).precision == resolved
    assert FLOAT32.resolved(quick_bfloat16=quick).precision == "float32"


def test_the_manifest_says_the_precision_that_was_used(bench: Bench) -> None:
    assert bench.embed(EmbedConfig()).config["precision"] in ("float32", "bfloat16")


# Which


def test_a_filter_narrows_what_is_embedded(bench: Bench) -> None:
    images = ImageFilter(labels=("red", "blue"), splits=(Split.TRAIN,), text="0", side=(8, 64))
    made = bench.embed(images=images)
    assert bench.opened(made).image_ids.tolist() == bench.dataset.catalog.ids(images)
    assert 0 < made.summary["count"] < NUM_IMAGES
    assert read_settings(made.config["images"]) == images
    assert made.made_from["dataset_fingerprint"] == bench.dataset.catalog.fingerprint
    assert bench.embed(images=images) == made
    whole = bench.embed()
    assert whole.made_from["dataset_fingerprint"] == bench.dataset.catalog.images_fingerprint
    assert (whole.config["images"], whole.summary["num_reused"]) == ({}, made.summary["count"])


def test_a_new_label_makes_filtered_embeddings_stale_and_no_others(bench: Bench) -> None:
    filtered, whole = bench.embed(images=ImageFilter(labels=("red",))), bench.embed()
    catalog = bench.dataset.catalog
    catalog.set_splits({catalog.ids()[0]: None})
    lineage = read_lineage(bench.workspace)
    assert lineage.stale_reason(filtered) == DATASET_CHANGED
    assert lineage.stale_reason(whole) == ""


def test_images_that_came_under_a_tag_since_are_embedded_too(bench: Bench) -> None:
    ids = bench.dataset.catalog.ids()
    add_tag(bench.dataset.catalog, ids[:3], "mine")
    tagged = ImageFilter(tags=("mine",))
    assert bench.embed(images=tagged).summary["count"] == 3
    add_tag(bench.dataset.catalog, ids[3:5], "mine")
    again = bench.embed(images=tagged)
    assert (again.summary["count"], again.summary["num_reused"], len(bench.seen)) == (5, 3, 2)


def test_excluded_images_are_left_out(bench: Bench) -> None:
    [first, *others] = bench.dataset.catalog.ids()
    exclude(bench.dataset.catalog, [first])
    assert bench.opened(bench.embed()).image_ids.tolist() == others
    with pytest.raises(ValueError, match="only usable images are embedded, got excluded"):
        bench.embed(images=ImageFilter(standing=Standing.EXCLUDED))


def test_a_filter_that_means_no_image_is_said(bench: Bench) -> None:
    with pytest.raises(WorkbenchError, match="No usable image of “colours” is among those"):
        bench.embed(images=ImageFilter(labels=("mauve",)))


# Never twice


@pytest.mark.parametrize("end", [stop, lambda work: work.close()], ids=["stopped", "closed"])
def test_what_was_embedded_before_a_stop_is_not_embedded_again(
    bench: Bench, end: Callable[[Any], object]
) -> None:
    stopped_after(bench, 16, end)
    before = list(bench.seen)
    assert not list(bench.workspace.embeddings.glob("[!.]*"))
    sweep_drafts(bench.workspace.embeddings)

    made = bench.embed()

    assert sorted(before + bench.seen) == sorted(image.tobytes() for image in bench.pixels())
    assert made.summary["num_reused"] == len(before) == 16
    assert bench.kept() == []
    assert list(bench.workspace.embeddings.iterdir()) == [bench.workspace.embeddings / made.id]
    whole = bench.model.embed(bench.pixels())[0]
    np.testing.assert_allclose(bench.opened(made).vectors, whole, atol=1e-5)


def test_several_passes_at_once_as_on_a_card_mix_nothing_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "passes_at_once", 3)
    monkeypatch.setattr(Device, "batch_size", 5)
    made = bench.embed()
    whole = bench.model.embed(bench.pixels())[0]
    np.testing.assert_allclose(bench.opened(made).vectors, whole, atol=1e-5)


SLOW_AND_OFTEN_KEPT = """
import sys, time
import core.vectors.embedding as embedding
from core.cli import main
from core.embedder.models import Model
embedding.KEEP_EVERY_S = 0
begin = Model.begin
def slowly(self, pixels, **options):
    time.sleep(0.2)
    return begin(self, pixels, **options)
Model.begin = slowly
main(sys.argv[1:])
"""


def test_a_killed_process_leaves_what_it_had_embedded(bench: Bench) -> None:
    options = ("--dataset", "colours", "--model", "net", "--precision", "float32")
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", SLOW_AND_OFTEN_KEPT, "embed", *options),
            *("--home", str(bench.workspace.home)),
        ],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: len(bench.kept()) >= 1 or process.poll() is not None, timeout=60)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    num_kept = sum(len(np.load(path)["contents"]) for path in bench.kept())
    assert 16 <= num_kept < NUM_IMAGES

    made = bench.embed()

    assert made.summary["num_reused"] == num_kept
    assert len(bench.seen) == NUM_IMAGES - num_kept
    assert bench.kept() == []
    whole = bench.model.embed(bench.pixels())[0]
    np.testing.assert_allclose(bench.opened(made).vectors, whole, atol=1e-5)


def test_chunks_that_a_kill_left_behind_finished_embeddings_go(bench: Bench) -> None:
    stopped_after(bench, 16, stop)
    [chunk] = bench.kept()
    content = chunk.read_bytes()
    made = bench.embed()
    chunk.parent.mkdir()
    chunk.write_bytes(content)
    assert bench.embed() == made
    assert bench.kept() == []


def test_a_touched_file_is_embedded_once_more_and_known_once_it_was_scanned(bench: Bench) -> None:
    os.utime(bench.root / "red" / "000.png", ns=(1, 1))
    bench.embed()
    finish(rescan(bench.workspace, "colours"))
    assert bench.embed().summary["num_reused"] == NUM_IMAGES - 1
    bench.embed()
    assert bench.seen == []


def test_a_chunk_that_the_disk_has_spoilt_is_embedded_again(bench: Bench) -> None:
    stopped_after(bench, 16, stop)
    [chunk] = bench.kept()
    chunk.write_bytes(chunk.read_bytes()[:-100])
    assert bench.embed().summary["num_reused"] == 0


def test_chunks_of_another_model_or_way_are_not_taken(bench: Bench) -> None:
    stopped_after(bench, 16, stop)
    assert bench.embed(replace(FLOAT32, flip=True)).summary["num_reused"] == 0
    assert len(bench.kept()) == 1
    other = publish_network(bench.workspace, "other", side=SIDE, backbone="resnet18", dimension=8)
    made = finish(embed_dataset(bench.workspace, "colours", other.id, FLOAT32))
    assert made.summary["num_reused"] == 0


def test_chunks_whose_model_is_gone_are_swept_at_the_next_embedding(bench: Bench) -> None:
    stopped_after(bench, 16, stop)
    delete_artifact(bench.workspace.models, bench.model.id)
    other = publish_network(bench.workspace, "other", side=SIDE, backbone="resnet18", dimension=8)
    finish(embed_dataset(bench.workspace, "colours", other.id, FLOAT32))
    assert bench.kept() == []


def test_a_full_disk_is_said_and_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_after(bench, 16, stop)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("core.embeddings.run.KEEP_EVERY_S", 0)
        patched.setattr(partial, "write_atomically", full)
        with pytest.raises(WorkbenchError, match="^The disk is full. Make room, then embed again"):
            bench.embed()
    assert len(bench.kept()) == 1
    assert not list(bench.workspace.embeddings.glob("[!.]*"))
    assert bench.embed().summary["num_reused"] == 16


def test_all_that_was_embedded_is_kept_where_the_disk_has_no_room_for_the_artefact(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("core.embeddings.files.publish", full)
        with pytest.raises(WorkbenchError, match="^The disk is full. Make room, then embed again"):
            bench.embed()
    assert bench.embed().summary["num_reused"] == NUM_IMAGES
    assert bench.kept() == []


def test_only_what_is_new_or_changed_is_embedded(bench: Bench) -> None:
    before = bench.opened(bench.embed())
    speckled("red", seed=100).save(bench.root / "red" / "100.png")
    speckled("blue", seed=101).save(bench.root / "blue" / "000.png")
    (bench.root / "green" / "000.png").unlink()
    (bench.root / "green" / "001.png").rename(bench.root / "green" / "999.png")
    finish(rescan(bench.workspace, "colours"))

    made = bench.embed()

    assert (made.summary["count"], made.summary["num_reused"]) == (NUM_IMAGES, NUM_IMAGES - 2)
    assert len(bench.seen) == 2
    after = bench.opened(made)
    np.testing.assert_allclose(after.vectors, bench.model.embed(bench.pixels())[0], atol=1e-5)
    stay = np.intersect1d(before.image_ids, after.image_ids)
    assert len(stay) == NUM_IMAGES - 1


def test_the_same_picture_in_two_files_is_embedded_once(bench: Bench) -> None:
    first, second = (bench.root / "red" / name for name in ("000.png", "copy.png"))
    second.write_bytes(first.read_bytes())
    finish(rescan(bench.workspace, "colours"))
    made = bench.embed()
    assert (made.summary["count"], len(bench.seen)) == (NUM_IMAGES + 1, NUM_IMAGES)
    first.unlink()
    again = bench.embed(replace(FLOAT32, flip=True))  # By its twin, or not at all
    assert (again.summary["count"], again.summary["num_problems"]) == (NUM_IMAGES, 1)


def test_unreadable_images_are_listed_and_tried_again(bench: Bench) -> None:
    path = bench.root / "red" / "000.png"
    content, changed = path.read_bytes(), path.stat()
    path.write_bytes(b"no image any more")
    made = bench.embed()
    assert (made.summary["count"], made.summary["num_problems"]) == (NUM_IMAGES - 1, 1)
    assert list(made.summary["problems"]) == ["red/000.png"]
    assert bench.embed() == made
    path.write_bytes(content)
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    whole = bench.embed()
    assert (whole.summary["count"], whole.summary["num_reused"]) == (NUM_IMAGES, NUM_IMAGES - 1)
    assert len(bench.seen) == 1


def test_a_file_that_was_changed_since_the_scan_is_not_taken_for_what_it_was(
    bench: Bench,
) -> None:
    bench.embed()
    path = bench.root / "red" / "000.png"
    original = path.read_bytes()
    speckled("blue", seed=50, side=41).save(path)
    finish(embed_dataset(bench.workspace, "colours", "net", replace(FLOAT32, flip=True)))
    path.write_bytes(original)
    finish(rescan(bench.workspace, "colours"))

    made = bench.embed(replace(FLOAT32, flip=True))

    assert made.summary["num_reused"] == NUM_IMAGES - 1
    encoder = Encoder(bench.model, bench.opened(made).encoding)
    expected = encoder.embed(bench.pixels())[0]
    np.testing.assert_allclose(bench.opened(made).vectors, expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_embeddings_that_no_search_could_find_never_get_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    begin = Model.begin

    def spoilt(self: Model, pixels: NDArray[np.uint8], **options: Any) -> Any:
        embeddings, probabilities = begin(self, pixels, **options)()
        embeddings[0] = value
        return lambda: (embeddings, probabilities)

    with monkeypatch.context() as patched:
        patched.setattr(Model, "begin", spoilt)
        with pytest.raises(WorkbenchError, match="embeddings are zero, not finite or not of unit"):
            bench.embed()
    assert bench.kept() == []
    assert not list(bench.workspace.embeddings.glob("[!.]*"))


# The query goes through the same


@pytest.mark.parametrize(
    "config",
    [
        FLOAT32,
        replace(FLOAT32, flip=True),
        replace(FLOAT32, whiten=True),
        EmbedConfig(flip=True, whiten=True, precision=Precision.BFLOAT16),
    ],
    ids=["plain", "flip", "whiten", "all"],
)
def test_a_query_goes_through_what_the_index_went_through(
    bench: Bench, config: EmbedConfig
) -> None:
    embeddings = bench.embed(config)
    made = finish(build_index(bench.workspace, embeddings.id, IndexConfig()))
    delete_artifact(bench.workspace.embeddings, embeddings.id)

    index = open_index(bench.workspace, made.id)
    rows = bench.dataset.catalog.rows()
    for row in rows[::7]:
        pixels = load_square(bench.dataset.path_of(row), SIDE)
        found = answer_pixels(bench.model, index, bench.dataset, pixels, Wanted(k=1)).matches[0]
        assert found.image_id == row.id
        assert found.similarity == pytest.approx(1, abs=1e-3)
    assert index.encoding.flip == config.flip
    assert (index.encoding.whitening is not None) == config.whiten
    said = answer_file(bench.workspace, made.id, bench.dataset.path_of(rows[0]), Wanted(k=1))
    assert said["matches"][0]["similarity"] == pytest.approx(1, abs=1e-3)


def test_an_index_from_before_there_was_a_choice_means_the_plain_way(bench: Bench) -> None:
    made_from = {"model": "net", "model_fingerprint": "some"}
    assert read_encoding(bench.root, made_from, {"image_size": 32}) == Encoding(
        model="net", model_fingerprint="some", flip=False, precision=Precision.FLOAT32
    )


def test_what_was_embedded_can_be_embedded_again_by_its_options(bench: Bench) -> None:
    how = EmbedConfig(flip=True, whiten=True, precision=Precision.FLOAT32)
    which = ImageFilter(labels=("red", "blue"), aspect=(0.5, 2.0))
    embeddings = bench.embed(how, which)
    index = finish(build_index(bench.workspace, embeddings.id, IndexConfig()))
    for manifest in (embeddings, index, open_index(bench.workspace, index.id).manifest):
        assert read_embed_config(manifest) == (how, which)
        parser = build_parser()
        options = parser.parse_args(
            ["index", "--dataset", "colours", "--model", "net", *embed_arguments(manifest)]
        )
        assert read_options(options, EmbedConfig) == how
        assert read_image_options(options) == which


def test_an_index_is_brought_up_to_its_dataset_in_its_own_way(bench: Bench) -> None:
    which = ImageFilter(labels=("red",))
    embeddings = bench.embed(replace(FLOAT32, flip=True), which)
    index = finish(build_index(bench.workspace, embeddings.id, IndexConfig()))
    speckled("red", seed=100).save(bench.root / "red" / "100.png")
    speckled("blue", seed=100).save(bench.root / "blue" / "100.png")
    finish(rescan(bench.workspace, "colours"))
    catalog = bench.dataset.catalog
    updated = finish(update_index(bench.workspace, index.id))
    assert (updated.summary["count"], updated.summary["num_added"]) == (13, 1)
    assert read_embed_config(updated) == (replace(FLOAT32, flip=True), which)
    assert open_index(bench.workspace, updated.id).store.count == catalog.count(which)


def test_an_encoder_gives_probabilities_as_the_model_does(bench: Bench) -> None:
    encoding = Encoding(model="net", model_fingerprint=bench.model.manifest.fingerprint, flip=True)
    pixels = bench.pixels()[:3]
    embeddings, probabilities = Encoder(bench.model, encoding).embed(pixels)
    assert (embeddings.shape, embeddings.dtype.name) == ((3, 8), "float32")
    assert (probabilities.shape, probabilities.dtype.name) == ((3, 3), "float32")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_model_is_opened_only_if_there_is_something_to_embed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.embed()

    def refused(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("core.embeddings.files.load_model", refused)
    assert bench.embed(images=ImageFilter(labels=("blue",))).summary["num_reused"] == 12

"""Embedding a dataset: settings, filters, reuse, and partial results."""

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

from core.artifacts.folders import delete_artifact, remove_stale_drafts
from core.artifacts.manifests import Manifest
from core.commands import build_parser
from core.commands.shared_options import read_image_options
from core.datasets.columns import ImageFilter, ImageStatus, Split
from core.datasets.curation import add_tag, exclude
from core.datasets.filters import read_settings
from core.datasets.importing.scan import rescan
from core.datasets.registry import Dataset, open_dataset
from core.embeddings import reuse
from core.embeddings.config import EmbedConfig, Precision, embed_arguments, read_embed_config
from core.embeddings.embed import embed_dataset
from core.embeddings.encoding import Encoder, Encoding, read_encoding
from core.embeddings.files import Embeddings, open_embeddings
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
from core.models.preprocessing import Preprocessing
from core.options import read_options
from core.progress import Progress, Stop, finish
from core.query.query import SearchOptions
from core.workspace import PROJECT, Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, speckled
from tests.factories.networks import publish_network
from tests.factories.queries import search_workspace
from tests.support.processes import wait_for

pytestmark = pytest.mark.usefixtures("small_networks")

SIDE = 32
INPUT = Preprocessing(image_size=SIDE)
NUM_IMAGES = 36
FLOAT32 = EmbedConfig(precision=Precision.FLOAT32)
"""The same numbers on every machine."""


@dataclass
class BenchmarkQueries:
    """A dataset of three colors, a model with random weights, and what went through it."""

    workspace: Workspace
    root: Path
    model: Model
    seen: list[bytes] = field(default_factory=list)
    """The pixels of each image that was embedded."""

    @property
    def dataset(self) -> Dataset:
        return open_dataset(self.workspace, "colors")

    def embed(self, config: EmbedConfig = FLOAT32, images: ImageFilter | None = None) -> Manifest:
        self.seen.clear()
        wanted = images or ImageFilter()
        return finish(embed_dataset(self.workspace, "colors", self.model.id, config, wanted))

    def opened(self, manifest: Manifest) -> Embeddings:
        return open_embeddings(self.workspace, manifest.id)

    def pixels(self, images: ImageFilter | None = None) -> NDArray[np.uint8]:
        rows = self.dataset.catalog.rows(images or ImageFilter())
        return np.stack([load_square(self.dataset.path_of(row), INPUT) for row in rows])

    def chunks(self) -> list[Path]:
        return list(self.workspace.embeddings.glob(".kept-*/*.npz"))


@pytest.fixture
def benchmark(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BenchmarkQueries:
    torch.manual_seed(0)
    root = class_folders(tmp_path / "in", red=12, green=12, blue=12)
    bring_in(workspace, root)
    model = publish_network(workspace, "net", side=SIDE, backbone="resnet18", dimension=8)
    made = BenchmarkQueries(workspace, root, model)
    embed_async = Model.embed_async

    def counted(self: Model, pixels: NDArray[np.uint8], **options: Any) -> Any:
        made.seen += [image.tobytes() for image in pixels]
        return embed_async(self, pixels, **options)

    monkeypatch.setattr(Model, "embed_async", counted)
    return made


def stopped_after(benchmark: BenchmarkQueries, count: int, end: Callable[[Any], object]) -> None:
    """End the work on the dataset once it has embedded at least so many images."""
    benchmark.seen.clear()
    work = embed_dataset(benchmark.workspace, "colors", benchmark.model.id, FLOAT32)
    for _ in work:
        if len(benchmark.seen) >= count:
            break
    end(work)


def stop(work: Any) -> None:
    with pytest.raises(Stop):
        work.throw(Stop())


# What is on disk


@pytest.mark.slow
def test_embeddings_are_unit_rows_with_the_content_of_each_image(
    benchmark: BenchmarkQueries,
) -> None:
    made = benchmark.embed()
    opened = benchmark.opened(made)
    assert (opened.vectors.shape, opened.vectors.dtype.name) == ((NUM_IMAGES, 8), "float32")
    assert (opened.contents.shape, opened.contents.dtype.name) == ((NUM_IMAGES, 32), "uint8")
    np.testing.assert_allclose(np.linalg.norm(opened.vectors, axis=1), 1, atol=1e-5)
    rows = benchmark.dataset.catalog.rows()
    assert opened.image_ids.tolist() == [row.id for row in rows]
    assert [bytes(content).hex() for content in opened.contents] == [row.sha256 for row in rows]
    summary = made.summary
    assert (summary["count"], summary["dimension"], summary["num_reused"]) == (NUM_IMAGES, 8, 0)
    assert summary["images_per_second"] == pytest.approx(NUM_IMAGES / summary["seconds"], rel=0.05)


def test_progress_shows_speed_and_number_of_reused_images(benchmark: BenchmarkQueries) -> None:
    benchmark.embed(images=ImageFilter(labels=("red",)))
    work = embed_dataset(benchmark.workspace, "colors", benchmark.model.id, FLOAT32)
    notes = [event.note for event in work if isinstance(event, Progress)]
    assert any(
        note.startswith("embedding images, ") and note.endswith(" a second, 12 reused")
        for note in notes
    )


# How


def test_flipped_embeddings_are_the_mean_of_the_image_and_its_mirror_image(
    benchmark: BenchmarkQueries,
) -> None:
    found = benchmark.opened(benchmark.embed(replace(FLOAT32, flip=True))).vectors
    pixels = benchmark.pixels()
    both = benchmark.model.embed(pixels)[0] + benchmark.model.embed(pixels[..., ::-1].copy())[0]
    np.testing.assert_allclose(found, both / np.linalg.norm(both, axis=1)[:, None], atol=1e-5)
    assert np.abs(found - benchmark.model.embed(pixels)[0]).max() > 1e-3


def test_whitened_train_embeddings_have_unit_covariance(benchmark: BenchmarkQueries) -> None:
    opened = benchmark.opened(benchmark.embed(replace(FLOAT32, whiten=True)))
    plain = benchmark.opened(benchmark.embed()).vectors
    np.testing.assert_array_equal(opened.plain, plain)
    whitening = opened.encoding.whitening
    assert whitening is not None
    assert (whitening.mean.shape, whitening.matrix.shape) == ((8,), (8, 8))
    train = benchmark.dataset.catalog.ids(ImageFilter(splits=(Split.TRAIN,)))
    in_train = np.isin(opened.image_ids, train)
    assert 8 < in_train.sum() < NUM_IMAGES
    whitened = whitening.transform(plain[in_train])
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(8), atol=1e-3)
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-3)
    expected = unit(whitening.transform(plain))
    np.testing.assert_allclose(opened.vectors, expected, atol=1e-6)


def test_whitening_reuses_plain_embeddings(benchmark: BenchmarkQueries) -> None:
    benchmark.embed()
    assert benchmark.embed(replace(FLOAT32, whiten=True)).summary["num_reused"] == NUM_IMAGES
    assert benchmark.seen == []
    assert benchmark.embed(replace(FLOAT32, flip=True)).summary["num_reused"] == 0


def test_too_few_train_images_for_whitening_raise_an_error(benchmark: BenchmarkQueries) -> None:
    few = benchmark.dataset.catalog.ids(ImageFilter(splits=(Split.TRAIN,)))[8:]
    benchmark.dataset.catalog.set_splits(dict.fromkeys(few, Split.TEST))
    with pytest.raises(WorkbenchError) as caught:
        benchmark.embed(replace(FLOAT32, whiten=True))
    assert caught.value.problem == (
        "Whitening 8-dimensional embeddings needs at least 9 train images; 8 are embedded."
    )
    assert not list(benchmark.workspace.embeddings.glob("[!.]*"))
    assert benchmark.embed().summary["num_reused"] == NUM_IMAGES  # What was embedded is not lost


def test_without_splits_whitening_uses_all_images(benchmark: BenchmarkQueries) -> None:
    catalog = benchmark.dataset.catalog
    catalog.set_splits(dict.fromkeys(catalog.ids(), None))
    opened = benchmark.opened(benchmark.embed(replace(FLOAT32, whiten=True)))
    whitening = opened.encoding.whitening
    assert whitening is not None
    np.testing.assert_allclose(np.cov(whitening.transform(opened.plain).T), np.eye(8), atol=1e-3)


def test_whitening_drops_directions_without_variance() -> None:
    flat = np.zeros((20, 3), np.float32)
    flat[:, :2] = np.random.default_rng(0).normal(size=(20, 2))
    whitened = fit_whitening(flat).transform(flat)
    assert np.isfinite(whitened).all()
    np.testing.assert_allclose(np.cov(whitened.T), np.diag([1, 1, 0]), atol=1e-4)
    with pytest.raises(WorkbenchError, match="The 20 embeddings of train images are all the same"):
        fit_whitening(np.ones((20, 3), np.float32))


def test_bfloat16_is_near_float32(benchmark: BenchmarkQueries) -> None:
    exact = benchmark.opened(benchmark.embed()).vectors
    made = benchmark.embed(EmbedConfig(precision=Precision.BFLOAT16))
    rounded = benchmark.opened(made).vectors
    assert made.config["precision"] == "bfloat16"
    assert len(benchmark.seen) == NUM_IMAGES
    assert not np.array_equal(rounded, exact)
    assert (rounded * exact).sum(axis=1).min() > 0.99


@pytest.mark.parametrize(("quick", "resolved"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_the_faster_precision_of_the_device(quick: bool, resolved: str) -> None:
    assert EmbedConfig().resolved(quick_bfloat16=quick).precision == resolved
    assert FLOAT32.resolved(quick_bfloat16=quick).precision == "float32"


def test_the_manifest_has_the_precision_that_was_used(benchmark: BenchmarkQueries) -> None:
    assert benchmark.embed(EmbedConfig()).config["precision"] in ("float32", "bfloat16")


# Which


def test_a_filter_restricts_the_images(benchmark: BenchmarkQueries) -> None:
    images = ImageFilter(labels=("red", "blue"), splits=(Split.TRAIN,), text="0", side=(8, 64))
    made = benchmark.embed(images=images)
    assert benchmark.opened(made).image_ids.tolist() == benchmark.dataset.catalog.ids(images)
    assert 0 < made.summary["count"] < NUM_IMAGES
    assert read_settings(made.config["images"]) == images
    assert made.made_from["dataset_fingerprint"] == benchmark.dataset.catalog.fingerprint
    assert benchmark.embed(images=images) == made
    whole = benchmark.embed()
    assert whole.made_from["dataset_fingerprint"] == benchmark.dataset.catalog.images_fingerprint
    assert (whole.config["images"], whole.summary["num_reused"]) == ({}, made.summary["count"])


def test_a_new_label_makes_filtered_embeddings_stale_and_no_others(
    benchmark: BenchmarkQueries,
) -> None:
    filtered, whole = benchmark.embed(images=ImageFilter(labels=("red",))), benchmark.embed()
    catalog = benchmark.dataset.catalog
    catalog.set_splits({catalog.ids()[0]: None})
    lineage = read_lineage(benchmark.workspace)
    assert lineage.stale_reason(filtered) == DATASET_CHANGED
    assert lineage.stale_reason(whole) == ""


def test_images_that_were_tagged_later_are_embedded_too(benchmark: BenchmarkQueries) -> None:
    ids = benchmark.dataset.catalog.ids()
    add_tag(benchmark.dataset.catalog, ids[:3], "mine")
    tagged = ImageFilter(tags=("mine",))
    assert benchmark.embed(images=tagged).summary["count"] == 3
    add_tag(benchmark.dataset.catalog, ids[3:5], "mine")
    again = benchmark.embed(images=tagged)
    assert (again.summary["count"], again.summary["num_reused"], len(benchmark.seen)) == (5, 3, 2)


def test_excluded_images_are_left_out(benchmark: BenchmarkQueries) -> None:
    [first, *others] = benchmark.dataset.catalog.ids()
    exclude(benchmark.dataset.catalog, [first])
    assert benchmark.opened(benchmark.embed()).image_ids.tolist() == others
    with pytest.raises(ValueError, match="only usable images are embedded, got excluded"):
        benchmark.embed(images=ImageFilter(status=ImageStatus.EXCLUDED))


def test_a_filter_without_images_raises_an_error(benchmark: BenchmarkQueries) -> None:
    with pytest.raises(WorkbenchError, match="No usable image of “colors” matches the filters"):
        benchmark.embed(images=ImageFilter(labels=("mauve",)))


# Never twice


@pytest.mark.parametrize("end", [stop, lambda work: work.close()], ids=["stopped", "closed"])
def test_what_was_embedded_before_a_stop_is_not_embedded_again(
    benchmark: BenchmarkQueries, end: Callable[[Any], object]
) -> None:
    stopped_after(benchmark, 16, end)
    before = list(benchmark.seen)
    assert not list(benchmark.workspace.embeddings.glob("[!.]*"))
    remove_stale_drafts(benchmark.workspace.embeddings)

    made = benchmark.embed()

    assert sorted(before + benchmark.seen) == sorted(
        image.tobytes() for image in benchmark.pixels()
    )
    assert made.summary["num_reused"] == len(before) == 16
    assert benchmark.chunks() == []
    assert list(benchmark.workspace.embeddings.iterdir()) == [
        benchmark.workspace.embeddings / made.id
    ]
    whole = benchmark.model.embed(benchmark.pixels())[0]
    np.testing.assert_allclose(benchmark.opened(made).vectors, whole, atol=1e-5)


def test_several_passes_at_once_keep_the_order(
    benchmark: BenchmarkQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "passes_at_once", 3)
    monkeypatch.setattr(Device, "batch_size", 5)
    made = benchmark.embed()
    whole = benchmark.model.embed(benchmark.pixels())[0]
    np.testing.assert_allclose(benchmark.opened(made).vectors, whole, atol=1e-5)


SLOW_WITH_FREQUENT_FLUSHES = """
import sys, time
from tests.factories.small_backbones import small_backbones
import core.embeddings.run as embedding
from core.cli import main
from core.models.model import Model
embedding.FLUSH_EVERY_S = 0
begin = Model.embed_async
def slowly(self, pixels, **options):
    time.sleep(0.2)
    return begin(self, pixels, **options)
Model.embed_async = slowly
with small_backbones():
    main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_killed_process_leaves_what_it_had_embedded(benchmark: BenchmarkQueries) -> None:
    options = ("--dataset", "colors", "--model", "net", "--precision", "float32")
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", SLOW_WITH_FREQUENT_FLUSHES, "embed", *options),
            *("--home", str(benchmark.workspace.home)),
        ],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: len(benchmark.chunks()) >= 1 or process.poll() is not None, timeout=60)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    num_in_chunks = sum(len(np.load(path)["contents"]) for path in benchmark.chunks())
    assert 16 <= num_in_chunks < NUM_IMAGES

    made = benchmark.embed()

    assert made.summary["num_reused"] == num_in_chunks
    assert len(benchmark.seen) == NUM_IMAGES - num_in_chunks
    assert benchmark.chunks() == []
    whole = benchmark.model.embed(benchmark.pixels())[0]
    np.testing.assert_allclose(benchmark.opened(made).vectors, whole, atol=1e-5)


def test_chunks_left_by_a_killed_process_are_removed(benchmark: BenchmarkQueries) -> None:
    stopped_after(benchmark, 16, stop)
    [chunk] = benchmark.chunks()
    content = chunk.read_bytes()
    made = benchmark.embed()
    chunk.parent.mkdir()
    chunk.write_bytes(content)
    assert benchmark.embed() == made
    assert benchmark.chunks() == []


def test_a_touched_file_is_embedded_again_and_reused_after_a_scan(
    benchmark: BenchmarkQueries,
) -> None:
    os.utime(benchmark.root / "red" / "000.png", ns=(1, 1))
    benchmark.embed()
    finish(rescan(benchmark.workspace, "colors"))
    assert benchmark.embed().summary["num_reused"] == NUM_IMAGES - 1
    benchmark.embed()
    assert benchmark.seen == []


def test_a_damaged_chunk_is_embedded_again(benchmark: BenchmarkQueries) -> None:
    stopped_after(benchmark, 16, stop)
    [chunk] = benchmark.chunks()
    chunk.write_bytes(chunk.read_bytes()[:-100])
    assert benchmark.embed().summary["num_reused"] == 0


@pytest.mark.slow
def test_chunks_of_another_model_or_encoding_are_not_reused(benchmark: BenchmarkQueries) -> None:
    stopped_after(benchmark, 16, stop)
    assert benchmark.embed(replace(FLOAT32, flip=True)).summary["num_reused"] == 0
    assert len(benchmark.chunks()) == 1
    other = publish_network(
        benchmark.workspace, "other", side=SIDE, backbone="resnet18", dimension=8
    )
    made = finish(embed_dataset(benchmark.workspace, "colors", other.id, FLOAT32))
    assert made.summary["num_reused"] == 0


def test_chunks_whose_model_is_gone_are_removed_at_the_next_run(
    benchmark: BenchmarkQueries,
) -> None:
    stopped_after(benchmark, 16, stop)
    delete_artifact(benchmark.workspace.models, benchmark.model.id)
    other = publish_network(
        benchmark.workspace, "other", side=SIDE, backbone="resnet18", dimension=8
    )
    finish(embed_dataset(benchmark.workspace, "colors", other.id, FLOAT32))
    assert benchmark.chunks() == []


def test_a_full_disk_raises_an_error_and_loses_nothing(
    benchmark: BenchmarkQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_after(benchmark, 16, stop)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("core.embeddings.run.FLUSH_EVERY_S", 0)
        patched.setattr(reuse, "write_atomically", full)
        with pytest.raises(
            WorkbenchError, match="^The disk is full. Free disk space, then embed again"
        ):
            benchmark.embed()
    assert len(benchmark.chunks()) == 1
    assert not list(benchmark.workspace.embeddings.glob("[!.]*"))
    assert benchmark.embed().summary["num_reused"] == 16


def test_embeddings_stay_in_chunks_if_the_artifact_does_not_fit_on_the_disk(
    benchmark: BenchmarkQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("core.embeddings.files.publish", full)
        with pytest.raises(
            WorkbenchError, match="^The disk is full. Free disk space, then embed again"
        ):
            benchmark.embed()
    assert benchmark.embed().summary["num_reused"] == NUM_IMAGES
    assert benchmark.chunks() == []


def test_only_what_is_new_or_changed_is_embedded(benchmark: BenchmarkQueries) -> None:
    before = benchmark.opened(benchmark.embed())
    speckled("red", seed=100).save(benchmark.root / "red" / "100.png")
    speckled("blue", seed=101).save(benchmark.root / "blue" / "000.png")
    (benchmark.root / "green" / "000.png").unlink()
    (benchmark.root / "green" / "001.png").rename(benchmark.root / "green" / "999.png")
    finish(rescan(benchmark.workspace, "colors"))

    made = benchmark.embed()

    assert (made.summary["count"], made.summary["num_reused"]) == (NUM_IMAGES, NUM_IMAGES - 2)
    assert len(benchmark.seen) == 2
    after = benchmark.opened(made)
    np.testing.assert_allclose(
        after.vectors, benchmark.model.embed(benchmark.pixels())[0], atol=1e-5
    )
    stay = np.intersect1d(before.image_ids, after.image_ids)
    assert len(stay) == NUM_IMAGES - 1


def test_the_same_image_in_two_files_is_embedded_once(benchmark: BenchmarkQueries) -> None:
    first, second = (benchmark.root / "red" / name for name in ("000.png", "copy.png"))
    second.write_bytes(first.read_bytes())
    finish(rescan(benchmark.workspace, "colors"))
    made = benchmark.embed()
    assert (made.summary["count"], len(benchmark.seen)) == (NUM_IMAGES + 1, NUM_IMAGES)
    first.unlink()
    again = benchmark.embed(replace(FLOAT32, flip=True))  # By its twin, or not at all
    assert (again.summary["count"], again.summary["num_problems"]) == (NUM_IMAGES, 1)


def test_unreadable_images_are_listed_and_tried_again(benchmark: BenchmarkQueries) -> None:
    path = benchmark.root / "red" / "000.png"
    content, changed = path.read_bytes(), path.stat()
    path.write_bytes(b"no image any more")
    made = benchmark.embed()
    assert (made.summary["count"], made.summary["num_problems"]) == (NUM_IMAGES - 1, 1)
    assert list(made.summary["problems"]) == ["red/000.png"]
    assert benchmark.embed() == made
    path.write_bytes(content)
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    whole = benchmark.embed()
    assert (whole.summary["count"], whole.summary["num_reused"]) == (NUM_IMAGES, NUM_IMAGES - 1)
    assert len(benchmark.seen) == 1


@pytest.mark.slow
def test_a_file_changed_since_the_scan_is_not_reused_by_its_checksum(
    benchmark: BenchmarkQueries,
) -> None:
    benchmark.embed()
    path = benchmark.root / "red" / "000.png"
    original = path.read_bytes()
    speckled("blue", seed=50, side=41).save(path)
    finish(embed_dataset(benchmark.workspace, "colors", "net", replace(FLOAT32, flip=True)))
    path.write_bytes(original)
    finish(rescan(benchmark.workspace, "colors"))

    made = benchmark.embed(replace(FLOAT32, flip=True))

    assert made.summary["num_reused"] == NUM_IMAGES - 1
    encoder = Encoder(benchmark.model, benchmark.opened(made).encoding)
    expected = encoder.embed(benchmark.pixels())[0]
    np.testing.assert_allclose(benchmark.opened(made).vectors, expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_zero_or_infinite_embeddings_are_refused(
    benchmark: BenchmarkQueries, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    embed_async = Model.embed_async

    def spoilt(self: Model, pixels: NDArray[np.uint8], **options: Any) -> Any:
        embeddings, probabilities = embed_async(self, pixels, **options)()
        embeddings[0] = value
        return lambda: (embeddings, probabilities)

    with monkeypatch.context() as patched:
        patched.setattr(Model, "embed_async", spoilt)
        with pytest.raises(WorkbenchError, match="embeddings are zero, not finite or not of unit"):
            benchmark.embed()
    assert benchmark.chunks() == []
    assert not list(benchmark.workspace.embeddings.glob("[!.]*"))


# The query goes through the same


@pytest.mark.slow
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
def test_a_query_is_encoded_as_the_images_of_the_index(
    benchmark: BenchmarkQueries, config: EmbedConfig
) -> None:
    embeddings = benchmark.embed(config)
    made = finish(build_index(benchmark.workspace, embeddings.id, IndexConfig()))
    delete_artifact(benchmark.workspace.embeddings, embeddings.id)

    index = open_index(benchmark.workspace, made.id)
    rows = benchmark.dataset.catalog.rows()
    for row in rows[::7]:
        path = benchmark.dataset.path_of(row)
        found = search_workspace(benchmark.workspace, made.id, path, SearchOptions(k=1)).matches[0]
        assert found.image_id == row.id
        assert found.similarity == pytest.approx(1, abs=1e-3)
    assert index.encoding.flip == config.flip
    assert (index.encoding.whitening is not None) == config.whiten


def test_an_index_without_encoding_settings_has_the_defaults(
    benchmark: BenchmarkQueries,
) -> None:
    made_from = {"model": "net", "model_fingerprint": "some"}
    assert read_encoding(benchmark.root, made_from, {"image_size": 32}) == Encoding(
        model="net", model_fingerprint="some", flip=False, precision=Precision.FLOAT32
    )


def test_options_of_embeddings_embed_the_same_again(
    benchmark: BenchmarkQueries,
) -> None:
    how = EmbedConfig(flip=True, whiten=True, precision=Precision.FLOAT32)
    which = ImageFilter(labels=("red", "blue"), aspect=(0.5, 2.0))
    embeddings = benchmark.embed(how, which)
    index = finish(build_index(benchmark.workspace, embeddings.id, IndexConfig()))
    for manifest in (embeddings, index, open_index(benchmark.workspace, index.id).manifest):
        assert read_embed_config(manifest) == (how, which)
        parser = build_parser()
        options = parser.parse_args(
            ["index", "--dataset", "colors", "--model", "net", *embed_arguments(manifest)]
        )
        assert read_options(options, EmbedConfig) == how
        assert read_image_options(options) == which


def test_an_index_is_updated_with_its_own_encoding(benchmark: BenchmarkQueries) -> None:
    which = ImageFilter(labels=("red",))
    embeddings = benchmark.embed(replace(FLOAT32, flip=True), which)
    index = finish(build_index(benchmark.workspace, embeddings.id, IndexConfig()))
    speckled("red", seed=100).save(benchmark.root / "red" / "100.png")
    speckled("blue", seed=100).save(benchmark.root / "blue" / "100.png")
    finish(rescan(benchmark.workspace, "colors"))
    catalog = benchmark.dataset.catalog
    updated = finish(update_index(benchmark.workspace, index.id))
    assert (updated.summary["count"], updated.summary["num_added"]) == (13, 1)
    assert read_embed_config(updated) == (replace(FLOAT32, flip=True), which)
    assert open_index(benchmark.workspace, updated.id).store.count == catalog.count(which)


def test_an_encoder_gives_probabilities_as_the_model_does(benchmark: BenchmarkQueries) -> None:
    encoding = Encoding(
        model="net", model_fingerprint=benchmark.model.manifest.fingerprint, flip=True
    )
    pixels = benchmark.pixels()[:3]
    embeddings, probabilities = Encoder(benchmark.model, encoding).embed(pixels)
    assert (embeddings.shape, embeddings.dtype.name) == ((3, 8), "float32")
    assert (probabilities.shape, probabilities.dtype.name) == ((3, 3), "float32")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_model_is_loaded_only_if_there_is_something_to_embed(
    benchmark: BenchmarkQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark.embed()

    def refused(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("core.embeddings.embed.load_model", refused)
    assert benchmark.embed(images=ImageFilter(labels=("blue",))).summary["num_reused"] == 12

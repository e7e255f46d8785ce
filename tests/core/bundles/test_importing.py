"""Bundles: exported on one machine, imported on another."""

import errno
import hashlib
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import cli
from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.bundles.export import export_bundle
from core.bundles.file import thumbnail_entry
from core.bundles.importing import import_bundle
from core.datasets.columns import Split
from core.datasets.curation import relabel
from core.datasets.importing.scan import rescan
from core.datasets.registry import Dataset, open_dataset, write_roots
from core.embeddings.config import EmbedConfig, Precision
from core.embeddings.embed import embed_dataset
from core.embeddings.files import open_embeddings
from core.errors import MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index, open_index
from core.lineage.graph import read_lineage
from core.progress import Stop, finish
from core.query.query import SearchOptions
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, speckled
from tests.factories.networks import publish_network
from tests.factories.queries import search_workspace

pytestmark = pytest.mark.usefixtures("small_networks")

SIDE = 32
ODD_LABEL = "a/b: “größer”"
CONFIG = EmbedConfig(flip=True, whiten=True, precision=Precision.FLOAT32)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A home with an index of three colors, one image of an odd class among them."""
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("origin"))
    root = class_folders(workspace.home / "in", red=12, green=12, blue=12)
    (root / "red" / "000.png").rename(root / "red" / "000.jpeg.png")
    dataset = bring_in(workspace, root)
    relabel(dataset.catalog, [3], ODD_LABEL)
    model = publish_network(workspace, side=SIDE, backbone="resnet18", dimension=8)
    embeddings = finish(embed_dataset(workspace, dataset.name, model.id, CONFIG))
    finish(build_index(workspace, embeddings.id, IndexConfig(kind="hnsw")))
    return workspace


@pytest.fixture(scope="module")
def bundle(origin: Workspace) -> Path:
    return finish(export_bundle(origin, only_index(origin).id))


def only_index(workspace: Workspace) -> Manifest:
    [index] = read_lineage(workspace).indexes
    return index


def matches_of(workspace: Workspace, image: Path) -> dict[str, Any]:
    index = only_index(workspace).id
    return search_workspace(workspace, index, image, SearchOptions(k=5)).as_json()


def is_empty(workspace: Workspace) -> bool:
    folders = (workspace.datasets, *workspace.artifacts.values())
    return not any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def change(bundle: Path, to: Path, **entries: bytes | None) -> Path:
    """Write the bundle with other contents of some entries, `/` written as `__`; None drops one."""
    changed = {name.replace("__", "/").replace("_DOT_", "."): new for name, new in entries.items()}
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(to, "w") as new:
        names = [*old.namelist(), *(name for name in changed if name not in old.namelist())]
        for name in names:
            content = changed[name] if name in changed else old.read(name)
            if content is not None:
                new.writestr(name, content)
    return to


def entry(bundle: Path, name: str) -> bytes:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name)


def flipped(content: bytes, at: int = -20) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 0xFF
    return bytes(changed)


@pytest.mark.slow
def test_an_imported_bundle_gives_the_same_matches(
    origin: Workspace, bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    manifest = finish(import_bundle(workspace, bundle, "there"))
    assert manifest.made_from["dataset"] == "there"
    speckled("green", seed=99).save(image := tmp_path / "query.png")
    ours, theirs = matches_of(origin, image), matches_of(workspace, image)
    facts = [
        [(match["image_id"], match["label"]) for match in result["matches"]]
        for result in (ours, theirs)
    ]
    assert facts[0] == facts[1]
    assert len(facts[0]) == 5
    assert ours["prediction"] == theirs["prediction"]


@pytest.mark.slow
def test_images_have_the_same_ids_classes_and_splits(
    origin: Workspace, bundle: Path, workspace: Workspace
) -> None:
    finish(import_bundle(workspace, bundle, "there"))
    here, there = open_dataset(origin, "colors").catalog, open_dataset(workspace, "there").catalog
    facts = [[(row.id, row.label, row.split) for row in c.rows()] for c in (here, there)]
    assert facts[0] == facts[1]
    assert (3, ODD_LABEL) in [(i, label) for i, label, _ in facts[1]]
    assert {split for _, _, split in facts[1]} == set(Split)


def test_nothing_is_stale_and_nothing_has_to_be_embedded(
    bundle: Path, workspace: Workspace
) -> None:
    index = finish(import_bundle(workspace, bundle, "there"))
    lineage = read_lineage(workspace)
    made = [*lineage.models, *lineage.embeddings, *lineage.indexes]
    assert [lineage.stale_reason(artifact) for artifact in made] == ["", "", ""]
    again = finish(embed_dataset(workspace, "there", index.made_from["model"], CONFIG))
    assert again.id == index.made_from["embeddings"]


def test_a_rescan_finds_no_changes(bundle: Path, workspace: Workspace) -> None:
    index = finish(import_bundle(workspace, bundle, "there"))
    dataset = open_dataset(workspace, "there")
    before = dataset.catalog.rows()
    finish(rescan(workspace, "there"))
    assert dataset.catalog.rows() == before
    assert read_lineage(workspace).stale_reason(index) == ""


def test_thumbnails_are_in_folders_by_class(bundle: Path, workspace: Workspace) -> None:
    finish(import_bundle(workspace, bundle, "there"))
    dataset = open_dataset(workspace, "there")
    paths = [dataset.path_of(row) for row in dataset.catalog.rows()]
    assert all(path.is_file() and path.suffix == ".jpg" for path in paths)
    assert len(set(paths)) == 36
    assert not [path for path in paths if path.name.startswith(".")]
    root = dataset.folder / "images"
    assert all(len(path.relative_to(root).parts) == 2 for path in paths)


@pytest.mark.slow
def test_a_bundle_is_imported_twice_under_two_names(bundle: Path, workspace: Workspace) -> None:
    finish(import_bundle(workspace, bundle, "one"))
    finish(import_bundle(workspace, bundle, "two"))
    lineage = read_lineage(workspace)
    assert set(lineage.datasets) == {"one", "two"}
    assert {model.id for model in lineage.models} == {"some", "some-2"}
    assert {index.made_from["model"] for index in lineage.indexes} == {"some", "some-2"}


@pytest.mark.slow
def test_an_imported_bundle_can_be_exported(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    index = finish(import_bundle(workspace, bundle, "there"))
    again = finish(export_bundle(workspace, index.id))
    third = Workspace(tmp_path / "third")
    assert finish(import_bundle(third, again, "third")).summary["count"] == 36


@pytest.mark.slow
def test_unreadable_images_have_no_thumbnail(workspace: Workspace, tmp_path: Path) -> None:
    torch.manual_seed(0)
    root = class_folders(tmp_path / "in", red=6, blue=6)
    dataset = bring_in(workspace, root)
    model = publish_network(workspace, side=SIDE, backbone="resnet18", dimension=8)
    embeddings = finish(embed_dataset(workspace, dataset.name, model.id))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    shutil.rmtree(dataset.thumbnails, ignore_errors=True)
    gone = dataset.catalog.rows()[0]
    dataset.path_of(gone).unlink()
    path = finish(export_bundle(workspace, index.id))
    other = Workspace(tmp_path / "other")
    opened = finish(import_bundle(other, path, "there"))
    assert opened.summary["count"] == 12
    assert gone.id not in [row.id for row in open_dataset(other, "there").catalog.rows()]
    assert other_ids(other, opened) == list(range(1, 13))


def test_an_index_without_readable_images_is_not_exported(
    origin: Workspace, tmp_path: Path
) -> None:
    home = Workspace(tmp_path / "copy")
    shutil.copytree(origin.home, home.home)
    dataset = open_dataset(home, "colors")
    write_roots(dataset, [replace(root, path=tmp_path / "gone") for root in dataset.roots])
    shutil.rmtree(dataset.thumbnails, ignore_errors=True)
    with pytest.raises(WorkbenchError, match="None of the 36 images can be read"):
        finish(export_bundle(home, only_index(home).id))


def other_ids(workspace: Workspace, index: Manifest) -> list[int]:
    ids: list[int] = open_index(workspace, index.id).faiss.image_ids.tolist()
    return ids


@pytest.mark.slow
def test_images_removed_from_the_index_stay_removed(
    origin: Workspace, tmp_path: Path, workspace: Workspace
) -> None:
    home = Workspace(tmp_path / "copy")
    shutil.copytree(origin.home, home.home)
    opened = open_index(home, only_index(home).id, writable=True)
    opened.store.remove(np.array([5]))
    from core.indexes.files import publish_index

    embeddings = open_embeddings(home, opened.embeddings)
    config = IndexConfig(kind="hnsw")
    less = finish(publish_index(home, embeddings, opened.store, config, summary={}))
    path = finish(export_bundle(home, less.id))
    there = finish(import_bundle(workspace, path, "there"))
    assert there.summary["count"] == 35
    assert 5 not in other_ids(workspace, there)


# Invalid bundles

Damage = Callable[[Path, Path], Path]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def with_images(bundle: Path, to: Path, lines: bytes) -> Path:
    """Write the bundle with another list of images and its checksum."""
    description = json.loads(entry(bundle, "bundle.json")) | {"images.jsonl": sha256(lines)}
    return change(
        bundle, to, images_DOT_jsonl=lines, bundle_DOT_json=json.dumps(description).encode()
    )


def with_first_image(bundle: Path, **facts: object) -> bytes:
    """Return the list of images with other values for the first one."""
    first, *rest = entry(bundle, "images.jsonl").decode().splitlines()
    return "\n".join([json.dumps(json.loads(first) | facts), *rest]).encode()


def version(bundle: Path, to: Path) -> Path:
    description = json.loads(entry(bundle, "bundle.json")) | {"version": 2}
    return change(bundle, to, bundle_DOT_json=json.dumps(description).encode())


def of_another_model(bundle: Path, to: Path) -> Path:
    """Write the bundle with another valid model."""
    workspace = Workspace(to.parent / "another")
    model = publish_network(workspace, side=SIDE, backbone="resnet18", dimension=8)
    folder = workspace.models / model.id
    return change(
        bundle,
        to,
        model__model_DOT_safetensors=(folder / "model.safetensors").read_bytes(),
        model__manifest_DOT_json=(folder / "manifest.json").read_bytes(),
    )


def cut(bundle: Path, to: Path) -> Path:
    to.write_bytes(bundle.read_bytes()[:-3000])
    return to


def flip_in_place(bundle: Path, to: Path) -> Path:
    """Flip a byte of the stored vectors, which the zip's own checksum shows."""
    content = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        at = archive.getinfo("embeddings/vectors.npy").header_offset + 600
    to.write_bytes(flipped(content, at))
    return to


def no_zip(bundle: Path, to: Path) -> Path:
    to.write_bytes(b"no zip at all")
    return to


def packed_again(bundle: Path, to: Path) -> Path:
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return to


def twice(bundle: Path, to: Path) -> Path:
    shutil.copy(bundle, to)
    with warnings.catch_warnings(), zipfile.ZipFile(to, "a") as archive:
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr(thumbnail_entry(1), b"other")
    return to


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no zip": (no_zip, "is not a bundle of this app, or was cut off"),
    "cut off": (cut, "is not a bundle of this app, or was cut off"),
    "a zip of something else": (
        lambda b, to: change(b, to, bundle_DOT_json=None),
        "is not a bundle of this app",
    ),
    "no description": (
        lambda b, to: change(b, to, bundle_DOT_json=b"[]"),
        "is not a bundle of this app",
    ),
    "another version": (version, "is a bundle of version 2, and 1 is read here"),
    "packed again": (packed_again, "was packed again by another program"),
    "a name twice": (twice, "has two entries of one name"),
    "a name that leads out": (
        lambda b, to: change(b, to, **{"../evil.jpg": b"x"}),
        "has an entry “../evil.jpg”, which no bundle has",
    ),
    "a hidden name": (
        lambda b, to: change(b, to, **{"model/.hidden": b"x"}),
        "has an entry “model/.hidden”",
    ),
    "a flipped byte": (flip_in_place, "is damaged at embeddings/vectors.npy"),
    "another index": (
        lambda b, to: change(
            b, to, index__index_DOT_faiss=flipped(entry(b, "index/index.faiss"), 40)
        ),
        "index/index.faiss is damaged",
    ),
    "no index": (
        lambda b, to: change(b, to, index__index_DOT_faiss=None),
        "index/index.faiss is damaged",
    ),
    "no manifest": (
        lambda b, to: change(b, to, embeddings__manifest_DOT_json=None),
        "There is no “embeddings”",
    ),
    "another model": (of_another_model, "its embeddings belongs to another model"),
    "another list": (
        lambda b, to: change(b, to, images_DOT_jsonl=with_first_image(b, label="red")),
        "images.jsonl was changed",
    ),
    "another thumbnail": (
        lambda b, to: change(b, to, images__1_DOT_jpg=entry(b, "images/2.jpg")),
        "the thumbnail of image 1 was changed",
    ),
    "no thumbnail": (
        lambda b, to: change(b, to, images__1_DOT_jpg=None),
        "is damaged at images/1.jpg",
    ),
    "a thumbnail that is no image": (
        lambda b, to: with_images(
            change(b, to.with_suffix(".other"), images__1_DOT_jpg=b"text"),
            to,
            with_first_image(b, sha256=sha256(b"text")),
        ),
        "images/1.jpg is not an image",
    ),
    "an invalid id": (
        lambda b, to: with_images(b, to, with_first_image(b, id=True)),
        "describes an image in a way that no bundle does",
    ),
    "an id twice": (
        lambda b, to: with_images(b, to, with_first_image(b, id=2)),
        "describes an image twice",
    ),
    "an invalid split": (
        lambda b, to: with_images(b, to, with_first_image(b, split="other")),
        "describes an image in a way that no bundle does",
    ),
    "a label of two lines": (
        lambda b, to: with_images(b, to, with_first_image(b, label="a\nb")),
        "describes an image in a way that no bundle does",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_an_invalid_bundle_is_refused_and_leaves_nothing(
    case: str, bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    damage, sentence = DAMAGES[case]
    path = damage(bundle, tmp_path / "given.zip")
    with pytest.raises(WorkbenchError) as raised:
        finish(import_bundle(workspace, path, "there"))
    assert sentence in str(raised.value)
    assert str(raised.value).startswith("given.zip ")
    assert is_empty(workspace)
    assert not (tmp_path / "evil.jpg").exists()


@pytest.mark.slow
def test_a_path_out_of_the_folder_becomes_a_file_in_it(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    lines = with_first_image(bundle, path="../../..", label="..")
    finish(import_bundle(workspace, with_images(bundle, tmp_path / "given.zip", lines), "there"))
    dataset: Dataset = open_dataset(workspace, "there")
    row = dataset.catalog.rows_by_id([1])[1]
    assert row.label == ".."
    path = dataset.path_of(row)
    assert path.resolve().is_relative_to((dataset.folder / "images").resolve())
    assert path.is_file()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("a/b", "cannot be used as a name"), ("taken", "There is a dataset “taken”")],
)
def test_an_invalid_or_taken_name_is_refused(
    name: str, sentence: str, bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=3, blue=3), "taken")
    with pytest.raises(WorkbenchError, match=sentence):
        finish(import_bundle(workspace, bundle, name))
    assert not read_lineage(workspace).models


def test_a_missing_file_raises_an_error(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="There is no file"):
        finish(import_bundle(workspace, tmp_path / "none.zip", "there"))


@pytest.mark.parametrize("step", ["import_content", "_publish_embeddings", "publish_index"])
def test_a_full_disk_leaves_nothing(
    step: str, bundle: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"core.bundles.importing.{step}", fail)
    with pytest.raises(OSError, match="No space"):
        finish(import_bundle(workspace, bundle, "there"))
    assert is_empty(workspace)


def test_a_disk_without_room_is_detected_before_anything_is_written(
    bundle: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.bundles.importing.SPARE_BYTES", 1 << 60)
    with pytest.raises(WorkbenchError, match="Free disk space, then import it again"):
        finish(import_bundle(workspace, bundle, "there"))
    assert is_empty(workspace)


@pytest.mark.slow
def test_an_import_stops_at_any_step_and_leaves_nothing(bundle: Path, workspace: Workspace) -> None:
    steps = 0
    while True:
        work = import_bundle(workspace, bundle, "there")
        try:
            for _ in range(steps + 1):
                next(work)
            work.throw(Stop())
        except Stop:
            assert is_empty(workspace)
            steps += 1
        except StopIteration:
            break
    assert steps >= 6


def test_an_index_whose_model_is_gone_cannot_be_exported(origin: Workspace, tmp_path: Path) -> None:
    home = Workspace(tmp_path / "copy")
    shutil.copytree(origin.home, home.home)
    delete_artifact(home.models, "some")
    with pytest.raises(MissingError, match="There is no “some”"):
        finish(export_bundle(home, only_index(home).id))


@pytest.mark.slow
def test_export_and_import_by_command(
    origin: Workspace,
    workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index = only_index(origin).id
    assert cli.main(["export-index", "--home", str(origin.home), "--index", index,
                     "--format", "bundle", "--json"]) == 0  # fmt: skip
    path = Path(json.loads(capsys.readouterr().out)["path"])
    given = tmp_path / "given.zip"
    shutil.copy(path, given)
    assert cli.main(["import-bundle", str(given), "--home", str(workspace.home),
                     "--name", "there", "--remove", "--json"]) == 0  # fmt: skip
    assert json.loads(capsys.readouterr().out)["id"] == only_index(workspace).id
    assert not given.exists()

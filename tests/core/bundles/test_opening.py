"""An index with all that it needs, as one file that opens on another machine."""

import errno
import hashlib
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import cli
from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.bundles.opening import open_bundle
from core.bundles.writing import export_bundle, picture_entry
from core.datasets.columns import Split
from core.datasets.curation import relabel
from core.datasets.importing.rescan import rescan
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.config import EmbedConfig, Precision
from core.embeddings.files import embed_dataset, open_embeddings
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


def ask(workspace: Workspace, picture: Path) -> dict[str, Any]:
    index = only_index(workspace).id
    return search_workspace(workspace, index, picture, SearchOptions(k=5)).as_json()


def is_empty(workspace: Workspace) -> bool:
    folders = (workspace.datasets, *workspace.artifacts.values())
    return not any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def change(bundle: Path, to: Path, **entries: bytes | None) -> Path:
    """Write the bundle with other contents of some entries, `/` written as `__`; None drops one."""
    wanted = {name.replace("__", "/").replace("_DOT_", "."): new for name, new in entries.items()}
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(to, "w") as new:
        names = [*old.namelist(), *(name for name in wanted if name not in old.namelist())]
        for name in names:
            content = wanted[name] if name in wanted else old.read(name)
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


def test_a_bundle_answers_elsewhere_as_at_home(
    origin: Workspace, bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    manifest = finish(open_bundle(workspace, bundle, "there"))
    assert manifest.made_from["dataset"] == "there"
    speckled("green", seed=99).save(picture := tmp_path / "query.png")
    ours, theirs = ask(origin, picture), ask(workspace, picture)
    facts = [
        [(match["image_id"], match["label"]) for match in answer["matches"]]
        for answer in (ours, theirs)
    ]
    assert facts[0] == facts[1]
    assert len(facts[0]) == 5
    assert ours["prediction"] == theirs["prediction"]


def test_images_keep_ids_classes_and_splits(
    origin: Workspace, bundle: Path, workspace: Workspace
) -> None:
    finish(open_bundle(workspace, bundle, "there"))
    here, there = open_dataset(origin, "colors").catalog, open_dataset(workspace, "there").catalog
    facts = [[(row.id, row.label, row.split) for row in c.rows()] for c in (here, there)]
    assert facts[0] == facts[1]
    assert (3, ODD_LABEL) in [(i, label) for i, label, _ in facts[1]]
    assert {split for _, _, split in facts[1]} == set(Split)


def test_nothing_is_stale_and_nothing_is_to_be_embedded(bundle: Path, workspace: Workspace) -> None:
    index = finish(open_bundle(workspace, bundle, "there"))
    lineage = read_lineage(workspace)
    made = [*lineage.models, *lineage.embeddings, *lineage.indexes]
    assert [lineage.stale_reason(artifact) for artifact in made] == ["", "", ""]
    again = finish(embed_dataset(workspace, "there", index.made_from["model"], CONFIG))
    assert again.id == index.made_from["embeddings"]


def test_a_second_scan_finds_the_pictures_as_they_are(bundle: Path, workspace: Workspace) -> None:
    index = finish(open_bundle(workspace, bundle, "there"))
    dataset = open_dataset(workspace, "there")
    before = dataset.catalog.rows()
    finish(rescan(workspace, "there"))
    assert dataset.catalog.rows() == before
    assert read_lineage(workspace).stale_reason(index) == ""


def test_pictures_lie_in_folders_of_their_classes(bundle: Path, workspace: Workspace) -> None:
    finish(open_bundle(workspace, bundle, "there"))
    dataset = open_dataset(workspace, "there")
    paths = [dataset.path_of(row) for row in dataset.catalog.rows()]
    assert all(path.is_file() and path.suffix == ".jpg" for path in paths)
    assert len(set(paths)) == 36
    assert not [path for path in paths if path.name.startswith(".")]
    root = dataset.folder / "images"
    assert all(len(path.relative_to(root).parts) == 2 for path in paths)


def test_the_same_bundle_opens_twice_under_two_names(bundle: Path, workspace: Workspace) -> None:
    finish(open_bundle(workspace, bundle, "one"))
    finish(open_bundle(workspace, bundle, "two"))
    lineage = read_lineage(workspace)
    assert set(lineage.datasets) == {"one", "two"}
    assert {model.id for model in lineage.models} == {"some", "some-2"}
    assert {index.made_from["model"] for index in lineage.indexes} == {"some", "some-2"}


def test_an_opened_bundle_can_be_packed_again(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    index = finish(open_bundle(workspace, bundle, "there"))
    again = finish(export_bundle(workspace, index.id))
    third = Workspace(tmp_path / "third")
    assert finish(open_bundle(third, again, "third")).summary["count"] == 36


def test_images_that_cannot_be_shown_any_more_have_no_picture(
    workspace: Workspace, tmp_path: Path
) -> None:
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
    opened = finish(open_bundle(other, path, "there"))
    assert opened.summary["count"] == 12
    assert gone.id not in [row.id for row in open_dataset(other, "there").catalog.rows()]
    assert other_ids(other, opened) == list(range(1, 13))


def other_ids(workspace: Workspace, index: Manifest) -> list[int]:
    ids: list[int] = open_index(workspace, index.id).faiss.image_ids.tolist()
    return ids


def test_images_taken_out_of_the_index_stay_out(
    origin: Workspace, tmp_path: Path, workspace: Workspace
) -> None:
    home = Workspace(tmp_path / "copy")
    shutil.copytree(origin.home, home.home)
    opened = open_index(home, only_index(home).id, writable=True)
    opened.store.remove(np.array([5]))
    from core.indexes.files import publish_index

    embeddings = open_embeddings(home, opened.embeddings)
    config = IndexConfig(kind="hnsw")
    less = publish_index(home, embeddings, opened.store, config, summary={})
    path = finish(export_bundle(home, less.id))
    there = finish(open_bundle(workspace, path, "there"))
    assert there.summary["count"] == 35
    assert 5 not in other_ids(workspace, there)


# What is refused

Damage = Callable[[Path, Path], Path]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def with_pictures(bundle: Path, to: Path, lines: bytes) -> Path:
    """Write the bundle with another list of images, its checksum set right."""
    description = json.loads(entry(bundle, "bundle.json")) | {"images.jsonl": sha256(lines)}
    return change(
        bundle, to, images_DOT_jsonl=lines, bundle_DOT_json=json.dumps(description).encode()
    )


def first_picture(bundle: Path, **facts: object) -> bytes:
    """Return the list of images with other facts of the first one."""
    first, *rest = entry(bundle, "images.jsonl").decode().splitlines()
    return "\n".join([json.dumps(json.loads(first) | facts), *rest]).encode()


def version(bundle: Path, to: Path) -> Path:
    description = json.loads(entry(bundle, "bundle.json")) | {"version": 2}
    return change(bundle, to, bundle_DOT_json=json.dumps(description).encode())


def of_another_model(bundle: Path, to: Path) -> Path:
    """Give a bundle a model whose manifest is in order, but which is another one."""
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
        archive.writestr(picture_entry(1), b"other")
    return to


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no zip": (no_zip, "is no bundle of this app, or was cut off"),
    "cut off": (cut, "is no bundle of this app, or was cut off"),
    "a zip of something else": (
        lambda b, to: change(b, to, bundle_DOT_json=None),
        "is no bundle of this app",
    ),
    "no description": (
        lambda b, to: change(b, to, bundle_DOT_json=b"[]"),
        "is no bundle of this app",
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
        lambda b, to: change(b, to, images_DOT_jsonl=first_picture(b, label="red")),
        "images.jsonl was changed",
    ),
    "another picture": (
        lambda b, to: change(b, to, images__1_DOT_jpg=entry(b, "images/2.jpg")),
        "the picture of image 1 was changed",
    ),
    "no picture": (
        lambda b, to: change(b, to, images__1_DOT_jpg=None),
        "is damaged at images/1.jpg",
    ),
    "a picture that is none": (
        lambda b, to: with_pictures(
            change(b, to.with_suffix(".other"), images__1_DOT_jpg=b"text"),
            to,
            first_picture(b, sha256=sha256(b"text")),
        ),
        "images/1.jpg is not an image",
    ),
    "an id that is none": (
        lambda b, to: with_pictures(b, to, first_picture(b, id=True)),
        "describes an image in a way that no bundle does",
    ),
    "an id twice": (
        lambda b, to: with_pictures(b, to, first_picture(b, id=2)),
        "describes an image twice",
    ),
    "a split that is none": (
        lambda b, to: with_pictures(b, to, first_picture(b, split="other")),
        "describes an image in a way that no bundle does",
    ),
    "a label of two lines": (
        lambda b, to: with_pictures(b, to, first_picture(b, label="a\nb")),
        "describes an image in a way that no bundle does",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_what_is_no_sound_bundle_is_refused_whole(
    case: str, bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    damage, said = DAMAGES[case]
    path = damage(bundle, tmp_path / "given.zip")
    with pytest.raises(WorkbenchError) as raised:
        finish(open_bundle(workspace, path, "there"))
    assert said in str(raised.value)
    assert str(raised.value).startswith("given.zip ")
    assert is_empty(workspace)
    assert not (tmp_path / "evil.jpg").exists()


def test_a_path_out_of_the_folder_names_a_file_in_it(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    lines = first_picture(bundle, path="../../..", label="..")
    finish(open_bundle(workspace, with_pictures(bundle, tmp_path / "given.zip", lines), "there"))
    dataset: Dataset = open_dataset(workspace, "there")
    row = dataset.catalog.rows_by_id([1])[1]
    assert row.label == ".."
    path = dataset.path_of(row)
    assert path.resolve().is_relative_to((dataset.folder / "images").resolve())
    assert path.is_file()


@pytest.mark.parametrize(
    ("name", "said"), [("a/b", "cannot be used as a name"), ("taken", "There is a dataset “taken”")]
)
def test_a_name_that_cannot_be_or_is_taken_is_refused(
    name: str, said: str, bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=3, blue=3), "taken")
    with pytest.raises(WorkbenchError, match=said):
        finish(open_bundle(workspace, bundle, name))
    assert not read_lineage(workspace).models


def test_a_file_that_is_not_there_is_said(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="There is no file"):
        finish(open_bundle(workspace, tmp_path / "none.zip", "there"))


@pytest.mark.parametrize("step", ["import_content", "_publish_embeddings", "_publish_index"])
def test_a_full_disk_leaves_nothing(
    step: str, bundle: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"core.bundles.opening.{step}", fail)
    with pytest.raises(OSError, match="No space"):
        finish(open_bundle(workspace, bundle, "there"))
    assert is_empty(workspace)


def test_a_disk_without_room_is_said_before_anything_is_written(
    bundle: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.bundles.opening.SPARE_BYTES", 1 << 60)
    with pytest.raises(WorkbenchError, match="Make room, then open it again"):
        finish(open_bundle(workspace, bundle, "there"))
    assert is_empty(workspace)


def test_opening_stops_at_any_step_and_leaves_nothing(bundle: Path, workspace: Workspace) -> None:
    steps = 0
    while True:
        work = open_bundle(workspace, bundle, "there")
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


def test_an_index_whose_model_is_gone_makes_no_bundle(origin: Workspace, tmp_path: Path) -> None:
    home = Workspace(tmp_path / "copy")
    shutil.copytree(origin.home, home.home)
    delete_artifact(home.models, "some")
    with pytest.raises(MissingError, match="There is no “some”"):
        finish(export_bundle(home, only_index(home).id))


def test_both_ways_by_command(
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

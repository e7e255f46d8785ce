"""Datasets whose images are in a bucket, on a real S3 server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.export.listing import Format
from core.datasets.export.run import ExportOptions, export_images
from core.datasets.importing.roots import add_root, relink
from core.datasets.importing.scan import Source, add_folder, rescan
from core.datasets.importing.sources import folder_source
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.datasets.verification import check_images
from core.embeddings.embed import embed_dataset
from core.embeddings.files import open_embeddings
from core.errors import UnfetchedImageError, UnreachableStoreError, WorkbenchError
from core.images.thumbnails import cache_thumbnails, thumbnail
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.net import object_listing, object_store
from core.net.cache_eviction import SIZE_VARIABLE
from core.net.object_cache import hold
from core.net.object_paths import folder_of
from core.net.remote_address import ROOTS_VARIABLE
from core.progress import Progress, finish
from core.workspace import PROJECT, Workspace
from tests.factories.images import class_folders, png, solid, speckled
from tests.storage.conftest import BUCKET, images
from tests.storage.server import KEY, SECRET, S3Server
from tests.support.commands import in_this_process

pytestmark = pytest.mark.scale

ADDRESS = f"s3://{BUCKET}/photos"


def put(server: S3Server, files: dict[str, bytes]) -> None:
    server.put(BUCKET, {f"photos/{path}": content for path, content in files.items()})


def imported(workspace: Workspace, address: str = ADDRESS, name: str = "far") -> Dataset:
    source = folder_source(folder_of(address))
    return finish(add_folder(workspace, name, source, SplitConfig()))


def bytes_in(cache: Path) -> int:
    return sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())


@pytest.fixture
def far(workspace: Workspace, s3: S3Server) -> Dataset:
    """A dataset of 50 images in a bucket, which were requested once."""
    put(s3, images(50))
    s3.asked_for("GET")
    return imported(workspace)


@pytest.fixture
def few(workspace: Workspace, s3: S3Server) -> Dataset:
    """A dataset of 12 images in a bucket."""
    put(s3, images(12))
    return imported(workspace)


def test_a_bucket_is_imported_like_a_folder(
    workspace: Workspace, far: Dataset, s3: S3Server, tmp_path: Path
) -> None:
    folder = tmp_path / "near"
    for path, content in images(50).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    near = finish(add_folder(workspace, "near", Source(root=folder), SplitConfig()))
    expected = [row._replace(modified_ns=0, added_s=0) for row in near.catalog.rows()]
    found = [row._replace(modified_ns=0, added_s=0) for row in far.catalog.rows()]
    assert found == expected
    assert s3.asked_for("GET") == sorted(f"photos/{path}" for path in images(50))
    [root] = json.loads((far.folder / "dataset.json").read_text())["roots"]
    assert root["path"] == ADDRESS
    assert far.place_of(found[0]) == f"{ADDRESS}/{found[0].path}"


def test_thumbnails_are_made_from_objects(few: Dataset, s3: S3Server) -> None:
    rows = few.catalog.rows()
    assert finish(check_images(few)) == 12
    cache_thumbnails([(few.path_of(row), row.sha256) for row in rows], few.thumbnails)
    made = [thumbnail(few.path_of(row), few.thumbnails, row.sha256) for row in rows]
    assert len({*made}) == 12
    assert few.catalog.problems() == []


@pytest.mark.usefixtures("small_networks")
def test_images_in_a_bucket_are_embedded_and_found_as_those_on_disk(
    workspace: Workspace, made_small: Path, s3: S3Server, cache: Path
) -> None:
    from tests.factories.workspaces import copy_workspace

    home = workspace.home / "home"
    copied = copy_workspace(made_small, home)
    near = open_dataset(copied, "colors")
    put(s3, {row.path: near.path_of(row).read_bytes() for row in near.catalog.rows()})
    far = imported(copied)
    model = next(copied.models.glob("*/manifest.json")).parent.name
    for folder in cache.glob("s3"):  # Nothing of the import is left
        for file in folder.rglob("*.png"):
            file.unlink()
    s3.asked_for("GET")
    manifest = finish(embed_dataset(copied, "far", model))
    embedded = open_embeddings(copied, manifest.id)
    local = next(p.parent.name for p in copied.embeddings.glob("colors*/manifest.json"))
    # Known by their content, without a request and without a pass through the network
    np.testing.assert_array_equal(embedded.vectors, open_embeddings(copied, local).vectors)
    assert s3.asked_for("GET") == []
    index = finish(build_index(copied, manifest.id, IndexConfig()))
    query = in_this_process(
        home, "query", "--index", index.id, str(near.path_of(near.catalog.rows()[4])), "--json"
    )
    assert query.status == 0, query.stderr
    assert far.catalog.count() == 30


@pytest.mark.usefixtures("small_networks")
def test_embedding_fetches_each_object_once(
    workspace: Workspace, made_small: Path, s3: S3Server, cache: Path
) -> None:
    far, model = _embeddable(workspace, made_small, s3)
    _forget(cache)
    s3.asked_for("GET")
    manifest = finish(embed_dataset(far[0], "far", model))
    assert manifest.summary["count"] == 30
    asked = s3.asked_for("GET")
    assert len(asked) == 30
    assert len({*asked}) == 30


def _embeddable(
    workspace: Workspace, made_small: Path, s3: S3Server
) -> tuple[tuple[Workspace, Dataset], str]:
    """Return a dataset in the bucket of images that no model has embedded, and a model's id."""
    from tests.factories.workspaces import copy_workspace

    copied = copy_workspace(made_small, workspace.home / "home")
    put(s3, {f"a/{n}.png": png(speckled("red", 100 + n)) for n in range(30)})
    model = next(copied.models.glob("*/manifest.json")).parent.name
    return (copied, imported(copied)), model


def _forget(cache: Path) -> None:
    for file in [*cache.rglob("*.png")]:
        file.unlink()


def test_a_rescan_fetches_only_what_is_new_or_has_changed(
    workspace: Workspace, far: Dataset, s3: S3Server
) -> None:
    paths = sorted(images(50))
    put(s3, {"red/new.png": png(speckled("red", 900))})
    put(s3, {paths[3]: png(speckled("red", 901))})
    s3.client.delete_object(Bucket=BUCKET, Key=f"photos/{paths[7]}")
    s3.client.delete_object(Bucket=BUCKET, Key=f"photos/{paths[9]}")
    put(s3, {"green/moved.png": images(50)[paths[9]]})
    s3.asked_for("GET")
    found = finish(rescan(workspace, "far"))
    counts = (found.num_new, found.num_changed, found.num_moved, found.num_gone)
    assert counts == (1, 1, 1, 1)
    new = [f"photos/{path}" for path in ("red/new.png", paths[3], "green/moved.png")]
    assert s3.asked_for("GET") == sorted(new)
    gone = [row.path for row in far.catalog.rows(ImageFilter(status=ImageStatus.PROBLEM))]
    assert gone == [paths[7]]
    again = finish(rescan(workspace, "far"))
    assert (again.num_new, again.num_changed, again.num_moved, again.num_gone) == (0, 0, 0, 0)
    assert s3.asked_for("GET") == []


def test_an_object_of_the_same_size_that_was_replaced_at_once_is_noticed(
    workspace: Workspace, s3: S3Server
) -> None:
    first, second = (solid("red").tobytes(), solid("blue").tobytes())
    header = b"P6 32 32 255 "
    put(s3, {"a.ppm": header + first})
    imported(workspace)
    put(s3, {"a.ppm": header + second})  # Within the second that S3's times have
    assert finish(rescan(workspace, "far")).num_changed == 1


def test_the_cache_stays_within_its_bound_and_fetches_again_what_it_removed(
    far: Dataset, s3: S3Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = sum(len(content) for content in images(50).values())
    assert bytes_in(cache) == total
    bound = total // 4
    monkeypatch.setenv(SIZE_VARIABLE, str(bound / 1e9))
    files = [far.path_of(row) for row in far.catalog.rows()]
    s3.asked_for("GET")
    for _ in range(2):
        for start in range(0, 50, 10):
            with hold(files[start : start + 10]) as held:
                for file, wanted in zip(held, images(50).values(), strict=False):
                    assert isinstance(file, Path)
                    assert file.stat().st_size > 0
                    del wanted
            assert bytes_in(cache) <= bound
    assert len(s3.asked_for("GET")) >= 50
    with hold(files) as held:  # More than the bound at once: all are there while they are held
        contents = {file.read_bytes() for file in held if isinstance(file, Path)}
    assert contents == {*images(50).values()}
    assert bytes_in(cache) <= bound


def test_several_processes_share_the_cache(few: Dataset, s3: S3Server, cache: Path) -> None:
    _forget(cache)
    code = (
        "import sys; from pathlib import Path; from core.net.object_cache import hold\n"
        "files = [Path(name) for name in sys.argv[1:]]\n"
        "for _ in range(5):\n"
        "    with hold(files) as held: print(sum(len(f.read_bytes()) for f in held))\n"
    )
    files = [few.file_of(row) for row in few.catalog.rows()]
    bound = {SIZE_VARIABLE: "0.00002"}  # 20 kB
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, *files],
            cwd=PROJECT,
            env=os.environ | bound,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    total = sum(len(content) for content in images(12).values())
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert output.split() == [str(total)] * 5
    assert bytes_in(cache) <= 20_000
    assert [*cache.glob(".held/*")] == []


def test_a_damaged_file_of_the_cache_is_fetched_again(few: Dataset, s3: S3Server) -> None:
    row = few.catalog.rows()[0]
    file = few.path_of(row)
    file.write_bytes(b"x" * row.size_bytes)
    with hold([file]) as [held]:
        assert isinstance(held, Path)
        assert held.read_bytes() == images(12)[row.path]
    assert file.read_bytes() == images(12)[row.path]


def test_objects_that_vanished_or_changed_are_problems_of_their_images(
    few: Dataset, s3: S3Server, cache: Path
) -> None:
    rows = few.catalog.rows()
    _forget(cache)
    s3.client.delete_object(Bucket=BUCKET, Key=f"photos/{rows[0].path}")
    put(s3, {rows[1].path: png(speckled("red", 900))})
    with hold([few.path_of(row) for row in rows[:3]]) as [gone, other, good]:
        assert str(gone) == f"{ADDRESS}/{rows[0].path} does not exist. Rescan the dataset."
        assert isinstance(other, UnfetchedImageError)
        assert other.problem == f"{ADDRESS}/{rows[1].path} has changed since the last scan."
        assert isinstance(good, Path)
    finish(check_images(few))
    problems = {row.path: row.problem for row in few.catalog.problems()}
    assert [*problems] == [rows[0].path, rows[1].path]


def test_credentials_that_are_wrong_are_one_sentence(
    workspace: Workspace, few: Dataset, s3: S3Server
) -> None:
    s3.require_credentials()
    with pytest.raises(WorkbenchError, match="refuses the credentials") as refused:
        finish(rescan(workspace, "far"))
    assert SECRET not in str(refused.value)
    assert KEY not in str(refused.value)
    assert few.catalog.count() == 12


def test_a_public_bucket_is_read_without_credentials(
    workspace: Workspace, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = {f"photos/{path}": content for path, content in images(3).items()}
    s3.put(BUCKET, public, acl="public-read")
    put(s3, {"red/private.png": png(speckled("red", 90))})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    dataset = imported(workspace)
    assert dataset.catalog.count() == 3
    [refused] = dataset.catalog.problems()
    assert refused.path == "red/private.png"
    assert str(refused.problem).endswith("may not be read: the server does not permit it.")


@pytest.mark.usefixtures("small_networks")
def test_a_server_that_dies_ends_a_job_with_a_sentence_and_leaves_the_dataset(
    workspace: Workspace, made_small: Path, s3: S3Server, cache: Path
) -> None:
    (copied, dataset), model = _embeddable(workspace, made_small, s3)
    _forget(cache)
    rows = dataset.catalog.rows()
    with hold([dataset.path_of(row) for row in rows[:10]]):
        pass
    s3.kill()
    with pytest.raises(UnreachableStoreError, match="cannot be reached"):
        finish(embed_dataset(copied, "far", model))
    with hold([dataset.path_of(row) for row in rows[:10]]) as held:  # What is in the cache
        assert all(isinstance(file, Path) for file in held)
    with pytest.raises(WorkbenchError, match="cannot be reached"):
        finish(rescan(copied, "far"))
    assert dataset.catalog.problems() == []
    s3.start()
    s3.empty(BUCKET)
    put(s3, {row.path: png(speckled("red", 100 + int(row.path[2:-4]))) for row in rows})
    object_store._away.clear()
    assert finish(embed_dataset(copied, "far", model)).summary["count"] == 30


def test_a_server_that_dies_during_an_import_leaves_no_dataset(
    workspace: Workspace, s3: S3Server
) -> None:
    put(s3, images(200))
    steps = add_folder(workspace, "far", folder_source(folder_of(ADDRESS)), SplitConfig())
    with pytest.raises(UnreachableStoreError, match="cannot be reached"):  # noqa: PT012
        for step in steps:
            if isinstance(step, Progress) and step.done:
                s3.kill()
    assert [*workspace.datasets.iterdir()] == []


def test_annotations_beside_the_images_are_found(workspace: Workspace, s3: S3Server) -> None:
    put(s3, {f"all/{n}.png": png(speckled("red", n)) for n in range(4)})
    table = "file_name,label\n" + "".join(f"all/{n}.png,{'ab'[n % 2]}\n" for n in range(4))
    put(s3, {"labels.csv": table.encode()})
    dataset = imported(workspace)
    assert [row.label for row in dataset.catalog.rows()] == ["a", "b", "a", "b"]
    put(s3, {"labels.csv": table.replace(",a\n", ",c\n").encode()})
    assert finish(rescan(workspace, "far")).num_relabeled == 2


def test_yolo_labels_are_found(workspace: Workspace, s3: S3Server) -> None:
    put(s3, {f"images/train/{n}.png": png(speckled("red", n)) for n in range(3)})
    put(s3, {f"labels/train/{n}.txt": b"0 0.5 0.5 0.5 0.5\n" for n in range(3)})
    put(s3, {"data.yaml": b"train: images/train\nval: images/train\nnames: [cat]\n"})
    dataset = imported(workspace)
    assert [row.label for row in dataset.catalog.rows()] == ["cat"] * 3
    boxes = dataset.catalog.boxes_of([row.id for row in dataset.catalog.rows()])
    assert [len(each) for each in boxes.values()] == [1, 1, 1]


def test_a_bucket_joins_a_dataset_on_disk_and_replaces_a_folder(
    workspace: Workspace, s3: S3Server, tmp_path: Path
) -> None:
    folder = class_folders(tmp_path / "near", red=3)
    finish(add_folder(workspace, "near", Source(root=folder), SplitConfig()))
    put(s3, images(6))
    added = finish(add_root(workspace, "near", folder_of(ADDRESS)))
    assert added.num_new == 6
    with pytest.raises(WorkbenchError, match=f"{ADDRESS}/red and {ADDRESS}, which “near” has"):
        finish(add_root(workspace, "near", folder_of(f"{ADDRESS}/red")))
    moved = {f"red/{n:03}.png": (folder / f"red/{n:03}.png").read_bytes() for n in range(3)}
    s3.put(BUCKET, {f"moved/{path}": content for path, content in moved.items()})
    changes = finish(relink(workspace, "near", 0, folder_of(f"s3://{BUCKET}/moved")))
    assert (changes.num_new, changes.num_gone) == (0, 0)
    with pytest.raises(WorkbenchError, match="only 0 are in s3://pictures/photos/blue"):
        finish(relink(workspace, "near", 0, folder_of(f"{ADDRESS}/blue")))


def test_exports_have_the_contents_and_addresses(
    workspace: Workspace, few: Dataset, cache: Path
) -> None:
    _forget(cache)
    export = finish(export_images(workspace, few, ExportOptions(format=Format.FOLDER)))
    copied = {path.read_bytes() for path in export.path.rglob("*.png")}
    assert copied == {*images(12).values()}
    table = finish(export_images(workspace, few, ExportOptions(format=Format.CSV))).path
    assert f"{ADDRESS}/red/000.png" in table.read_text()
    assert str(cache) not in table.read_text()
    with pytest.raises(WorkbenchError, match="no file to link to; export copies instead"):
        finish(export_images(workspace, few, ExportOptions(format=Format.LINKS)))


def test_credentials_are_in_no_file(workspace: Workspace, few: Dataset) -> None:
    finish(check_images(few))
    for path in workspace.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content, path
            assert KEY.encode() not in content, path


def test_odd_keys_are_imported_or_skipped_with_a_reason(workspace: Workspace, s3: S3Server) -> None:
    good = ("a b/ü?#%2F&+.png", "a:b.png", "'\".png")
    put(s3, {path: png(speckled("red", n)) for n, path in enumerate(good)})
    put(s3, dict.fromkeys(("a//b.png", "../c.png", f"{'n' * 200}.png", "folder/"), b"x"))
    dataset = imported(workspace)
    assert {row.path for row in dataset.catalog.rows()} == {*good}
    assert dataset.catalog.problems() == []
    finish(check_images(dataset))
    assert dataset.catalog.problems() == []
    skipped = json.loads((dataset.folder / "skipped.json").read_text())
    assert skipped["counts"] == {"name that cannot be used": 3}


def test_only_allowed_buckets_are_read(
    workspace: Workspace, few: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOTS_VARIABLE, f"s3://other/ {ADDRESS}")
    assert finish(rescan(workspace, "far")).num_new == 0
    monkeypatch.setenv(ROOTS_VARIABLE, "")
    with pytest.raises(WorkbenchError, match="This server does not read images from s3://pictures"):
        finish(rescan(workspace, "far"))
    _forget(cache)
    assert open_dataset(workspace, "far").catalog.count() == 12  # It can still be looked at
    with (
        pytest.raises(UnreachableStoreError, match="does not read images"),
        hold([few.path_of(few.catalog.rows()[0])]),
    ):
        pass


def test_missing_buckets_and_empty_prefixes_are_sentences(
    workspace: Workspace, s3: S3Server
) -> None:
    with pytest.raises(WorkbenchError, match=r"There is no bucket nowhere"):
        imported(workspace, "s3://nowhere/a")
    with pytest.raises(WorkbenchError, match=r"There are no images at s3://pictures/empty"):
        imported(workspace, f"s3://{BUCKET}/empty")


def test_the_command_imports_a_bucket(workspace: Workspace, s3: S3Server) -> None:
    put(s3, images(6))
    seen = in_this_process(workspace.home, "scan", ADDRESS, "--dry-run", "--json").result
    assert seen["num_images"] == 6
    made = in_this_process(workspace.home, "scan", ADDRESS, "--name", "far", "--json").result
    assert made["num_images"] == 6
    refused = in_this_process(
        workspace.home, "scan", f"{ADDRESS}?X-Amz-Signature=abc", "--name", "x"
    )
    assert refused.status == 1
    assert "abc" not in refused.stderr


def test_a_listing_of_several_pages_is_complete(
    workspace: Workspace, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_listing, "KEYS_A_PAGE", 10)
    put(s3, images(25))
    dataset = imported(workspace)
    assert {row.path for row in dataset.catalog.rows()} == {*images(25)}
    assert dataset.roots[0].shown == ADDRESS

"""Bundles that are signed correctly, but whose parts are not what they say."""

import hashlib
import resource
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.artifacts.manifests import read_manifest, write_manifest
from core.bundles.export import export_bundle
from core.bundles.importing import import_bundle
from core.embeddings.embed import embed_dataset
from core.embeddings.unit_rows import unit
from core.errors import WorkbenchError
from core.files import sha256_of
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import read_lineage
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.networks import publish_network

pytestmark = pytest.mark.usefixtures("small_networks")

Floats = NDArray[np.float32]
CONFIG = IndexConfig(kind="hnsw")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a right bundle of 45 images."""
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("origin"))
    dataset = bring_in(workspace, class_folders(workspace.home / "in", red=15, green=15, blue=15))
    model = publish_network(workspace, side=32, backbone="resnet18", dimension=8)
    embeddings = finish(embed_dataset(workspace, dataset.name, model.id))
    index = finish(build_index(workspace, embeddings.id, CONFIG))
    return finish(export_bundle(workspace, index.id))


def forge(
    bundle: Path,
    folder: Path,
    *,
    vectors: Callable[[Floats], Floats] = lambda rows: rows,
    ids: Callable[[NDArray[np.int64]], NDArray[np.int64]] = lambda ids: ids,
    index: Callable[[Floats], faiss.Index] | None = None,
) -> Path:
    """Change embeddings and index of a bundle, and sign all of it again.

    `index` makes another index of the embeddings before the change; None builds one of the changed
    ones.
    """
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    embeddings, of_index = folder / "embeddings", folder / "index"
    rows = np.load(embeddings / "vectors.npy")
    changed = vectors(rows.copy())
    np.save(embeddings / "vectors.npy", changed)
    image_ids = ids(np.load(embeddings / "image_ids.npy"))
    np.save(embeddings / "image_ids.npy", image_ids)
    if index is not None:
        faiss.write_index(index(rows), str(of_index / "index.faiss"))
    elif np.isfinite(changed).all() and changed.any():
        finish(build(unit(changed), image_ids, CONFIG)).write(of_index / "index.faiss")
    np.save(of_index / "image_ids.npy", image_ids)
    sign(embeddings)
    made = read_manifest(embeddings)
    sign(of_index, embeddings_fingerprint=made.fingerprint)
    return pack(folder, folder.parent / "forged.zip")


def sign(folder: Path, **made_from: str) -> None:
    """Write the manifest of a folder anew, with the checksums of its files."""
    manifest = read_manifest(folder)
    files = {name: sha256_of(folder / name) for name in manifest.files}
    write_manifest(folder, replace(manifest, files=files, made_from=manifest.made_from | made_from))


def pack(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return to


def hnsw(rows: Floats) -> faiss.Index:
    index = faiss.IndexHNSWFlat(rows.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.add(rows)
    return index


def permuted(rows: Floats) -> Floats:
    return rows[np.random.default_rng(1).permutation(len(rows))]


def random(rows: Floats) -> Floats:
    return unit(np.random.default_rng(1).normal(size=rows.shape).astype(np.float32))


def with_value(value: float, rows: slice) -> Callable[[Floats], Floats]:
    def change(vectors: Floats) -> Floats:
        vectors[rows] = value
        return vectors

    return change


def refused(path: Path, workspace: Workspace, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        finish(import_bundle(workspace, path, "there"))
    assert sentence in str(raised.value)
    lineage = read_lineage(workspace)
    made = (lineage.datasets, lineage.models, lineage.embeddings, lineage.indexes)
    assert not any(made)


@pytest.mark.slow
def test_a_bundle_that_is_packed_again_unchanged_is_imported(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    path = forge(bundle, tmp_path / "bundle")
    assert finish(import_bundle(workspace, path, "there")).summary["count"] == 45


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (permuted, "its embeddings are not those of its thumbnails"),
        (lambda rows: rows[::-1], "its embeddings are not those of its thumbnails"),
        (lambda rows: np.roll(rows, 15, axis=0), "its embeddings are not those of its thumbnails"),
        (random, "its embeddings are not those of its thumbnails"),
        (lambda rows: -rows, "its embeddings are not those of its thumbnails"),
        (with_value(np.nan, slice(3, 4)), "1 of 45 embeddings are zero, not finite"),
        (with_value(np.inf, slice(3, 5)), "2 of 45 embeddings are zero, not finite"),
        (with_value(0, slice(None)), "45 of 45 embeddings are zero, not finite"),
        (lambda rows: 2 * rows, "45 of 45 embeddings are zero, not finite or not of unit length"),
    ],
)
def test_embeddings_of_other_images_are_refused(
    bundle: Path,
    workspace: Workspace,
    tmp_path: Path,
    change: Callable[[Floats], Floats],
    sentence: str,
) -> None:
    path = forge(bundle, tmp_path / "bundle", vectors=lambda rows: change(rows).astype(np.float32))
    refused(path, workspace, sentence)


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: ids[::-1].copy(),
        lambda ids: np.where(ids == 2, 1, ids),
        lambda ids: ids - 1,
    ],
)
def test_ids_that_are_reversed_or_twice_are_refused(
    bundle: Path,
    workspace: Workspace,
    tmp_path: Path,
    change: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    path = forge(bundle, tmp_path / "bundle", ids=change)
    refused(path, workspace, "its image ids are not in order")


def id_map(rows: Floats) -> faiss.Index:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(rows.shape[1]))
    index.add_with_ids(rows, np.arange(len(rows), dtype=np.int64) + 1000)
    return index


def lists(rows: Floats) -> faiss.Index:
    index = faiss.index_factory(rows.shape[1], "IVF1,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    index.add_with_ids(rows, np.arange(len(rows), dtype=np.int64) + 1000)
    return index


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        (id_map, "index/index.faiss does not fit its manifest"),
        (lists, "its index has ids that are not rows"),
        (lambda rows: hnsw(permuted(rows)), "its index holds other vectors than its embeddings"),
        (lambda rows: hnsw(with_value(np.nan, slice(7, 8))(rows.copy())), "not finite"),
        (lambda rows: hnsw(with_value(0, slice(7, 8))(rows.copy())), "holds other vectors"),
        (lambda rows: hnsw(rows[:-1]), "does not fit its manifest"),
    ],
)
def test_an_index_of_other_embeddings_is_refused(
    bundle: Path,
    workspace: Workspace,
    tmp_path: Path,
    index: Callable[[Floats], faiss.Index],
    sentence: str,
) -> None:
    refused(forge(bundle, tmp_path / "bundle", index=index), workspace, sentence)


def test_an_index_that_names_an_image_twice_is_refused(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    forge(bundle, tmp_path / "bundle")
    folder = tmp_path / "bundle" / "index"
    ids = np.load(folder / "image_ids.npy")
    ids[4] = ids[5]
    np.save(folder / "image_ids.npy", ids)
    sign(folder)
    path = pack(tmp_path / "bundle", tmp_path / "twice.zip")
    refused(path, workspace, "its index names an image twice")


def test_a_bundle_without_pictures_is_refused(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    forge(bundle, tmp_path / "bundle")
    shutil.rmtree(tmp_path / "bundle" / "images")
    (tmp_path / "bundle" / "images.jsonl").write_bytes(b"")
    description = tmp_path / "bundle" / "bundle.json"
    before = hashlib.sha256(zipfile.ZipFile(bundle).read("images.jsonl")).hexdigest()
    text = description.read_text().replace(before, hashlib.sha256(b"").hexdigest())
    description.write_text(text)
    path = pack(tmp_path / "bundle", tmp_path / "bare.zip")
    refused(path, workspace, "it has no thumbnails, so its embeddings cannot be checked")


@pytest.mark.parametrize("name", ["embeddings/vectors.npy", "index/index.faiss", "images/1.jpg"])
def test_a_bundle_that_claims_gigabytes_is_refused_from_its_directory(
    bundle: Path, workspace: Workspace, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
        claimed = new.getinfo(name)
        claimed.file_size = claimed.compress_size = 2_560_000_000
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    refused(path, workspace, "given.zip says that it holds 2,56")
    assert time.perf_counter() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 50_000  # kB


def test_an_array_that_claims_gigabytes_is_refused_without_them(
    bundle: Path, workspace: Workspace, tmp_path: Path
) -> None:
    forge(bundle, tmp_path / "bundle")
    for part, name in (("index", "image_ids.npy"), ("embeddings", "image_ids.npy")):
        path = tmp_path / "bundle" / part / name
        content = path.read_bytes()
        path.write_bytes(content.replace(b"(45,), }" + b" " * 10, b"(320000000,), }   "))
        assert path.read_bytes() != content
        sign(tmp_path / "bundle" / part)
    made = read_manifest(tmp_path / "bundle" / "embeddings")
    sign(tmp_path / "bundle" / "index", embeddings_fingerprint=made.fingerprint)
    path = pack(tmp_path / "bundle", tmp_path / "given.zip")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, workspace, "given.zip cannot be used")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 50_000


def test_a_whitening_that_inflates_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    from core.embeddings.whitening import read_whitening

    with zipfile.ZipFile(tmp_path / "whitening.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mean.npy", bytes(5_000_000))
    with pytest.raises(WorkbenchError, match=r"whitening\.npz was not written by this app"):
        read_whitening(tmp_path)

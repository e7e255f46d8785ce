"""Upgrades of manifests of version 1: names, and what a crash between two steps leaves."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from core.artifacts import manifests
from core.artifacts.folders import open_artifact
from core.artifacts.manifests import MANIFEST, Manifest, read_manifest
from core.artifacts.upgrades import upgrade_job, upgrade_manifest
from core.errors import DamagedArtifactError
from core.workspace import DISK_VERSION

FILES = {"kept.npy": b"kept", "points.npy": b"points"}


@pytest.fixture
def old_map(tmp_path: Path) -> Path:
    """Return the folder of a map as release 0.1.0 wrote it: without a version."""
    folder = tmp_path / "map"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    content: dict[str, Any] = {
        "kind": "map",
        "id": "map",
        "created": "2026-01-01T00:00:00+00:00",
        "config": {"neighbours": 15},
        "made_from": {"dataset": "pets"},
        "summary": {"kept": 0.5},
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()},
        "versions": {},
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(content | {"digest": digest}))
    return folder


def check_upgraded(folder: Path) -> Manifest:
    """Open an upgraded map, verify its files and return its manifest."""
    manifest = open_artifact(folder.parent, folder.name)
    assert manifest.disk_version == DISK_VERSION
    assert manifest.config == {"neighbors": 15}
    assert manifest.summary == {"preserved": 0.5}
    assert set(manifest.files) == {"preserved.npy", "points.npy"}
    assert (folder / "preserved.npy").read_bytes() == b"kept"
    return manifest


def test_an_upgrade_renames_files_and_keeps_the_fingerprint(old_map: Path) -> None:
    digest = json.loads((old_map / MANIFEST).read_text())["digest"]
    assert check_upgraded(old_map).fingerprint == digest
    assert {path.name for path in old_map.iterdir()} == {MANIFEST, "preserved.npy", "points.npy"}
    assert check_upgraded(old_map).fingerprint == digest


def test_a_crash_before_the_manifest_is_written_leaves_a_usable_artifact(
    old_map: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(folder: Path, manifest: Manifest) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(manifests, "write_manifest", crash)
        with pytest.raises(KeyboardInterrupt):
            read_manifest(old_map)
    assert {path.name for path in old_map.iterdir()} == {MANIFEST, "preserved.npy", *FILES}
    assert "kept.npy" in json.loads((old_map / MANIFEST).read_text())["files"]
    check_upgraded(old_map)
    assert not (old_map / "kept.npy").exists()


def test_a_crash_before_the_old_name_is_removed_leaves_a_usable_artifact(
    old_map: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def crash(path: Path, missing_ok: bool = False) -> None:
        if path.name in FILES:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(KeyboardInterrupt):
            read_manifest(old_map)
    assert (old_map / "kept.npy").exists()
    check_upgraded(old_map)


def test_another_process_may_upgrade_the_artifact_at_the_same_time(
    old_map: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_the_other(content: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        monkeypatch.setattr(manifests, "upgrade_manifest", upgrade_manifest)
        read_manifest(old_map)
        return upgrade_manifest(content)

    monkeypatch.setattr(manifests, "upgrade_manifest", after_the_other)
    read_manifest(old_map)
    check_upgraded(old_map)


def test_a_missing_file_is_named_when_the_upgraded_artifact_is_opened(old_map: Path) -> None:
    (old_map / "kept.npy").unlink()
    with pytest.raises(DamagedArtifactError, match=r"map/preserved\.npy is damaged"):
        open_artifact(old_map.parent, "map")


def test_class_names_equal_to_old_names_are_not_renamed() -> None:
    """Only names of the format change; classes and tags of a user are values or lie deeper."""
    summary = {
        "kept": 0.5,
        "lists": 4,
        "classes": ["kept", "lists", "neighbours"],
        "per_class": {"kept": 3, "lists": {"neighbours": 1}},
        "problems": {"kept.npy": "is damaged"},
        "intervals": {"neighbour_recall_at_10": [0.1, 0.2]},
    }
    config = {"labels": ["kept", "standing"], "baseline": "colour", "dataset": "trunk"}
    content = {"kind": "finders", "config": config, "summary": summary, "files": {}}
    upgraded, renamed = upgrade_manifest(content)
    assert renamed == {}
    assert upgraded["kind"] == "analysis"
    assert upgraded["config"] == config | {"baseline": "color"}
    assert upgraded["summary"] == {
        "preserved": 0.5,
        "nlist": 4,
        "classes": ["kept", "lists", "neighbours"],
        "per_class": {"kept": 3, "lists": {"neighbours": 1}},
        "problems": {"kept.npy": "is damaged"},
        "intervals": {"index_recall_at_10": [0.1, 0.2]},
    }


def test_a_job_names_its_dataset() -> None:
    assert upgrade_job({"id": "scan-1", "about": "pets"}) == {"id": "scan-1", "dataset": "pets"}

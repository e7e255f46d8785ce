import json
import os
import platform
from pathlib import Path

import pytest

from core.artifacts.folders import (
    delete_artifact,
    draft,
    list_artifacts,
    open_artifact,
    publish,
    remove_stale_drafts,
)
from core.artifacts.manifests import MANIFEST, Manifest, read_manifest
from core.errors import DamagedArtifactError, MissingError


def make(parent: Path, stem: str = "cats", content: bytes = b"weights") -> Manifest:
    with draft(parent) as folder:
        (folder / "weights.bin").write_bytes(content)
        return publish(
            folder,
            kind="model",
            stem=stem,
            config={"epochs": 3},
            made_from={"dataset": "pets"},
            summary={"classes": ["cat", "dog"]},
        )


def test_an_artifact_reads_back_as_it_was_published(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert open_artifact(tmp_path, "cats") == made
    assert made.config == {"epochs": 3}
    assert made.summary == {"classes": ["cat", "dog"]}
    assert (tmp_path / "cats" / "weights.bin").read_bytes() == b"weights"


def test_a_taken_name_is_numbered(tmp_path: Path) -> None:
    assert [make(tmp_path).id for _ in range(3)] == ["cats", "cats-2", "cats-3"]


def test_the_newest_is_listed_first_and_a_damaged_one_with_a_message(tmp_path: Path) -> None:
    make(tmp_path, "a")
    make(tmp_path, "b")
    (tmp_path / "a" / MANIFEST).write_text("{")
    manifests, damaged = list_artifacts(tmp_path)
    assert [manifest.id for manifest in manifests] == ["b"]
    assert damaged == [
        "a/manifest.json is damaged or was changed by hand. "
        "Delete that folder and make it again, or put the original file back."
    ]


def test_a_changed_file_is_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "cats" / "weights.bin").write_bytes(b"weightS")
    with pytest.raises(DamagedArtifactError, match="cats/weights.bin is damaged or was changed"):
        open_artifact(tmp_path, "cats")


def test_a_file_changed_after_it_was_verified_is_refused_too(tmp_path: Path) -> None:
    make(tmp_path)
    open_artifact(tmp_path, "cats")
    path = tmp_path / "cats" / "weights.bin"
    path.write_bytes(b"other weights")
    with pytest.raises(DamagedArtifactError):
        open_artifact(tmp_path, "cats")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "cats" / "weights.bin").unlink()
    with pytest.raises(DamagedArtifactError, match="weights.bin"):
        open_artifact(tmp_path, "cats")


def test_a_manifest_edited_after_it_was_read_is_refused(tmp_path: Path) -> None:
    made = make(tmp_path)
    path = tmp_path / "cats" / MANIFEST
    assert read_manifest(tmp_path / "cats") == made
    content = json.loads(path.read_text())
    content["config"]["epochs"] = 300
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedArtifactError, match=r"manifest\.json"):
        read_manifest(tmp_path / "cats")


def test_a_name_cannot_lead_out_of_the_workspace(tmp_path: Path) -> None:
    make(tmp_path / "models")
    with pytest.raises(Exception, match="cannot be used as a name"):
        open_artifact(tmp_path / "indexes", "../models/cats")


def test_a_failed_draft_is_removed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), draft(tmp_path) as folder:  # noqa: PT012
        (folder / "half").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_ended_processes_are_removed_and_others_kept(
    tmp_path: Path,
) -> None:
    own = f"-aa-{platform.node()}"
    dead = [f".draft-999999999{end}" for end in ("-aa", own)]
    living = [f".draft-{os.getpid()}{end}" for end in ("-aa", own)]
    elsewhere = ".draft-999999999-aa-node-2.example.org"
    for name in (*dead, *living, elsewhere):
        (tmp_path / name).mkdir()
    with draft(tmp_path) as writing:
        remove_stale_drafts(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {*living, elsewhere, writing.name}


def test_deleting_twice_is_an_error(tmp_path: Path) -> None:
    make(tmp_path)
    delete_artifact(tmp_path, "cats")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MissingError, match="There is no “cats”"):
        delete_artifact(tmp_path, "cats")


def test_the_fingerprint_changes_with_the_content(tmp_path: Path) -> None:
    first, second = make(tmp_path, "a"), make(tmp_path, "b", b"others")
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == read_manifest(tmp_path / "a").fingerprint

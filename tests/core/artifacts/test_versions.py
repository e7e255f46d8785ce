"""Versions of an artifact under one id."""

import sys

import pytest

from core.artifacts import versions
from core.artifacts.folders import draft, list_artifacts, open_artifact, publish
from core.artifacts.manifests import Manifest, content_of, read_manifest, was_updated
from core.artifacts.titles import read_title, write_title
from core.artifacts.versions import on_one_version, publish_version, remove_old_versions
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.progress import Progress, Work, finish
from core.workspace import Workspace

FILES = ("a.bin", "b.bin")


def first(workspace: Workspace, text: str = "1") -> Manifest:
    with draft(workspace.indexes) as folder:
        for name in FILES:
            (folder / name).write_text(text)
        return publish(folder, kind="index", stem="x", config={}, made_from={}, summary={})


def update(workspace: Workspace, current: Manifest, text: str) -> Manifest:
    with draft(workspace.indexes) as folder:
        for name in FILES:
            (folder / name).write_text(text)
        return publish_version(
            folder, current, config={"at": (1, 2)}, made_from={}, summary={"count": 1}
        )


def texts(workspace: Workspace) -> list[str]:
    manifest = open_artifact(workspace.indexes, "x")
    content = content_of(workspace.indexes / "x", manifest)
    return [(content / name).read_text() for name in FILES]


def names(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in (workspace.indexes / "x").iterdir())


def test_a_version_has_the_id_and_title_of_the_one_before(workspace: Workspace) -> None:
    one = first(workspace)
    write_title(workspace.indexes, "x", "Mine")
    two = update(workspace, one, "2")
    assert (two.id, two.summary, two.config) == ("x", {"count": 1, "version": 2}, {"at": [1, 2]})
    assert two.fingerprint != one.fingerprint
    assert was_updated(workspace.indexes / "x", one)
    assert read_manifest(workspace.indexes / "x") == two
    assert read_title(workspace.indexes, "x") == "Mine"
    assert [manifest.id for manifest in list_artifacts(workspace.indexes)[0]] == ["x"]
    assert texts(workspace) == ["2", "2"]


def test_only_the_files_of_the_current_version_stay(workspace: Workspace) -> None:
    current = first(workspace)
    for text in ("2", "3", "4"):
        current = update(workspace, current, text)
    write_title(workspace.indexes, "x", "Mine")
    assert names(workspace) == ["manifest.json", "title.txt", "v4"]
    assert texts(workspace) == ["4", "4"]


@pytest.mark.skipif(sys.platform == "win32", reason="open files stay there")
def test_a_file_that_is_open_can_be_read_to_its_end(workspace: Workspace) -> None:
    one = first(workspace)
    with (workspace.indexes / "x" / "a.bin").open() as file:
        update(workspace, one, "2")
        assert file.read() == "1"


def test_an_update_of_a_version_that_was_replaced_is_refused(workspace: Workspace) -> None:
    one = first(workspace)
    update(workspace, one, "2")
    with pytest.raises(WorkbenchError, match="x was updated by another job meanwhile"):
        update(workspace, one, "other")
    assert texts(workspace) == ["2", "2"]


def test_an_update_of_a_deleted_artifact_is_refused(workspace: Workspace) -> None:
    one = first(workspace)
    (workspace.indexes / "x").rename(workspace.home / "away")
    with pytest.raises(MissingError):
        update(workspace, one, "2")
    assert list(workspace.indexes.iterdir()) == []


def test_a_reader_that_began_before_an_update_reads_the_new_version(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = first(workspace)
    reads = iter([one])
    monkeypatch.setattr(
        "core.artifacts.folders.read_manifest", lambda folder: next(reads, read_manifest(folder))
    )
    two = update(workspace, one, "2")
    assert open_artifact(workspace.indexes, "x") == two


def test_damage_is_named_with_the_version(workspace: Workspace) -> None:
    update(workspace, first(workspace), "2")
    (workspace.indexes / "x" / "v2" / "b.bin").write_text("?")
    with pytest.raises(DamagedArtifactError, match=r"x/v2/b\.bin is damaged"):
        open_artifact(workspace.indexes, "x")


def test_work_starts_again_if_its_files_were_updated(workspace: Workspace) -> None:
    current = first(workspace)

    def read(manifest: Manifest) -> Work[list[str]]:
        yield Progress(0, 0)
        if manifest == current:
            update(workspace, current, "2")
        content = content_of(workspace.indexes / "x", manifest)
        return [(content / name).read_text() for name in FILES]

    assert finish(on_one_version(workspace.indexes, "x", read)) == ["2", "2"]


def test_work_that_fails_for_another_reason_fails(workspace: Workspace) -> None:
    first(workspace)

    def fail(manifest: Manifest) -> Work[None]:
        yield Progress(0, 0)
        raise MissingError("Gone.", "Look.")

    with pytest.raises(MissingError, match="Gone"):
        finish(on_one_version(workspace.indexes, "x", fail))


class KilledError(BaseException):
    """In place of the end of the process."""


@pytest.mark.parametrize(
    "step", ["sync_files", "_locked", "write_manifest", "_remove_other_versions"]
)
def test_a_killed_update_leaves_a_whole_version(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    one = first(workspace)

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(versions, step, kill)
        with pytest.raises(KilledError):
            update(workspace, one, "2")
    is_old = step != "_remove_other_versions"
    assert texts(workspace) == (["1", "1"] if is_old else ["2", "2"])
    remove_old_versions(workspace.indexes)
    kept = ["a.bin", "b.bin", "manifest.json"] if is_old else ["manifest.json", "v2"]
    assert names(workspace) == kept
    update(workspace, read_manifest(workspace.indexes / "x"), "3")
    assert texts(workspace) == ["3", "3"]

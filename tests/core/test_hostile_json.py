"""Damaged and hostile JSON in each of the project's own formats is one sentence, or is skipped."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import MANIFEST, read_manifest
from core.bundles.file import DESCRIPTION, FORMAT, IMAGES, VERSION, open_bundle_file
from core.datasets.importing.rejected import ARCHIVE, FOLDERS, NotImported, read_rejected
from core.datasets.registry import list_datasets, open_dataset
from core.errors import WorkbenchError
from core.index_benchmark.points import POINTS
from core.index_benchmark.sweep import open_sweep
from core.jobs.events import EventReader
from core.jobs.records import RECORD, list_records
from core.progress import Progress, Work, finish
from core.training.cache import PROBLEMS, RowCache, cached_array
from core.training.history import (
    CLASSES,
    begin_history,
    read_confusions,
    read_sample_retrievals,
    write_epoch,
)
from core.training.runs import METRICS, RUN_FILE, list_runs, read_metrics, read_run
from core.workspace import VERSION_FILE, Workspace, open_workspace

DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECT = '{"a":' * 100_000 + "1" + "}" * 100_000
NO_OBJECTS = ["", "null", "3", '"text"', "[]", "[1]", "{}", DEEP, DEEP_OBJECT]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def digest_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def signed(**changes: Any) -> str:
    """Return a manifest with some other fields and the digest that belongs to them."""
    fields = {
        "kind": "model",
        "id": "some",
        "created": "2026-01-01T00:00:00+00:00",
        "config": {},
        "made_from": {},
        "summary": {},
        "files": {},
        "versions": {},
        "disk_version": 2,
        "original_fingerprint": "",
    } | changes
    return json.dumps(fields | {"digest": digest_of(fields)})


@pytest.mark.parametrize(
    "text",
    [
        *NO_OBJECTS,
        signed(id=5),
        signed(kind=None),
        signed(files={"model.safetensors": 3}),
        signed(made_from=["colors"]),
        signed(summary=[1]),
        signed(summary={"classes": 7}),
        signed(summary={"classes": ["red", 7]}),
        signed(summary={"count": "12"}),
        signed(disk_version="2"),
    ],
)
def test_a_manifest(workspace: Workspace, text: str) -> None:
    write(workspace.models / "some" / MANIFEST, text)
    with pytest.raises(WorkbenchError, match=r"some/manifest\.json is damaged"):
        read_manifest(workspace.models / "some")


def test_a_sound_manifest_is_read(workspace: Workspace) -> None:
    write(workspace.models / "some" / MANIFEST, signed(summary={"classes": ["red"], "count": 3}))
    assert read_manifest(workspace.models / "some").summary["count"] == 3


LAYOUT = {"labels": "auto"}


@pytest.mark.parametrize(
    "text",
    [
        *NO_OBJECTS,
        json.dumps({"source": "folder", "created": "x", "left_out": [], "roots": [3]}),
        json.dumps({"source": [], "created": "x", "left_out": [], "roots": []}),
        json.dumps({"source": "folder", "created": "x", "left_out": 3, "roots": []}),
        json.dumps({"source": "folder", "created": "x", "left_out": [3], "roots": []}),
        json.dumps(
            {
                "source": "folder",
                "created": "x",
                "left_out": [],
                "roots": [{"path": 3, "layout": LAYOUT}],
            }
        ),
        json.dumps(
            {"version": "2", "source": "folder", "created": "", "left_out": [], "roots": []}
        ),
    ],
)
def test_a_description_of_a_dataset(workspace: Workspace, text: str) -> None:
    write(workspace.datasets / "some" / "dataset.json", text)
    with pytest.raises(WorkbenchError, match=r"some/dataset\.json is damaged"):
        open_dataset(workspace, "some")
    assert list_datasets(workspace) == []


WRONG_RUNS: list[dict[str, object]] = [
    {"config": {"dataset": 3}},
    {"config": {"dataset": "colors", "epochs": "ten"}},
    {"config": []},
    {"created": "yesterday"},
    {"title": 5},
    {"status": "unheard of"},
    {"process_id": "1"},
]
RUN = {"id": "some", "config": {"dataset": "colors"}, "created": 1.0, "status": "done"}


@pytest.mark.parametrize(
    "text",
    [
        *NO_OBJECTS,
        *(json.dumps(RUN | {"disk_version": 2} | wrong) for wrong in WRONG_RUNS),
    ],
)
def test_a_run(workspace: Workspace, text: str) -> None:
    write(workspace.runs / "some" / RUN_FILE, text)
    with pytest.raises(WorkbenchError, match=r"some/run\.json is damaged"):
        read_run(workspace, "some")
    assert list_runs(workspace) == []


def test_metrics_of_a_run(workspace: Workspace) -> None:
    lines = [*NO_OBJECTS, '{"epoch": 1, "loss": "low"}', '{"epoch": 2, "loss": 0.5}']
    write(workspace.runs / "some" / METRICS, "\n".join(lines))
    assert read_metrics(workspace, "some") == [{"epoch": 2, "loss": 0.5}]


@pytest.mark.parametrize("text", [*NO_OBJECTS, '["cat", 3, "fox"]'])
def test_the_classes_of_a_run(tmp_path: Path, text: str) -> None:
    labels = np.array([0, 0, 1, 2])
    begin_history(tmp_path, np.arange(4), labels, ["cat", "dog", "fox"])
    write_epoch(tmp_path, 1, np.eye(4, dtype=np.float32), labels, labels[::-1].copy())
    assert len(read_confusions(tmp_path, 1)) == 4
    write(tmp_path / CLASSES, text)
    assert read_confusions(tmp_path, 1) == []
    assert read_sample_retrievals(tmp_path, 1) == []


@pytest.mark.parametrize("text", [*NO_OBJECTS[:-2], DEEP, '{"0": 1, "x": ""}'])
def test_the_problems_of_a_training_cache(workspace: Workspace, text: str) -> None:
    def fill(array: RowCache) -> Work[dict[int, str]]:
        yield Progress(1, 1)
        return {}

    def cached() -> object:
        return finish(cached_array(workspace, "key", (2, 3), np.float16, fill))

    assert cached()
    [folder] = workspace.features.iterdir()
    write(folder / PROBLEMS, text)
    if text == "{}":
        assert cached()
        return
    with pytest.raises(WorkbenchError, match="The training cache .* is damaged"):
        cached()


@pytest.mark.parametrize("text", [*NO_OBJECTS, '[{"config": {}, "measured": 3}]'])
def test_the_points_of_a_sweep(workspace: Workspace, text: str) -> None:
    with draft(workspace.sweeps) as folder:
        write(folder / POINTS, text)
        facts: dict[str, Any] = {"config": {}, "made_from": {}, "summary": {}}
        made = publish(folder, kind="sweep", stem="some", **facts)
    if text in ("[]", "{}"):
        assert open_sweep(workspace, made.id).points == []
        return
    with pytest.raises(WorkbenchError, match=r"some/points\.json is damaged"):
        open_sweep(workspace, made.id)


JOB = {"id": "some", "arguments": ["train"], "title": "x", "lane": "compute", "created": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        *NO_OBJECTS,
        json.dumps(JOB | {"follow_up": [], "status": "done", "title": 3, "disk_version": 2}),
        json.dumps(JOB | {"follow_up": [], "status": "done", "arguments": [1], "disk_version": 2}),
    ],
)
def test_a_record_of_a_job(workspace: Workspace, text: str) -> None:
    write(workspace.jobs / "some" / RECORD, text)
    assert list_records(workspace) == []


def test_events_of_a_job(tmp_path: Path) -> None:
    sound = '{"kind": "progress", "time": 1, "done": 1, "total": 2, "note": ""}'
    path = write(tmp_path / "events.jsonl", "\n".join([*NO_OBJECTS, sound, ""]))
    assert [event["kind"] for event in EventReader(path).new_events()] == ["progress"]


@pytest.mark.parametrize("text", [*NO_OBJECTS, '[{"path": 3, "problem": "x"}]'])
def test_rejected_images_of_a_dataset(tmp_path: Path, text: str) -> None:
    write(tmp_path / ARCHIVE, text)
    write(tmp_path / FOLDERS, text)
    assert read_rejected(tmp_path) == NotImported()


@pytest.mark.parametrize("text", [*NO_OBJECTS[:-2], DEEP, '{"version": [2]}', '{"version": "x"}'])
def test_the_version_of_a_workspace(tmp_path: Path, text: str) -> None:
    write(tmp_path / "data" / VERSION_FILE, text)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        open_workspace(tmp_path)


IMAGE = {"id": 1, "path": "red/1.png", "label": "red", "split": "train", "sha256": "0"}


def bundle(path: Path, images: str, describe: Callable[[str], str] | None = None) -> Path:
    checksum = hashlib.sha256(images.encode()).hexdigest()
    sound = json.dumps({"format": FORMAT, "version": VERSION, IMAGES: checksum})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DESCRIPTION, describe(sound) if describe else sound)
        archive.writestr(IMAGES, images)
    return path


@pytest.mark.parametrize(
    "line",
    [
        *NO_OBJECTS[1:],
        *(
            json.dumps(IMAGE | wrong)
            for wrong in (
                {"label": 7},
                {"label": ["red"]},
                {"label": True},
                {"path": 3},
                {"id": "1"},
                {"id": True},
                {"split": 3},
                {"split": "other"},
                {"sha256": None},
                {"more": 1},
            )
        ),
    ],
)
def test_an_image_of_a_bundle(tmp_path: Path, line: str) -> None:
    with (
        open_bundle_file(bundle(tmp_path / "some.zip", line)) as opened,
        pytest.raises(WorkbenchError, match=r"some\.zip describes an image in a way"),
    ):
        opened.images()


def test_a_sound_image_of_a_bundle_is_read(tmp_path: Path) -> None:
    with open_bundle_file(bundle(tmp_path / "some.zip", json.dumps(IMAGE))) as opened:
        assert opened.images()[0].label == "red"


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_a_description_of_a_bundle(tmp_path: Path, text: str) -> None:
    path = bundle(tmp_path / "some.zip", json.dumps(IMAGE), lambda _: text)
    with pytest.raises(WorkbenchError, match=r"some\.zip is not a bundle"), open_bundle_file(path):
        pass

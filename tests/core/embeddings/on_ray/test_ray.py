"""Embedding on real Ray clusters on this machine, and what becomes of it when parts are killed."""

import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.artifacts.folders import delete_artifact, open_artifact
from core.artifacts.manifests import MANIFEST, Manifest
from core.datasets.registry import open_dataset
from core.embeddings.config import EmbedConfig, Precision
from core.embeddings.embed import embed_dataset
from core.embeddings.encoding import Encoding
from core.embeddings.engine import RAY_ADDRESS, Engine, EngineConfig
from core.embeddings.files import Embeddings, open_embeddings
from core.embeddings.on_ray import engine as ray_engine
from core.embeddings.on_ray.connection import get
from core.embeddings.on_ray.engine import RayEngine
from core.embeddings.on_ray.worker import EmbeddedStretch, WorkerTask
from core.errors import WorkbenchError
from core.options import as_arguments
from core.progress import Progress, Stop, finish
from core.workspace import PROJECT, Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.networks import publish_network
from tests.support.processes import processes_of_home, wait_for

pytestmark = [
    pytest.mark.scale,
    pytest.mark.skipif(not find_spec("ray"), reason="ray not installed: run `make test-scale`"),
]

SIDE = 128
SIZES = {"red": 96, "green": 96, "blue": 88}
NUM_IMAGES = sum(SIZES.values())
BATCH = 16
FLOAT32 = EmbedConfig(precision=Precision.FLOAT32)
TOKEN = "a-token-that-nobody-may-see-" + secrets.token_hex(8)
DRIVER = """
import sys
import core.embeddings.run as run
import core.embeddings.on_ray.stretches as stretches
from core.cli import main
run.FLUSH_EVERY_S = 0
stretches.BATCHES_PER_STRETCH = 1
sys.exit(main(sys.argv[1:]))
"""
"""The command with many stretches, each written at once."""


@pytest.fixture(scope="module", autouse=True)
def token() -> Iterator[None]:
    """Each cluster asks for a token; Ray reads the variables once in a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        patch.delenv(RAY_ADDRESS, raising=False)
        yield


@dataclass
class TwoNodes:
    """A cluster of two nodes with one CPU each; drivers connect to the first."""

    cluster: Any
    second: Any

    @property
    def config(self) -> EngineConfig:
        return EngineConfig(engine=Engine.RAY, address=self.cluster.address)

    def kill_second(self) -> None:
        self.cluster.remove_node(self.second, allow_graceful=False)


@pytest.fixture
def nodes() -> Iterator[TwoNodes]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    try:
        yield TwoNodes(cluster, cluster.add_node(num_cpus=1))
    finally:
        cluster.shutdown()


@dataclass
class Results:
    """What the workers sent back."""

    stretches: list[EmbeddedStretch] = field(default_factory=list)

    @property
    def processes(self) -> Counter[int]:
        return Counter(stretch.process for stretch in self.stretches)


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Results:
    seen = Results()

    def recorded(ray: Any, reference: Any) -> Any:
        result = get(ray, reference)
        seen.stretches.append(result)
        return result

    monkeypatch.setattr(ray_engine, "get", recorded)
    monkeypatch.setattr("core.embeddings.on_ray.stretches.BATCHES_PER_STRETCH", 1)
    return seen


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Workspace:
    """280 images, two of which cannot be read and one of which was touched, and a model."""
    torch.manual_seed(0)
    root = class_folders(tmp_path / "in", **SIZES)
    bring_in(workspace, root)
    publish_network(workspace, "net", side=SIDE, backbone="resnet18", dimension=8)
    (root / "red" / "003.png").write_bytes(b"no image any more")
    (root / "green" / "090.png").unlink()
    os.utime(root / "blue" / "007.png", ns=(1, 1))
    return workspace


def assert_like_local(workspace: Workspace, made: Manifest) -> None:
    """The embeddings have the bits, the images and the problems of this machine's alone."""
    assert_no_image_twice_or_missing(workspace, made)
    on_ray = open_embeddings(workspace, made.id)
    arrays = {
        name: np.array(getattr(on_ray, name)) for name in ("image_ids", "contents", "vectors")
    }
    delete_artifact(workspace.embeddings, made.id)
    local = finish(embed_dataset(workspace, "colors", "net", FLOAT32))
    assert local.summary["num_reused"] == 0
    opened: Embeddings = open_embeddings(workspace, local.id)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, getattr(opened, name))
    assert len(local.summary["problems"]) == 2
    assert made.summary["problems"] == local.summary["problems"]
    assert (made.config, made.made_from) == (local.config, local.made_from)


def assert_no_image_twice_or_missing(workspace: Workspace, made: Manifest) -> None:
    rows = open_dataset(workspace, "colors").catalog.rows()
    unreadable = made.summary["problems"]
    expected = [row.id for row in rows if row.path not in unreadable]
    assert open_embeddings(workspace, made.id).image_ids.tolist() == expected
    assert made.summary["count"] == len(expected) == NUM_IMAGES - 2
    assert not list(workspace.embeddings.glob(".kept-*"))


def chunks(workspace: Workspace) -> list[Path]:
    return list(workspace.embeddings.glob(".kept-*/*.npz"))


def num_in_chunks(workspace: Workspace) -> int:
    return sum(len(np.load(path)["contents"]) for path in chunks(workspace))


def test_two_nodes_embed_like_one_machine(
    dataset: Workspace, nodes: TwoNodes, results: Results
) -> None:
    work, notes = embed_dataset(dataset, "colors", "net", FLOAT32, where=nodes.config), []
    try:
        while True:
            event = next(work)
            assert isinstance(event, Progress)
            notes.append(event.note)
    except StopIteration as end:
        made = end.value
    assert "connecting to Ray" in notes
    assert "embedding images, starting Ray workers" in notes
    assert any(note.endswith("a second, 2 Ray nodes") for note in notes)
    # A process for each CPU, which opens the model once
    assert len(results.processes) == 2
    assert sum(results.processes.values()) == -(-NUM_IMAGES // BATCH)
    assert_like_local(dataset, made)


def test_a_node_killed_in_the_middle_loses_and_duplicates_nothing(
    dataset: Workspace, nodes: TwoNodes, results: Results
) -> None:
    work, killed_at = embed_dataset(dataset, "colors", "net", FLOAT32, where=nodes.config), 0
    try:
        while True:
            event = next(work)
            if not killed_at and len(results.processes) == 2:
                assert isinstance(event, Progress)
                killed_at = len(results.stretches)
                nodes.kill_second()
    except StopIteration as end:
        made = end.value
    total = -(-NUM_IMAGES // BATCH)
    assert 2 <= killed_at < total / 2
    assert len(results.stretches) == total
    assert sum(len(stretch.positions) for stretch in results.stretches) == NUM_IMAGES - 2
    assert_like_local(dataset, made)


def test_a_killed_worker_is_replaced(dataset: Workspace, nodes: TwoNodes, results: Results) -> None:
    work, victim = embed_dataset(dataset, "colors", "net", FLOAT32, where=nodes.config), 0
    try:
        while True:
            next(work)
            if not victim and results.processes:
                [victim] = list(results.processes)[:1]
                os.kill(victim, signal.SIGKILL)
    except StopIteration as end:
        made = end.value
    assert len(results.processes) == 3
    assert len(results.stretches) == -(-NUM_IMAGES // BATCH)
    assert_like_local(dataset, made)


def command(workspace: Workspace, config: EngineConfig) -> list[str]:
    options = ["--dataset", "colors", "--model", "net", "--precision", "float32"]
    return ["embed", *options, *as_arguments(config), "--home", str(workspace.home)]


def start(workspace: Workspace, config: EngineConfig, log: Path) -> "subprocess.Popen[bytes]":
    arguments = [*command(workspace, config), "--events", str(log.with_suffix(".jsonl"))]
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *arguments],
            cwd=PROJECT,
            stdout=file,
            stderr=file,
            start_new_session=True,  # As the job board does
        )


def wait_for_chunks(workspace: Workspace, process: "subprocess.Popen[bytes]", log: Path) -> None:
    wait_for(lambda: len(chunks(workspace)) >= 3 or process.poll() is not None, timeout=180)
    assert process.poll() is None, log.read_text()


def assert_nobody_saw_the_token(*files: Path) -> None:
    for file in files:
        assert TOKEN not in file.read_text(), file


def test_a_killed_driver_is_resumed(
    dataset: Workspace, nodes: TwoNodes, results: Results, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = start(dataset, nodes.config, log)
    try:
        wait_for_chunks(dataset, process, log)
    finally:
        process.kill()
        process.wait()
    have = num_in_chunks(dataset)
    assert 3 * (BATCH - 2) <= have < NUM_IMAGES

    made = finish(embed_dataset(dataset, "colors", "net", FLOAT32, where=nodes.config))

    assert made.summary["num_reused"] == have
    assert sum(len(stretch.positions) for stretch in results.stretches) == NUM_IMAGES - 2 - have
    assert_no_image_twice_or_missing(dataset, made)
    manifest = dataset.embeddings / made.id / MANIFEST
    assert_nobody_saw_the_token(log, log.with_suffix(".jsonl"), manifest)


def test_a_stop_keeps_what_was_embedded_and_leaves_no_process(
    dataset: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(dataset.home))  # Marks the processes of this test
    log = tmp_path / "log"
    process = start(dataset, EngineConfig(engine=Engine.RAY, address="local"), log)
    try:
        wait_for_chunks(dataset, process, log)
        os.killpg(process.pid, signal.SIGTERM)  # As the job board does
        assert process.wait(timeout=20) == 130, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert log.read_text().splitlines()[-1] == "Stopped; no file is incomplete."
    assert '"stopped"' in log.with_suffix(".jsonl").read_text()
    assert 0 < num_in_chunks(dataset) < NUM_IMAGES
    wait_for(lambda: not processes_of_home(dataset.home), timeout=20)
    assert_nobody_saw_the_token(log, log.with_suffix(".jsonl"))
    have = num_in_chunks(dataset)
    made = finish(embed_dataset(dataset, "colors", "net", FLOAT32))
    assert made.summary["num_reused"] == have
    assert_no_image_twice_or_missing(dataset, made)


def test_a_stop_in_this_process_closes_the_connection(
    dataset: Workspace, nodes: TwoNodes, results: Results
) -> None:
    import ray

    work = embed_dataset(dataset, "colors", "net", FLOAT32, where=nodes.config)
    for _ in work:
        if results.stretches:
            break
    assert ray.is_initialized()
    with pytest.raises(Stop):
        work.throw(Stop())
    assert not ray.is_initialized()
    assert num_in_chunks(dataset) > 0


def engine_of(workspace: Workspace, config: EngineConfig) -> RayEngine:
    encoding = Encoding(model="net", model_fingerprint="some")
    return RayEngine(config, WorkerTask(workspace=workspace, encoding=encoding, cpus=1), 8)


def test_errors_of_nodes_are_one_sentence(
    dataset: Workspace, nodes: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(Workspace(tmp_path / "elsewhere"), nodes.config)
    try:
        finish(engine.open())
        with pytest.raises(WorkbenchError, match=r"The Ray node .* does not have .*/net\. Mount"):
            list(engine.embed(["a.png"]))
    finally:
        engine.close()

    # A path that leads elsewhere in each process, as on a node without the image folder
    made = open_dataset(dataset, "colors")
    file = f"/proc/self/cwd/{made.catalog.rows()[0].path}"
    engine = engine_of(dataset, nodes.config)
    engine.task = WorkerTask(
        workspace=dataset,
        encoding=Encoding(
            model="net", model_fingerprint=open_artifact(dataset.models, "net").fingerprint
        ),
        cpus=1,
    )
    try:
        finish(engine.open())  # Workers import from the folder that it is called in
        monkeypatch.chdir(tmp_path / "in")
        with pytest.raises(WorkbenchError, match=r"The Ray node .* does not have /proc/self/cwd/"):
            list(engine.embed([file]))
    finally:
        engine.close()


def test_workers_that_no_node_has_room_for_are_an_error(
    dataset: Workspace, nodes: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "WAIT_FOR_NODES_S", 1)
    large = EngineConfig(engine=Engine.RAY, address=nodes.cluster.address, worker_gpus=1)
    with pytest.raises(WorkbenchError, match="No node of the Ray cluster has 1 CPUs and 1 GPUs"):
        finish(embed_dataset(dataset, "colors", "net", FLOAT32, where=large))


def test_a_wrong_token_is_refused_in_one_sentence(
    dataset: Workspace, nodes: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another-secret-token")
    ended = subprocess.run(
        [sys.executable, "-m", "core", *command(dataset, nodes.config)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "refuses the token. Set RAY_AUTH_MODE=token" in ended.stderr.splitlines()[-1]
    assert TOKEN not in ended.stderr
    assert "another-secret-token" not in ended.stderr

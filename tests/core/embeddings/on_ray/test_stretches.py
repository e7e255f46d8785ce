"""Stretches of files and the worker that embeds them, without Ray."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from core.embeddings.config import EmbedConfig, Precision
from core.embeddings.embed import embed_dataset
from core.embeddings.encoding import Encoder, Encoding
from core.embeddings.engine import RAY_ADDRESS, Engine, EngineConfig
from core.embeddings.local import embed_files
from core.embeddings.on_ray import worker
from core.embeddings.on_ray.stretches import BATCHES_PER_STRETCH, cut, num_slots, stretch_length
from core.embeddings.on_ray.worker import VERSIONS, WorkerTask, embed_stretch
from core.errors import WorkbenchError
from core.images.isolation import num_processes
from core.images.process_pool import DecoderPool
from core.models.devices import Device
from core.models.model import Model
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.networks import publish_network
from tests.support.commands import in_this_process

pytestmark = pytest.mark.usefixtures("small_networks")

ON_RAY = EngineConfig(engine=Engine.RAY)
NOWHERE = "127.0.0.1:1"
FLOAT32 = EmbedConfig(precision=Precision.FLOAT32)


@pytest.fixture
def model(workspace: Workspace) -> Model:
    torch.manual_seed(0)
    return publish_network(workspace, "net", side=32, backbone="resnet18", dimension=8)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    root = class_folders(tmp_path / "in", red=40, blue=40)
    return [str(path) for path in sorted(root.rglob("*.png"))]


@pytest.fixture(autouse=True)
def this_process_is_no_worker() -> Iterator[None]:
    """A worker keeps its model and sets the threads of torch."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    worker._open.cache_clear()


def task_of(workspace: Workspace, model: Model) -> WorkerTask:
    encoding = Encoding(model=model.id, model_fingerprint=model.manifest.fingerprint)
    return WorkerTask(workspace=workspace, encoding=encoding, cpus=num_processes())


# Splitting


@pytest.mark.parametrize(("count", "lengths"), [(0, []), (1, [1]), (64, [64]), (130, [64, 64, 2])])
def test_stretches_cover_all_images_once(count: int, lengths: list[int]) -> None:
    stretches = list(cut(count, 64))
    assert [len(stretch) for stretch in stretches] == lengths
    assert [at for stretch in stretches for at in stretch] == list(range(count))


@pytest.mark.parametrize(("gpus", "name"), [(0.0, "cpu"), (0.5, "cuda"), (1.0, "cuda")])
def test_a_stretch_has_whole_batches_of_the_workers_device(gpus: float, name: str) -> None:
    batch = Device(name, bfloat16=False).batch_size
    assert stretch_length(gpus) == BATCHES_PER_STRETCH * batch


def test_nodes_have_room_for_as_many_workers_as_cpus_and_gpus_allow() -> None:
    nodes = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 4.0}, {"memory": 1e9}]
    assert num_slots(nodes, 1, 0) == 20
    assert num_slots(nodes, 3, 0) == 6
    assert num_slots(nodes, 1, 1) == 2
    assert num_slots(nodes, 1, 0.5) == 4
    assert num_slots(nodes, 8, 0.5) == 2
    assert num_slots(nodes, 1, 0.1) == 16
    assert num_slots([{"CPU": 64.0, "GPU": 1.0}], 1, 0.1) == 10
    assert num_slots([], 1, 0) == 0


# The worker


@pytest.mark.slow
def test_stretches_have_the_bits_of_all_files_at_once(
    workspace: Workspace, model: Model, files: list[str]
) -> None:
    Path(files[20]).write_bytes(b"no image")
    Path(files[50]).unlink()
    task = task_of(workspace, model)
    whole = list(embed_files(Encoder(model, task.encoding), files))
    expected = np.concatenate([part.vectors for part in whole])
    reasons = {at: reason for part in whole for at, reason in part.problems.items()}

    stretches = list(cut(len(files), 32))
    results = [embed_stretch(task, [files[at] for at in stretch]) for stretch in stretches]

    positions = [
        stretch[at]
        for stretch, result in zip(stretches, results, strict=True)
        for at in result.positions
    ]
    assert positions == [at for part in whole for at in part.positions]
    assert len(positions) == len(files) - 2
    vectors = np.concatenate([result.vectors for result in results])
    assert (vectors.dtype.name, vectors.shape) == ("float32", (78, 8))
    np.testing.assert_array_equal(vectors, expected)
    assert [result.problems for result in results] == [
        {20: reasons[20]},
        {50 - 32: reasons[50]},
        {},
    ]
    assert [result.missing for result in results] == [[], [50 - 32], []]


def test_a_stretch_without_readable_images_has_no_rows(workspace: Workspace, model: Model) -> None:
    result = embed_stretch(task_of(workspace, model), ["/nowhere/a.png"])
    assert (result.vectors.shape, result.positions, result.missing) == ((0, 8), [], [0])


def test_a_node_without_the_workspace_is_an_error(
    workspace: Workspace, model: Model, tmp_path: Path
) -> None:
    elsewhere = task_of(Workspace(tmp_path / "elsewhere"), model)
    with pytest.raises(WorkbenchError, match=r"The Ray node .* does not have .*net\. Mount the"):
        embed_stretch(elsewhere, [])
    encoding = Encoding(model=model.id, model_fingerprint="of another")
    other = WorkerTask(workspace=workspace, encoding=encoding, cpus=1)
    with pytest.raises(WorkbenchError, match=r"The Ray node .* has another model in .*net\."):
        embed_stretch(other, [])


def test_a_node_with_other_versions_is_an_error(workspace: Workspace, model: Model) -> None:
    task = task_of(workspace, model)
    old = WorkerTask(workspace=workspace, encoding=task.encoding, cpus=1, versions="workbench 0.1")
    with pytest.raises(WorkbenchError) as caught:
        embed_stretch(old, [])
    assert caught.value.problem.endswith(f" has {VERSIONS} instead of workbench 0.1.")


@pytest.mark.slow
def test_a_limited_pool_decodes_in_fewer_processes() -> None:
    pool = DecoderPool(3)
    try:
        pool.limit(1)
        pool.limit(2)  # Not more again
        assert (pool.count, pool._idle.qsize()) == (1, 1)
        [reply] = pool.run("header", [{"path": "/nowhere.png", "name": None}], {})
        assert reply.error is not None
    finally:
        pool.close()


# The choice of the engine


@pytest.mark.parametrize(
    "address", ["", "auto", "local", "head:6379", "10.0.0.1:6379", "[::1]:6379", "a.b-c.org:1"]
)
def test_addresses_of_clusters(address: str) -> None:
    assert EngineConfig(engine=Engine.RAY, address=address).address == address


@pytest.mark.parametrize(
    "address", ["head", "user:secret@head:6379", "ray://head:10001", "head:6379/x", "head:port"]
)
def test_other_addresses_are_refused_without_repeating_them(address: str) -> None:
    with pytest.raises(ValueError, match="address must be the HOST:PORT") as caught:
        EngineConfig(engine=Engine.RAY, address=address)
    assert address not in str(caught.value).replace("Ray cluster's head node", "")


def test_options_of_workers_need_the_engine() -> None:
    for options in ({"address": "head:6379"}, {"workers": 2}, {"worker_gpus": 1.0}):
        with pytest.raises(ValueError, match="need the engine ray"):
            EngineConfig(**options)
    with pytest.raises(ValueError, match=r"worker_cpus must be in 1\.\.256, got 0"):
        EngineConfig(engine=Engine.RAY, worker_cpus=0)
    with pytest.raises(ValueError, match=r"worker_gpus above 1 must be whole, got 1\.5"):
        EngineConfig(engine=Engine.RAY, worker_gpus=1.5)


def embed_on(workspace: Workspace, *options: str) -> str:
    ended = in_this_process(
        workspace.home, "embed", "--dataset", "colors", "--model", "net", *options
    )
    assert ended.status in (1, 2)
    return ended.stderr


def test_without_ray_or_a_cluster_the_reason_is_one_sentence(
    workspace: Workspace, model: Model, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=3))
    assert "pip install -r requirements-scale.txt" in embed_on(
        workspace, "--engine", "ray", "--address", NOWHERE
    ) or find_spec("ray")
    shown = embed_on(workspace, "--engine", "ray", "--address", "user:secret@head:6379")
    assert "address must be the HOST:PORT" in shown
    assert "secret" not in shown


@pytest.mark.skipif(not find_spec("ray"), reason="ray is not installed")
def test_a_cluster_that_does_not_answer_is_one_sentence(
    workspace: Workspace, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=3))
    shown = embed_on(workspace, "--engine", "ray", "--address", NOWHERE)
    assert shown.splitlines()[-1] == (
        "The Ray cluster at 127.0.0.1:1 does not answer. "
        "Check the address, that its head node runs, and that this machine can reach it."
    )
    monkeypatch.setenv(RAY_ADDRESS, "user:secret@head:6379")
    shown = embed_on(workspace, "--engine", "ray")
    assert "RAY_ADDRESS is no address of a Ray cluster. Set it to the HOST:PORT" in shown
    assert "secret" not in shown


def test_nothing_of_ray_is_needed_for_embeddings_that_exist(
    workspace: Workspace, model: Model, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=3))
    made = finish(embed_dataset(workspace, "colors", model.id, FLOAT32))
    nowhere = EngineConfig(engine=Engine.RAY, address=NOWHERE)
    assert finish(embed_dataset(workspace, "colors", model.id, FLOAT32, where=nowhere)) == made

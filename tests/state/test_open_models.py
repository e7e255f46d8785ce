import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.embeddings.encoding import Encoder, Encoding
from core.embeddings.files import open_embeddings
from core.embeddings.whitening import Whitening
from core.errors import WorkbenchError
from core.indexes import faiss_file
from core.indexes.config import IndexConfig
from core.indexes.files import build_index, publish_index
from core.models.model import write_weights
from core.progress import finish
from core.workspace import Workspace
from state import open_models
from tests.factories.embeddings import embedded_set
from tests.factories.networks import publish_network

pytestmark = pytest.mark.usefixtures("small_networks")

SIDE = 32
Manifests = list[Manifest]
CLOSE = 1e-5
"""What the size of a batch may change in a number that is at most 1."""


@pytest.fixture
def home(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("WORKBENCH_HOME", str(workspace.home))
    return workspace


def models(home: Workspace, count: int, backbone: str = "resnet18", blocks: int = 4) -> Manifests:
    """Publish the same untrained network under several names."""
    first = publish_network(home, "m", side=SIDE, backbone=backbone, trainable_blocks=blocks)
    made = [first.manifest]
    while len(made) < count:
        with draft(home.models) as folder:
            write_weights(first.network, folder)
            facts = asdict(first.manifest)
            settings = {key: facts[key] for key in ("config", "made_from", "summary")}
            made.append(publish(folder, kind="model", stem="m", **settings))
    return made


def pixel_arrays(count: int) -> list[NDArray[np.uint8]]:
    noise = np.random.default_rng(0).integers(0, 255, (count, 3, SIDE, SIDE), dtype=np.uint8)
    return list(noise)


def encoding_of(model: Manifest) -> Encoding:
    return Encoding(model=model.id, model_fingerprint=model.fingerprint)


@contextmanager
def no_collection() -> Iterator[None]:
    """What is given back inside was held by nothing, not even in a circle."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_embeddings_of_a_batch_equal_those_of_single_images(home: Workspace) -> None:
    [model] = models(home, 1)
    encoding = encoding_of(model)
    together = open_models.embed(model, encoding, pixel_arrays(5))
    assert [answer.batch_size for answer in together] == [5] * 5
    encoder = Encoder(open_models.model(model.id, model.fingerprint), encoding)
    for answer, pixels in zip(together, pixel_arrays(5), strict=True):
        embeddings, probabilities = encoder.embed(pixels[None])
        assert answer.embedding.shape == (128,)
        assert answer.probabilities.shape == (3,)
        assert answer.embedding == pytest.approx(embeddings[0], abs=CLOSE)
        assert answer.probabilities == pytest.approx(probabilities[0], abs=CLOSE)


def test_encodings_with_equal_whitenings_are_equal(home: Workspace) -> None:
    [model] = models(home, 1)
    plain = encoding_of(model)

    def whitened(first: float) -> Encoding:
        matrix = np.diag([first, *[1.0] * 127]).astype(np.float32)
        return Encoding(
            model=plain.model,
            model_fingerprint=plain.model_fingerprint,
            whitening=Whitening(np.zeros(128, np.float32), matrix),
        )

    assert whitened(2) == whitened(2)
    assert hash(whitened(2)) == hash(whitened(2))
    assert len({plain, whitened(2), whitened(2), whitened(3)}) == 3


@dataclass(frozen=True, slots=True, eq=False)
class Held(Whitening):
    """One that changes nothing, and that a pass waits in until it is let go."""

    began: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        self.began.set()
        assert self.go.wait(30)
        return vectors


@pytest.mark.slow
def test_images_are_embedded_though_their_model_is_replaced_while_they_wait(
    home: Workspace,
) -> None:
    first, *others = models(home, 3)
    held = Held(np.zeros(1, np.float32), np.zeros((1, 1), np.float32))
    encoding = Encoding(model=first.id, model_fingerprint=first.fingerprint, whitening=held)
    expected = open_models.embed(first, encoding_of(first), pixel_arrays(12))
    found: list[NDArray[np.float32]] = []

    def ask() -> None:  # More than go together, so that four wait while the others are held
        found.extend(one.embedding for one in open_models.embed(first, encoding, pixel_arrays(12)))

    asking = threading.Thread(target=ask)
    asking.start()
    assert held.began.wait(30)
    before = open_models.model(first.id, first.fingerprint)
    for other in others:
        open_models.model(other.id, other.fingerprint)
    held.go.set()
    asking.join(30)
    assert open_models.model(first.id, first.fingerprint) is not before
    for embedding, one in zip(found, expected, strict=True):
        assert embedding == pytest.approx(one.embedding, abs=CLOSE)


def test_a_model_is_opened_once_and_two_stay_open(home: Workspace) -> None:
    made = models(home, 3)
    networks = [open_models.model(model.id, model.fingerprint).network for model in made[:2]]
    again = [open_models.model(model.id, model.fingerprint).network for model in made[:2]]
    assert all(one is two for one, two in zip(networks, again, strict=True))


def test_a_replaced_model_is_freed_and_its_thread_ends(home: Workspace) -> None:
    made = models(home, 3)
    open_models.embed(made[0], encoding_of(made[0]), pixel_arrays(1))
    network = weakref.ref(open_models.model(made[0].id, made[0].fingerprint).network)
    name = f"batches-{made[0].id}_0"
    assert name in {thread.name for thread in threading.enumerate()}
    with no_collection():
        for model in made[1:]:
            open_models.model(model.id, model.fingerprint)
        assert network() is None
    assert name not in {thread.name for thread in threading.enumerate()}


@pytest.mark.slow
def test_models_opened_in_sequence_take_the_memory_of_two(home: Workspace) -> None:
    made = models(home, 4, "vgg16", blocks=5)
    weights = (home.models / made[0].id / "model.safetensors").stat().st_size
    taken = []
    for model in made:
        open_models.embed(model, encoding_of(model), pixel_arrays(8))
        taken.append(psutil.Process().memory_info().rss)
    assert taken[-1] - taken[1] < weights / 2


@pytest.mark.slow
@pytest.mark.parametrize("mapped", [False, True])
def test_a_replaced_index_is_freed(
    home: Workspace, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mapped:
        monkeypatch.setattr(faiss_file, "MAPPED_FROM_BYTES", 0)
    embeddings = embedded_set(home, 100)
    made = [finish(build_index(home, embeddings.id, IndexConfig())) for _ in range(3)]
    first = home.indexes / made[0].id / "index.faiss"
    store = weakref.ref(open_models.index(made[0].id, made[0].fingerprint).faiss.index)
    assert is_mapped(first) == mapped
    with no_collection():
        for index in made[1:]:
            open_models.index(index.id, index.fingerprint)
        assert store() is None
    assert not is_mapped(first)


@pytest.mark.parametrize("mapped", [False, True])
def test_a_version_of_an_index_is_freed_when_the_next_is_opened(
    home: Workspace, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mapped:
        monkeypatch.setattr(faiss_file, "MAPPED_FROM_BYTES", 0)
    embeddings = open_embeddings(home, embedded_set(home, 100).id)
    one = finish(build_index(home, embeddings.manifest.id, IndexConfig()))
    opened = open_models.index(one.id, one.fingerprint)
    store = opened.store
    work = publish_index(home, embeddings, store, IndexConfig(), summary={}, replaces=one)
    two = finish(work)
    assert open_models.index(one.id, one.fingerprint) is opened  # A search may be about to use it
    first = weakref.ref(store)
    running = opened.faiss.index
    with no_collection():
        del store, opened
        newer = open_models.index(two.id, two.fingerprint)
        assert first() is None
    assert newer.manifest == two
    assert running.ntotal == 100  # A search that runs ends with its version
    del running
    assert not (home.indexes / one.id / "index.faiss").exists()


def is_mapped(path: Path) -> bool:
    return any(entry.path == str(path) for entry in psutil.Process().memory_maps())


def test_an_artifact_replaced_after_its_manifest_was_read_is_an_error(
    home: Workspace,
) -> None:
    [model] = models(home, 1)
    with pytest.raises(WorkbenchError, match=r"The model m was just replaced\. Search again"):
        open_models.model(model.id, "another")
    index = finish(build_index(home, embedded_set(home, 20).id, IndexConfig()))
    with pytest.raises(WorkbenchError, match="The index .* was just replaced"):
        open_models.index(index.id, "another")

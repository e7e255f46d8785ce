"""An index kind is one entry: what is added to `KINDS` works everywhere."""

from pathlib import Path

import numpy as np
import pytest

from core.commands import build_parser
from core.index_benchmark.config import SweepConfig
from core.index_benchmark.sweep import open_sweep, sweep
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName, kinds_in
from core.indexes.faiss_file import read_faiss
from core.indexes.files import build_index
from core.indexes.info import read_info
from core.indexes.kinds import KINDS, PARAMETER_LABELS, IndexKind, MilvusIndex, default_code_bytes
from core.indexes.milvus.address import MilvusAddress
from core.indexes.milvus.collection import Collection
from core.indexes.store import Effort
from core.options import bounds_of, field_docs, read_options
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import clusters, embedded_set
from tests.support.page_fixtures import Open, last_job, stop_jobs, texts

NEW = "ivf_sq8"


@pytest.fixture(autouse=True)
def new_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that adding a kind takes."""
    kind = IndexKind(
        label="IVF-SQ8",
        explanation="Searches the nearest groups, with a byte per dimension.",
        color="#000000",
        factory="IVF{nlist},SQ8",
        parameters=("nlist", "nprobe"),
        milvus=MilvusIndex(type="IVF_SQ8", build={"nlist": "nlist"}, search={"nprobe": "nprobe"}),
        variants=lambda dimension: [{"nlist": dimension}, {"nlist": 2 * dimension}],
    )
    monkeypatch.setitem(KINDS, NEW, kind)


def test_a_new_kind_is_built_searched_saved_and_read(tmp_path: Path) -> None:
    vectors, ids = clusters(1000), np.arange(1, 1001)
    store = finish(build(vectors, ids, IndexConfig(kind=NEW, nlist=20, nprobe=5)))
    assert store.effort == Effort("nprobe", 5, 20)
    store.save(tmp_path)
    store = read_faiss(tmp_path / "index.faiss", ids, 16)
    matches = store.search(vectors, 1, effort=20)
    assert [found.image_ids.tolist() for found in matches] == [[n] for n in ids]


def test_a_new_kind_is_checked_as_the_others() -> None:
    with pytest.raises(ValueError, match="nprobe must be in 0"):
        IndexConfig(kind=NEW, nprobe=-1)
    with pytest.raises(ValueError, match="a factory string needs the kind factory"):
        IndexConfig(kind=NEW, factory="Flat")
    assert IndexConfig(kind=NEW).resolved(10_000, 64).nprobe == 32  # An eighth of 256 lists


@pytest.mark.slow
def test_a_new_kind_is_swept(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 1500)
    made = finish(sweep(workspace, embeddings.id, SweepConfig(kinds=f"flat,{NEW}")))
    names = {point.name for point in open_sweep(workspace, made.id).points}
    assert {"Flat", "IVF16,SQ8 · nprobe 1", "IVF32,SQ8 · nprobe 1"} <= names


def test_a_new_kind_is_an_artifact_with_a_description(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 500)
    index = finish(build_index(workspace, embeddings.id, IndexConfig(kind=NEW, nlist=8)))
    assert index.id.endswith("-ivf-sq8")
    info = read_info(index)
    assert info.description == "IVF-SQ8, nlist 8"
    assert info.size_bytes == index.summary["size_bytes"]
    assert not info.is_remote


def test_the_command_line_knows_a_new_kind() -> None:
    options = build_parser().parse_args(["index", "--embeddings", "e", "--kind", NEW])
    assert read_options(options, IndexConfig).kind == NEW


def test_milvus_knows_a_new_kind() -> None:
    assert NEW in kinds_in(StoreName.MILVUS)
    collection = Collection(
        address=MilvusAddress(uri="http://127.0.0.1:1"),
        name="some",
        dimension=16,
        config=IndexConfig(kind=NEW, store=StoreName.MILVUS),
        nlist=100,
        code_bytes=0,
    )
    assert collection.index_settings["index_type"] == "IVF_SQ8"
    assert collection.index_settings["params"] == {"nlist": 100}
    assert collection.search_params(10, None) == {"nprobe": 13}


@pytest.mark.slow
def test_the_page_offers_a_new_kind(full: Workspace, visit: Open) -> None:
    app = visit("indexes")
    kinds = app.pills(key="indexes-kind")
    assert kinds.options[-1] == "IVF-SQ8"
    kinds.set_value(NEW).run()
    assert "Searches the nearest groups" in texts(app)
    app.number_input(key=f"indexes-{NEW}-nlist").set_value(4).run()
    app.button(key="indexes-build").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments[-4:] == ("--kind", NEW, "--nlist", "4")


def test_every_parameter_has_bounds_a_label_and_help() -> None:
    docs = field_docs(IndexConfig)
    for kind in KINDS.values():
        for name in kind.parameters:
            assert PARAMETER_LABELS[name]
            assert docs[name]
            if name != "factory":
                low, high = bounds_of(IndexConfig, name)
                assert low < high


def test_codes_take_a_quarter_of_the_dimension_if_that_divides_it() -> None:
    assert [default_code_bytes(dimension) for dimension in (128, 100, 30, 3, 1)] == [
        32,
        25,
        6,
        1,
        1,
    ]

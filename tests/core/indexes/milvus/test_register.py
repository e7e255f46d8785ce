"""The register of a workspace's collections, without a server."""

import os
import time

import pytest

from core.indexes.deletion import drop_unused_collections
from core.indexes.milvus.address import URI
from core.indexes.milvus.register import FILLING_S, SEARCHED_S, entries, entry_of
from core.workspace import Workspace


def test_a_collection_that_is_filled_is_kept_for_an_hour(workspace: Workspace) -> None:
    entry = entry_of(workspace.indexes, "workbench_a")
    assert (entry.unused_in, list(entries(workspace))) == (0, [])
    entry.write()
    assert FILLING_S - 60 < entry.unused_in <= FILLING_S
    assert [each.name for each in entries(workspace)] == ["workbench_a"]
    entry.remove()
    entry.remove()
    assert list(entries(workspace)) == []


def test_a_search_puts_off_the_time_and_never_brings_it_forward(workspace: Workspace) -> None:
    entry = entry_of(workspace.indexes, "workbench_a")
    entry.write()
    entry.reserve(SEARCHED_S)
    assert entry.unused_in > FILLING_S - 60
    os.utime(entry.path, (0, 0))
    assert entry.unused_in == 0
    entry.reserve(SEARCHED_S)
    assert 0 < entry.unused_in <= SEARCHED_S


def test_a_replaced_collection_is_kept_only_for_searches_that_run(workspace: Workspace) -> None:
    entry = entry_of(workspace.indexes, "workbench_a")
    entry.write()
    assert not entry.is_replaced
    entry.replace()
    assert entry.is_replaced
    assert entry.unused_in <= SEARCHED_S
    entry.reserve(SEARCHED_S)
    assert entry.is_replaced


def test_a_collection_from_before_the_register_is_noted_when_it_is_replaced(
    workspace: Workspace,
) -> None:
    entry = entry_of(workspace.indexes, "workbench_a")
    entry.reserve(SEARCHED_S)
    assert not entry.path.exists()
    entry.replace()
    assert entry.is_replaced


def test_a_server_that_is_away_leaves_collections_to_the_next_change(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URI, "http://127.0.0.1:1")
    entry = entry_of(workspace.indexes, "workbench_a")
    entry.write()
    os.utime(entry.path, (0, 0))
    started = time.monotonic()
    drop_unused_collections(workspace)
    assert [each.name for each in entries(workspace)] == ["workbench_a"]
    assert time.monotonic() - started < 30

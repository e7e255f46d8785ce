"""Searches while a server restarts: how long they wait, without a server."""

import time
from collections.abc import Callable

import pytest

from core.errors import WorkbenchError
from core.indexes.milvus import calls
from core.indexes.milvus.address import MilvusAddress
from core.indexes.milvus.calls import ServerUnavailableError, call_through_restart


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> MilvusAddress:
    """A server that this process has not called; pauses are short."""
    monkeypatch.setattr(calls, "_failing_since", {})
    monkeypatch.setattr(calls, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(calls, "LONGEST_SEARCH_PAUSE_S", 0.01)
    monkeypatch.setattr(calls, "RESTART_S", 2.0)
    return MilvusAddress(uri="http://127.0.0.1:1")


def answering_after(failures: int) -> tuple[Callable[[], str], list[int]]:
    """An attempt that fails some times first, and the numbers of the attempts so far."""
    attempts: list[int] = []

    def attempt() -> str:
        attempts.append(len(attempts) + 1)
        if len(attempts) <= failures:
            raise ServerUnavailableError("The server does not answer.", "Wait.")
        return "result"

    return attempt, attempts


def test_a_server_that_never_answered_is_called_once(address: MilvusAddress) -> None:
    attempt, attempts = answering_after(1)
    with pytest.raises(ServerUnavailableError):
        call_through_restart(address, attempt)
    assert attempts == [1]


def test_a_search_waits_for_a_server_that_has_answered(
    address: MilvusAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "RESTART_S", 600.0)
    call_through_restart(address, lambda: "")
    attempt, attempts = answering_after(5)
    assert call_through_restart(address, attempt) == "result"
    assert attempts[-1] == 6


@pytest.mark.slow
def test_only_the_first_searches_wait_for_a_server_that_stays_away(
    address: MilvusAddress,
) -> None:
    call_through_restart(address, lambda: "")
    attempt, attempts = answering_after(10**6)
    with pytest.raises(ServerUnavailableError):
        call_through_restart(address, attempt)
    waited = len(attempts)
    assert waited > 1
    time.sleep(2 * calls.LONGEST_SEARCH_PAUSE_S)  # It gives up a pause early
    with pytest.raises(ServerUnavailableError):
        call_through_restart(address, attempt)
    assert len(attempts) == waited + 1
    call_through_restart(address, lambda: "")  # It is back, so the next outage is waited for
    attempt, _ = answering_after(3)
    assert call_through_restart(address, attempt) == "result"


def test_other_errors_are_not_waited_for(address: MilvusAddress) -> None:
    call_through_restart(address, lambda: "")
    attempts = []

    def refused() -> str:
        attempts.append(1)
        raise WorkbenchError("The server refuses the token.", "Correct it.")

    with pytest.raises(WorkbenchError, match="refuses the token"):
        call_through_restart(address, refused)
    assert attempts == [1]

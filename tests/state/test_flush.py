"""A run ends only when the server's event loop has taken what it drew."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace

import pytest
from streamlit import runtime
from streamlit.runtime.runtime import AsyncObjects

from state import flush, session
from tests.support.page_fixtures import Open


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.AbstractEventLoop]:
    """A server's event loop, on a thread of its own."""
    running = asyncio.new_event_loop()
    thread = Thread(target=running.run_forever)
    thread.start()
    server = SimpleNamespace(_get_async_objs=lambda: SimpleNamespace(eventloop=running))
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


@pytest.mark.slow
@pytest.mark.parametrize("is_cut_short", [False, True])
def test_a_run_ends_after_a_busy_loop_has_processed_its_output(
    loop: asyncio.AbstractEventLoop, is_cut_short: bool
) -> None:
    taken: list[int] = []

    def draw() -> None:
        with flush.complete():
            loop.call_soon_threadsafe(time.sleep, 0.3)
            for number in range(100):
                loop.call_soon_threadsafe(taken.append, number)
            if is_cut_short:
                raise ValueError("as st.stop ends a run")

    if is_cut_short:
        with pytest.raises(ValueError, match=r"as st\.stop"):
            draw()
    else:
        draw()
    assert taken == list(range(100))


@pytest.mark.slow
def test_the_wait_for_a_blocked_loop_is_limited(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flush, "MAX_WAIT_S", 0.05)
    loop.call_soon_threadsafe(time.sleep, 1)
    began = time.monotonic()
    with flush.complete():
        pass
    assert time.monotonic() - began < 0.9


def test_without_a_running_server_there_is_no_wait(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.new_event_loop()
    ended.close()
    server = SimpleNamespace(_get_async_objs=lambda: SimpleNamespace(eventloop=ended))
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    with flush.complete():
        pass
    monkeypatch.setattr(runtime, "exists", lambda: False)
    with flush.complete():
        pass


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", ["", "query"])
def test_a_page_runs_inside_the_block(
    visit: Open, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    happened: list[str] = []
    enter_page = session.enter_page

    @contextmanager
    def noted() -> Iterator[None]:
        happened.append("begins")
        try:
            yield
        finally:
            happened.append("ends")

    def entered() -> session.Selection:
        happened.append("page")
        return enter_page()

    monkeypatch.setattr(flush, "complete", noted)
    monkeypatch.setattr(session, "enter_page", entered)
    visit(name)
    assert happened[-3:] == ["begins", "page", "ends"]


def test_streamlit_has_the_private_names() -> None:
    assert "eventloop" in AsyncObjects._fields
    assert callable(runtime.Runtime._get_async_objs)

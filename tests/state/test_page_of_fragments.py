"""A fragment that runs under the page before a switch is not announced."""

from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession

from state import page_of_fragments


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A session that keeps what is queued for its browser."""
    monkeypatch.setattr(AppSession, "_enqueue_forward_msg", AppSession._enqueue_forward_msg)
    page_of_fragments.correct()
    queued: list[ForwardMsg] = []
    queue = SimpleNamespace(enqueue=queued.append)
    return SimpleNamespace(_browser_queue=queue, _message_enqueued_callback=None, queued=queued)


def announce(session: SimpleNamespace, page: str, *fragments: str) -> bool:
    """Announce a run, of a whole page or of fragments; return whether the browser is told."""
    message = ForwardMsg()
    message.new_session.page_script_hash = page
    message.metadata.run.script_run_id = "run"
    message.metadata.run.fragment_ids.extend(fragments)
    before = len(session.queued)
    AppSession._enqueue_forward_msg(session, message)  # type: ignore[arg-type]
    return len(session.queued) > before


def switch(session: SimpleNamespace, page: str) -> None:
    message = ForwardMsg()
    message.navigation.page_script_hash = page
    AppSession._enqueue_forward_msg(session, message)  # type: ignore[arg-type]
    assert session.queued[-1] is message


def test_a_fragment_of_the_page_before_is_not_announced(session: SimpleNamespace) -> None:
    assert announce(session, "first", "fragment")  # Without pages, none is another
    switch(session, "first")
    assert announce(session, "first", "fragment")
    switch(session, "second")
    assert not announce(session, "first", "fragment")
    assert announce(session, "second", "fragment")


def test_a_whole_run_may_switch_the_page(session: SimpleNamespace) -> None:
    switch(session, "second")
    assert announce(session, "first")

"""A correction of Streamlit (1.67): the rerun of a fragment never clears the page.

With each request the browser names the page that it shows. A fragment that is rerun while the page
is being switched thus runs under the page before. The browser takes its announcement for a switch
back and clears the page; the next output of a fragment then fails with "Bad delta path index". So
such a run is not announced: what it draws belongs to the page that is shown, which has the fragment
too.
"""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession

PAGE = "_workbench_page"
"""Attribute of a session: the page that its last whole run has switched to."""

_enqueue = AppSession._enqueue_forward_msg


def _enqueue_corrected(self: AppSession, msg: ForwardMsg) -> None:
    """Queue a message for the browser, unless it announces a fragment of another page."""
    kind = msg.WhichOneof("type")
    if kind == "navigation":
        setattr(self, PAGE, msg.navigation.page_script_hash)
    elif kind == "new_session" and msg.metadata.run.fragment_ids:
        page = msg.new_session.page_script_hash
        if page != getattr(self, PAGE, page):
            return
    _enqueue(self, msg)


def correct() -> None:
    """Correct Streamlit in this process; more calls have no effect."""
    AppSession._enqueue_forward_msg = _enqueue_corrected  # type: ignore[method-assign]

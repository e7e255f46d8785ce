"""Page for a browser that opens the app by a host name that is not allowed.

Streamlit itself refuses only the WebSocket, and the page then stays gray.
"""

import re
from html import escape
from typing import TYPE_CHECKING

from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH = "/_stcore/health"
"""Answered under any name, for monitors."""

PAGE = """<!doctype html>
<html lang="en">
<title>Host name not allowed</title>
<meta name="viewport" content="width=device-width">
<style>
  :root {{ color-scheme: light dark; }}
  body {{ max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem;
         font: 1rem/1.5 "Source Sans", system-ui, sans-serif; }}
  code {{ overflow-wrap: anywhere; }}
</style>
<h1>Host name not allowed</h1>
<p>This server does not accept the name <b>{host}</b>.</p>
<p>Start it with <code>make run HOST={host}</code>, or set the variable
<code>STREAMLIT_SERVER_ALLOWED_HOSTS="localhost 127.0.0.1 {host}"</code>. Names are separated by
spaces.</p>
</html>
"""


class HostGuard:
    """ASGI middleware that answers requests for other host names with the page."""

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or pass it to the app."""
        if scope["type"] != "http" or scope["path"].endswith(HEALTH):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if is_host_allowed(host):
            await self.app(scope, receive, send)
            return
        from starlette.responses import HTMLResponse

        await HTMLResponse(page_for(host), status_code=403)(scope, receive, send)


def page_for(host: str) -> str:
    """Return the page for a Host header, without its port.

    It does not say which names are allowed: any website could read that.
    """
    matched = re.fullmatch(r"([\w.-]+|\[[\da-fA-F:.]+\])(:\d+)?", host)
    return PAGE.format(host=escape(matched[1].strip("[]") if matched else "NAME"))

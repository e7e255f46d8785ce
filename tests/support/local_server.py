"""A real HTTP server on this machine, that can be told to misbehave."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 1 << 16


@dataclass
class LocalServer:
    """What is served and how; may be changed at any time."""

    url: str
    """Without a slash at its end."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path, which begins with a slash."""

    redirects: dict[str, str] = field(default_factory=dict)
    """Path → path to send on to, with `headers`."""

    headers: dict[str, str] = field(default_factory=dict)
    """More headers of redirects."""

    status: int = 0
    """Answer everything with this."""

    cut_after: int = 0
    """Close the connection after so many bytes of a file."""

    ranges: bool = True
    """Answer range requests with the part."""

    longest_part: int = 1 << 30
    """Answer range requests with no more bytes than that."""

    if_range: bool = True
    """Send all instead of a part when the version that was begun is not this one."""

    etags: bool = True
    """Name each version of a file."""

    lengths: bool = True
    """Say how long a file is; without it, it comes in HTTP's chunks."""

    seconds_a_piece: float = 0
    """How long each 64 kB take."""

    asked: list[str] = field(default_factory=list)
    """The path and the range of each request, as in `/file bytes=100-`."""


@contextmanager
def serve(**files: bytes) -> Iterator[LocalServer]:
    """Serve on a free port of 127.0.0.1 until the end of the `with`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                _answer(self, server)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server = LocalServer(f"http://127.0.0.1:{http.server_port}")
        server.files.update({f"/{name}": content for name, content in files.items()})
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def refused_url() -> str:
    """Return an address on this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def _answer(request: BaseHTTPRequestHandler, server: LocalServer) -> None:
    asked = request.headers.get("Range", "")
    server.asked.append(f"{request.path} {asked}".strip())
    request.close_connection = True
    if request.path in server.redirects and not server.status:
        request.send_response(302)
        for name, value in server.headers.items():
            request.send_header(name, value)
        request.send_header("Connection", "close")
        request.send_header("Location", server.redirects[request.path])
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    content = server.files.get(request.path)
    status = server.status or (404 if content is None else 200)
    if content is None or status != 200:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    etag = f'"{hashlib.md5(content).hexdigest()}"'
    start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
    if server.if_range and request.headers.get("If-Range", etag) != etag:
        start = 0
    end = min(len(content), start + server.longest_part) if start else len(content)
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
    if server.etags:
        request.send_header("ETag", etag)
    if server.lengths:
        request.send_header("Content-Length", str(end - start))
    else:
        request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    _send(request, content[start:end], server)


def _send(request: BaseHTTPRequestHandler, body: bytes, server: LocalServer) -> None:
    end = server.cut_after or len(body)
    for first in range(0, min(end, len(body)), PIECE):
        piece = body[first : min(first + PIECE, end)]
        if server.lengths:
            request.wfile.write(piece)
        else:
            request.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        time.sleep(server.seconds_a_piece)
    if not server.lengths and end >= len(body):
        request.wfile.write(b"0\r\n\r\n")

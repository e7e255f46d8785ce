"""GET request read in a thread, so that progress is reported while the network is silent."""

import queue
import re
import threading
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3

from core.errors import DownloadError

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
CHUNK = 1 << 16
QUEUED_CHUNKS = 16
CLOSED_CHECK_SECONDS = 0.2
SHA256 = re.compile('"?[0-9a-f]{64}"?')
OFFLINE = "Check the network connection and the address, then try again."


@dataclass(frozen=True, slots=True)
class Response:
    """Status and headers of a response."""

    status: int
    start: int
    """Position in the file of the first byte that follows."""

    total: int
    """Bytes of the whole file; 0 if unknown."""

    etag: str
    """Strong entity tag of this version of the file; empty if there is none."""

    sha256: str = ""
    """SHA-256 of the whole file in hexadecimal, if the server says it as the Hugging Face hub does,
    which answers with the file's hash and sends on to where the file is."""


Message: TypeAlias = Response | bytes | Exception
"""First a `Response`, then pieces of the file, at last empty bytes; or an error at any time."""


class HttpStream:
    """A running GET request, which must be closed."""

    def __init__(self, url: str, *, start: int = 0, etag: str = "") -> None:
        """Send the request.

        Args:
            url: http or https.
            start: Position to begin at, if the server supports it; see `Response.start`.
            etag: Version of the file to continue; the server sends all of any other.
        """
        self.url = url
        self._headers = {"Accept-Encoding": "identity"}
        if start:
            self._headers["Range"] = f"bytes={start}-"
            if etag:
                self._headers["If-Range"] = etag
        self._messages: queue.Queue[Message] = queue.Queue(QUEUED_CHUNKS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http-stream", daemon=True)
        self._thread.start()

    def next_message(self, seconds: float) -> Message | None:
        """Return the next message, or None if there is none within this time."""
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            if self._thread.is_alive() or not self._messages.empty():
                return None
            return ConnectionError("the connection's thread has ended")

    def close(self) -> None:
        """Return at once; the thread ends on its own, at the latest after the read timeout."""
        self._closed.set()

    def _run(self) -> None:
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        try:
            with requests.get(
                self.url, headers=self._headers, stream=True, timeout=timeout
            ) as response:
                self._put(_read_response(response))
                while response.ok and not self._closed.is_set():
                    chunk = response.raw.read1(CHUNK, decode_content=False)
                    self._put(chunk)
                    if not chunk:
                        return
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            self._put(error)  # Exceptions of requests are OSErrors

    def _put(self, message: Message) -> None:
        while not self._closed.is_set():
            try:
                self._messages.put(message, timeout=CLOSED_CHECK_SECONDS)
            except queue.Full:
                continue
            return


def host_of(url: str) -> str:
    """Return the host of a URL with its port, but without a user or password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def unreachable_error(url: str, error: BaseException) -> DownloadError:
    """Return an error that explains why there was no response."""
    host, text = host_of(url), _reasons(error)
    if "NameResolutionError" in text or "gaierror" in text:
        problem = f"The address of {host} was not found: this computer seems to be offline."
    elif "ConnectionRefusedError" in text:
        problem = f"{host} refused the connection."
    elif "Timeout" in text:
        problem = f"{host} did not answer in time."
    elif "SSL" in text:
        problem = f"{host} has no certificate that this computer trusts."
    elif "ProxyError" in text:
        problem = f"The proxy on the way to {host} did not let the download through."
    else:
        problem = f"{host} cannot be reached."
    return DownloadError(problem, OFFLINE)


def _reasons(error: BaseException | None) -> str:
    """Return the names of the classes of an error and of its causes."""
    names: list[str] = []
    while error is not None:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return " ".join(names)


def _read_response(response: requests.Response) -> Response:
    start, total = 0, int(response.headers.get("Content-Length") or 0)
    promised = re.fullmatch(
        r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
    )
    if response.status_code == requests.codes.partial and promised:
        start = int(promised[1])
        total = int(promised[2]) if promised[2] != "*" else 0
    etag = response.headers.get("ETag", "")
    linked = [each.headers.get("X-Linked-Etag", "") for each in (*response.history, response)]
    sha256 = next((tag.strip('"') for tag in linked if SHA256.fullmatch(tag)), "")
    etag = "" if etag.startswith("W/") else etag
    return Response(response.status_code, start, total, etag, sha256)

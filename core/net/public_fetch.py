"""GET of a URL that a user typed: only from public addresses, within limits of size and time.

A server that fetches what it is told to must not reach what only it can reach. So the addresses of
a host are looked up once, each must be public, and the connection is made to one of those, again
after every redirect. Proxies are not used.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import core
from core.errors import DownloadError
from core.net.http_stream import CHUNK, OFFLINE, host_of, unreachable_error

SCHEMES = {"http": 80, "https": 443}
TIMEOUT_S = 15.0
"""Time for everything: name, redirects, and content."""

CONNECT_S = 5.0
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
MAX_URL_LENGTH, MAX_NAME_LENGTH = 2000, 80
HEADERS = {
    "User-Agent": f"image-retrieval-workbench/{core.__version__}",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNQUOTED = "/%:@!$&'()*+,;=~-._?"
"""Characters of a path or query that are sent as they are."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Fetched:
    """The content of a URL."""

    name: str
    """Last part of the path, else the host, as printable text."""

    content: bytes


def is_url(text: str) -> bool:
    """Return whether a text is meant as a web address: `http://` or `https://`, and more."""
    return _web_parts(text) is not None


def _web_parts(text: str) -> SplitResult | None:
    """Return the parts of a web address, None for any other text."""
    try:
        parts = urlsplit(text.strip())
        is_web = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # A port that is no number, brackets that do not close
        return None
    return parts if is_web else None


def is_public(address: Address) -> bool:
    """Return whether an address is of the public internet, and so is the one that it stands for."""
    if address in NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if isinstance(address, ipaddress.IPv6Address) and address.sixtofour:
        return is_public(address.sixtofour)
    return address.is_global and not address.is_multicast and not address.is_reserved


def fetch_public(url: str, max_bytes: int) -> Fetched:
    """Fetch a URL from a public address.

    Args:
        url: http or https, without a user name.
        max_bytes: Largest content.

    Raises:
        DownloadError: It is not a web address, leads to a private network, does not answer in time,
            has no such file, or is too large.
    """
    fetch = _Fetch(url, max_bytes)
    thread = threading.Thread(target=fetch.run, name="public-fetch", daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)  # A look-up of a name has no timeout of its own
    if thread.is_alive():
        fetch.cancel()
        raise unreachable_error(url, TimeoutError())
    if isinstance(fetch.outcome, Fetched):
        return fetch.outcome
    raise fetch.outcome


@dataclass(slots=True)
class _Fetch:
    """One fetch, in a thread."""

    url: str
    max_bytes: int
    outcome: Fetched | DownloadError = field(
        default_factory=lambda: DownloadError("The download has ended early.", "Try again.")
    )
    _socket: socket.socket | None = None

    def run(self) -> None:
        """Fetch, and store what came of it."""
        url = self.url.strip()
        try:
            self.outcome = self._follow(url)
        except DownloadError as error:
            self.outcome = error
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.outcome = unreachable_error(url, error)

    def cancel(self) -> None:
        """End the connection; its thread then ends, too."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _follow(self, url: str) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            parts = _checked_parts(url)
            connection = _Connection(parts, self._connect(parts))
            try:
                connection.request("GET", _target(parts), headers=HEADERS)
                response = connection.getresponse()
                if response.status in REDIRECTS and (place := response.headers.get("Location")):
                    url = urljoin(url, place)
                    continue
                if response.status != http.client.OK:
                    raise DownloadError(
                        f"{host_of(url)} returned HTTP status {response.status}.",
                        "Check the address.",
                    )
                return Fetched(_name(parts), self._read(response))
            finally:
                connection.close()
        raise DownloadError(
            f"{host_of(self.url)} redirects more than {MAX_REDIRECTS} times.",
            "Open the address in a browser and copy that of the image.",
        )

    def _connect(self, parts: SplitResult) -> socket.socket:
        """Connect to one of the host's addresses, all of which must be public."""
        host, port = str(parts.hostname), parts.port or SCHEMES[parts.scheme]
        self._socket = _open_socket(_public_addresses(host, port), port)
        self._socket.settimeout(TIMEOUT_S)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        return self._socket

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """Return the content, which must be as long as the server says and not too long."""
        expected = response.length or 0
        if expected > self.max_bytes:
            raise self._too_large()
        content = bytearray()
        while chunk := response.read(CHUNK):
            content += chunk
            if len(content) > self.max_bytes:
                raise self._too_large()
        if len(content) < expected:
            raise DownloadError(f"The download from {host_of(self.url)} was cut off.", "Try again.")
        return bytes(content)

    def _too_large(self) -> DownloadError:
        return DownloadError(
            f"{host_of(self.url)} sends more than {self.max_bytes / (1 << 20):.0f} MB.",
            "Use a smaller image.",
        )


def _open_socket(addresses: list[Address], port: int) -> socket.socket:
    """Connect to the first address that answers."""
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection((str(address), port), CONNECT_S)
    return socket.create_connection((str(addresses[-1]), port), CONNECT_S)


class _Connection(http.client.HTTPConnection):
    """A connection over a socket that is open already."""

    def __init__(self, parts: SplitResult, opened: socket.socket) -> None:
        super().__init__(str(parts.hostname), parts.port or SCHEMES[parts.scheme])
        self.default_port = SCHEMES[parts.scheme]  # Left out of the Host header
        self.sock = opened


def _checked_parts(url: str) -> SplitResult:
    """Return the parts of a URL that may be fetched, with its host in ASCII."""
    parts = _web_parts(url) if len(url) <= MAX_URL_LENGTH else None
    if parts is None:
        raise DownloadError(
            f"“{url[:60]}” is not a web address.", "Use one that begins with https:// or http://."
        )
    if parts.username is not None or parts.password is not None:
        raise DownloadError(
            f"The address of {parts.hostname} has a user name in it.",
            "Use an address that needs no login.",
        )
    try:
        host = str(parts.hostname).encode("idna").decode()
    except UnicodeError as error:
        raise DownloadError(
            f"“{str(parts.hostname)[:60]}” is not a host name.", "Check the address."
        ) from error
    shown = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=shown if parts.port is None else f"{shown}:{parts.port}")


def _public_addresses(host: str, port: int) -> list[Address]:
    """Look up a host; refuse it if any of its addresses is not public."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_public(address):
            raise DownloadError(
                f"{host} is this computer or in a private network ({address}).",
                "Use an image of the public internet, or upload the file.",
            )
    if not addresses:
        raise DownloadError(f"The address of {host} was not found.", OFFLINE)
    return list(dict.fromkeys(addresses))


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=UNQUOTED)
    return f"{path}?{quote(parts.query, safe=UNQUOTED)}" if parts.query else path


def _name(parts: SplitResult) -> str:
    name = PurePosixPath(unquote(parts.path)).name or str(parts.hostname)
    return "".join(character for character in name if character.isprintable())[-MAX_NAME_LENGTH:]

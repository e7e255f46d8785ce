"""A URL that a user typed is fetched from public addresses only, within limits."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from core.errors import DownloadError
from core.net import public_fetch
from core.net.public_fetch import Fetched, fetch_public, is_public, is_url
from tests.support.local_server import LocalServer, refused_url, serve

MAX_BYTES = 1 << 20
Resolve = dict[str, list[str]]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serve(**{"cat.jpg": b"image", "large.jpg": bytes(MAX_BYTES + 1)}) as running:
        yield running


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Take 127.0.0.1 for public; other names are looked up in the returned table."""
    table: Resolve = {}
    original = socket.getaddrinfo

    def look_up(host: str, port: int, *others: Any, **options: Any) -> Any:
        if host in table:
            return [(None, None, None, "", (address, port)) for address in table[host]]
        return original(host, port, *others, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    allowed = ipaddress.ip_address("127.0.0.1")
    monkeypatch.setattr(
        public_fetch, "is_public", lambda address: address == allowed or is_public(address)
    )
    return table


def problem_of(url: str) -> str:
    with pytest.raises(DownloadError) as caught:
        fetch_public(url, MAX_BYTES)
    assert caught.value.advice
    return caught.value.problem


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:0:1::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "text",
    [
        *("cat.jpg", "/data/cat.jpg", "C:\\cat.jpg", "file:///etc/passwd", "ftp://a.org/x"),
        *("data:image/png;base64,AAAA", "http://", "https:///x", "http://a:port/", "http://[::1"),
        *("javascript:alert(1)", "//a.org/x", ""),
    ],
)
def test_other_texts_are_no_urls(text: str) -> None:
    assert not is_url(text)
    assert problem_of(text) == f"“{text}” is not a web address."


def test_urls() -> None:
    assert is_url("https://example.org/cat.jpg")
    assert is_url(" HTTP://example.org:8080/a?b=c ")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001"),
        *("[::1]", "[::ffff:127.0.0.1]", "0", "[::]"),
    ],
)
def test_this_computer_is_not_asked(server: LocalServer, host: str) -> None:
    port = server.url.rpartition(":")[2]
    problem = problem_of(f"http://{host}:{port}/cat.jpg")
    assert "is this computer or in a private network" in problem
    assert server.asked == []


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/"])
def test_private_networks_are_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", None)
    assert "in a private network" in problem_of(url)


def test_a_name_of_a_private_address_is_not_asked(server: LocalServer, public: Resolve) -> None:
    public["rebound.example"] = ["127.0.0.1", "10.0.0.1"]  # One public address is not enough
    port = server.url.rpartition(":")[2]
    assert problem_of(f"http://rebound.example:{port}/cat.jpg") == (
        "rebound.example is this computer or in a private network (10.0.0.1)."
    )
    assert server.asked == []


def test_the_connection_is_made_to_the_address_that_was_checked(
    server: LocalServer, public: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    public["cats.example"] = ["127.0.0.1"]
    connected = []
    original = socket.create_connection

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address[0])
        return original(address, timeout)

    monkeypatch.setattr(socket, "create_connection", connect)
    port = server.url.rpartition(":")[2]
    fetched = fetch_public(f"http://cats.example:{port}/cat.jpg", MAX_BYTES)
    assert fetched == Fetched("cat.jpg", b"image")
    assert connected == ["127.0.0.1"]


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/x", "http://192.168.0.1/", "http://[::1]/", "//10.0.0.1/x"]
)
def test_a_redirect_into_a_private_network_is_not_followed(
    server: LocalServer, public: Resolve, target: str
) -> None:
    server.redirects["/cat.jpg"] = target
    assert "in a private network" in problem_of(f"{server.url}/cat.jpg")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/x", "gopher://a/"])
def test_a_redirect_to_another_protocol_is_not_followed(
    server: LocalServer, public: Resolve, target: str
) -> None:
    server.redirects["/cat.jpg"] = target
    assert "is not a web address" in problem_of(f"{server.url}/cat.jpg")


def test_redirects_are_followed_a_few_times(server: LocalServer, public: Resolve) -> None:
    server.redirects |= {f"/{n}": f"/{n + 1}" for n in range(5)} | {"/5": "/cat.jpg"}
    assert fetch_public(f"{server.url}/1", MAX_BYTES).content == b"image"
    assert "redirects more than 5 times" in problem_of(f"{server.url}/0")


@pytest.mark.parametrize("lengths", [True, False])
def test_large_content_is_refused(server: LocalServer, public: Resolve, lengths: bool) -> None:
    server.lengths = lengths
    assert problem_of(f"{server.url}/large.jpg").endswith("sends more than 1 MB.")
    assert len(fetch_public(f"{server.url}/large.jpg", MAX_BYTES + 1).content) == MAX_BYTES + 1


def test_content_that_is_cut_off_is_refused(server: LocalServer, public: Resolve) -> None:
    server.cut_after = 1000
    server.files["/small.jpg"] = bytes(5000)
    assert problem_of(f"{server.url}/small.jpg").endswith("was cut off.")


@pytest.mark.slow
def test_a_slow_server_is_given_up(
    server: LocalServer, public: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_fetch, "TIMEOUT_S", 0.3)
    server.files["/slow.jpg"] = bytes(600_000)
    server.seconds_a_piece = 0.2
    assert problem_of(f"{server.url}/slow.jpg").endswith("did not answer in time.")


def test_a_silent_name_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_fetch, "TIMEOUT_S", 0.1)
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(5) and [])
    assert problem_of("http://silent.example/a.jpg") == "silent.example did not answer in time."
    answered.set()


def test_a_status_is_said(server: LocalServer, public: Resolve) -> None:
    assert problem_of(f"{server.url}/none.jpg").endswith("returned HTTP status 404.")


def test_nobody_there_is_said(public: Resolve) -> None:
    assert problem_of(f"{refused_url()}/a.jpg").endswith("refused the connection.")


def test_a_name_that_does_not_exist_is_said() -> None:
    assert "was not found" in problem_of("http://nowhere.invalid/a.jpg")


def test_a_user_name_is_refused() -> None:
    assert problem_of("http://user:secret@example.org/a.jpg") == (
        "The address of example.org has a user name in it."
    )


def test_no_line_can_be_smuggled_in(server: LocalServer, public: Resolve) -> None:
    server.files["/a%20b.jpg%0D%0AX:1"] = b"image"
    fetched = fetch_public(f"{server.url}/a b.jpg%0D%0AX:1", MAX_BYTES)
    assert fetched == Fetched("a b.jpgX:1", b"image")
    assert server.asked == ["/a%20b.jpg%0D%0AX:1"]


def test_a_proxy_is_not_asked(
    server: LocalServer, public: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, refused_url())
    assert fetch_public(f"{server.url}/cat.jpg", MAX_BYTES).content == b"image"

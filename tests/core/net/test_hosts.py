"""The address to listen on and the host names to accept, from what people type."""

import socket

import psutil
import pytest

from core.net.hosts import LOOPBACK, is_loopback, listening, own_names


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of known names and addresses."""
    entry = type("Entry", (), {})
    interfaces = []
    for family, address in (
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "192.168.7.5"),
        (socket.AF_INET6, "fd00::5"),
        (socket.AF_INET6, "fe80::1%eth0"),
        (psutil.AF_LINK, "aa:bb:cc:dd:ee:ff"),
    ):
        each = entry()
        each.family, each.address = family, address
        interfaces.append(each)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": interfaces})
    monkeypatch.setattr(socket, "gethostname", lambda: "box.lan")
    monkeypatch.setattr(socket, "getfqdn", lambda: "box.example.org")


OWN = ["box.lan", "box.example.org", "box", "127.0.0.1", "192.168.7.5", "fd00::5"]


def test_the_machine_has_names_and_addresses() -> None:
    assert own_names() == OWN


@pytest.mark.parametrize(
    ("hosts", "address", "first"),
    [
        ("gpu.example.org", "0.0.0.0", ["gpu.example.org"]),
        ("box", "0.0.0.0", ["box"]),
        ("0.0.0.0", "0.0.0.0", ["0.0.0.0"]),
        ("::", "::", ["::"]),
        ("192.168.7.5", "192.168.7.5", ["192.168.7.5"]),
        ("[fd00::5]", "fd00::5", ["fd00::5"]),
        ("203.0.113.9", "0.0.0.0", ["203.0.113.9"]),  # Of a router in front of it
        ("a.example.org, b.example.org", "0.0.0.0", ["a.example.org", "b.example.org"]),
        ("*.example.org", "0.0.0.0", ["*.example.org"]),
    ],
)
def test_names_and_addresses(hosts: str, address: str, first: list[str]) -> None:
    listened, allowed = listening(hosts)
    assert listened == address
    assert allowed[: len(first)] == first
    assert set(allowed) == {*first, *LOOPBACK, *OWN}
    assert len(set(allowed)) == len(allowed)


@pytest.mark.parametrize(
    ("hosts", "address"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")],
)
def test_loopback_opens_nothing(hosts: str, address: str) -> None:
    assert listening(hosts) == (address, list(LOOPBACK))


@pytest.mark.parametrize(
    "hosts", ["", "  ", "http://a.org", "a b/c", "a.org:8501", "a;rm", "..", "*"]
)
def test_what_is_no_host_name_is_refused(hosts: str) -> None:
    with pytest.raises(ValueError, match="host name"):
        listening(hosts)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "127.9.9.9"])
def test_names_of_loopback(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["0.0.0.0", "192.168.7.5", "example.org", "localhost.example"])
def test_other_names(name: str) -> None:
    assert not is_loopback(name)

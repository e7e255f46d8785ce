"""Addresses and host names of a server that others can reach."""

import ipaddress
import re
import socket
from collections.abc import Sequence

import psutil

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERY_INTERFACE = "0.0.0.0"


def is_loopback(name: str) -> bool:
    """Return whether a host name or address is this machine's own, reached from itself only."""
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def listening(hosts: str) -> tuple[str, list[str]]:
    """Return the address to listen on and the host names to accept.

    Args:
        hosts: What people type into the browser: host names or addresses, separated by spaces or
            commas. An address of this machine is the one to listen on; a name may be of a proxy or
            a container, so every interface is.

    Returns:
        The address, and the given names with those of this machine.

    Raises:
        ValueError: None is given, or one has other characters.
    """
    names = [name.strip("[]") for name in re.split(r"[\s,]+", hosts.strip()) if name]
    for name in names:
        if _address(name) is None and not re.fullmatch(r"(\*\.)?[\w-]+(\.[\w-]+)*\.?", name):
            raise ValueError(f"“{name}” is not a host name")
    if not names:
        raise ValueError("a host name is missing")
    if all(is_loopback(name) for name in names):
        return _listenable(names[0]) or LOOPBACK[1], list(LOOPBACK)
    address = _listenable(names[0]) or EVERY_INTERFACE
    return address, list(dict.fromkeys([*names, *LOOPBACK, *own_names()]))


def own_names() -> list[str]:
    """Return the names and addresses of this machine, without those of single links."""
    found: Sequence[str] = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    ]
    addresses = [each for each in found if not ipaddress.ip_address(each).is_link_local]
    name = socket.gethostname()
    return [name, socket.getfqdn(), name.partition(".")[0], *addresses]


def _listenable(name: str) -> str | None:
    """Return an address to listen on: one of this machine, or of every interface; None for none."""
    address = _address(name)
    if address is None:
        return None
    return name if address.is_unspecified or address.is_loopback or name in own_names() else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None

"""Whether others can reach this server, and what it does not do then."""

import ipaddress
import os

import streamlit as st

from core.datasets.links import ROOTS_VARIABLE as LINK_ROOTS
from core.net.hosts import is_loopback
from core.net.remote_address import ROOTS_VARIABLE as REMOTE_ROOTS


def is_open_to_others() -> bool:
    """Return whether the server listens on more than the loopback interface."""
    address = st.get_option("server.address")
    if address == "localhost":
        return False
    try:
        return not ipaddress.ip_address(address or "0.0.0.0").is_loopback
    except ValueError:  # Another host name
        return True


def is_for_this_machine() -> bool:
    """Return whether the server listens on loopback and accepts no other host names.

    A server that listens on loopback is reached from elsewhere through a proxy, which needs its
    name in `server.allowedHosts`.
    """
    names = [st.get_option("server.address"), *st.get_option("server.allowedHosts")]
    return len(names) > 1 and all(is_loopback(str(name)) for name in names)


def restrict_sources() -> None:
    """Let others who can reach the server not read what only it can reach.

    Links of datasets lead nowhere else, and no address is a source of images. Jobs inherit that;
    the administrator may allow folders and addresses by the variables.
    """
    if is_open_to_others():
        os.environ.setdefault(LINK_ROOTS, "")
    if not is_for_this_machine():
        os.environ.setdefault(REMOTE_ROOTS, "")

"""Whether others can reach this server, and what it does not do then."""

import ipaddress
import os

import streamlit as st

from core.datasets.links import ROOTS_VARIABLE


def is_open_to_others() -> bool:
    """Return whether the server listens on more than the loopback interface."""
    address = st.get_option("server.address")
    if address == "localhost":
        return False
    try:
        return not ipaddress.ip_address(address or "0.0.0.0").is_loopback
    except ValueError:  # Another host name
        return True


def restrict_links() -> None:
    """Let links of datasets lead nowhere else, if others can reach the server.

    Jobs inherit that; the administrator may allow folders by the variable.
    """
    if is_open_to_others():
        os.environ.setdefault(ROOTS_VARIABLE, "")

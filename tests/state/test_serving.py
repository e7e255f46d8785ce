"""A server that others reach lets links lead nowhere else, and reads no addresses of images."""

import os
from collections.abc import Sequence

import pytest
import streamlit as st

from core.datasets.links import ROOTS_VARIABLE, link_policy
from core.errors import WorkbenchError
from core.net import remote_address
from core.net.remote_address import check_source
from state.serving import is_open_to_others, restrict_sources

REMOTE_ROOTS = remote_address.ROOTS_VARIABLE
NAMES = ("localhost", "127.0.0.1")


def listen(
    monkeypatch: pytest.MonkeyPatch, address: str | None, names: Sequence[str] = NAMES
) -> None:
    options = {"server.address": address, "server.allowedHosts": names}
    monkeypatch.setattr(st, "get_option", options.get)


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REMOTE_ROOTS, "x")  # What is set now is undone
    monkeypatch.delenv(REMOTE_ROOTS)


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        *(("127.0.0.1", False), ("::1", False), ("localhost", False), ("127.0.0.2", False)),
        *(("0.0.0.0", True), ("::", True), ("192.168.1.2", True), ("gpu.example.org", True)),
        *((None, True), ("", True)),
    ],
)
def test_a_server_is_open_unless_it_listens_on_loopback(
    monkeypatch: pytest.MonkeyPatch, address: str | None, is_open: bool
) -> None:
    monkeypatch.setattr(
        st, "get_option", {"server.address": address, "server.allowedHosts": NAMES}.get
    )
    monkeypatch.setenv(ROOTS_VARIABLE, "x")  # What is set now is undone
    monkeypatch.delenv(ROOTS_VARIABLE)
    assert is_open_to_others() == is_open
    restrict_sources()
    assert link_policy().roots == (() if is_open else None)


def test_the_administrator_may_allow_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        st, "get_option", {"server.address": "0.0.0.0", "server.allowedHosts": NAMES}.get
    )
    monkeypatch.setenv(ROOTS_VARIABLE, "/data")
    restrict_sources()
    assert link_policy().roots == ("/data",)


@pytest.mark.parametrize(
    ("address", "names", "stated", "expected"),
    [
        ("127.0.0.1", NAMES, None, None),
        ("127.0.0.1", (*NAMES, "search.example.org"), None, ""),  # Behind a proxy
        ("127.0.0.1", (), None, ""),
        ("0.0.0.0", NAMES, None, ""),
        ("0.0.0.0", NAMES, "s3://photos/", "s3://photos/"),
    ],
)
def test_others_import_only_from_addresses_that_the_administrator_allows(
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    names: Sequence[str],
    stated: str | None,
    expected: str | None,
) -> None:
    listen(monkeypatch, address, names)
    monkeypatch.setenv(ROOTS_VARIABLE, "/data")
    if stated is not None:
        monkeypatch.setenv(REMOTE_ROOTS, stated)
    restrict_sources()
    assert os.environ.get(REMOTE_ROOTS) == expected
    if expected != "":
        check_source("s3://photos/a")
        return
    with pytest.raises(WorkbenchError, match="This server does not read images"):
        check_source("s3://photos/a")

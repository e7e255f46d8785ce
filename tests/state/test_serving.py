"""A server that others reach lets links lead nowhere else."""

import pytest
import streamlit as st

from core.datasets.links import ROOTS_VARIABLE, link_policy
from state.serving import is_open_to_others, restrict_links


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
    monkeypatch.setattr(st, "get_option", {"server.address": address}.get)
    monkeypatch.setenv(ROOTS_VARIABLE, "x")  # What is set now is undone
    monkeypatch.delenv(ROOTS_VARIABLE)
    assert is_open_to_others() == is_open
    restrict_links()
    assert link_policy().roots == (() if is_open else None)


def test_the_administrator_may_allow_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", {"server.address": "0.0.0.0"}.get)
    monkeypatch.setenv(ROOTS_VARIABLE, "/data")
    restrict_links()
    assert link_policy().roots == ("/data",)

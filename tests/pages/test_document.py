"""The HTML page that the browser loads first."""

from pathlib import Path

import pytest
import streamlit as st
from starlette.requests import Request

from core.workspace import PROJECT
from pages.parts.components import document, styles
from tests.support.asynchronous import run


def test_the_page_is_streamlits_with_the_name_and_the_css_of_the_app() -> None:
    response = run(document.respond(Request({"type": "http"})))
    assert response.status_code == 200
    body = bytes(response.body).decode()
    assert f"<title>{document.NAME}</title>" in body
    assert styles.SHEET in body.partition("</head>")[2].partition("<div id=")[0]
    assert '<div id="root">' in body


def test_every_page_has_its_route() -> None:
    paths = {route.path for route in document.routes()}
    assert paths == {"/", *(f"/{page.stem}" for page in (PROJECT / "pages").glob("*.py"))}


def test_routes_lie_below_the_base_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": "/images/"}.__getitem__)
    assert {"/images", "/images/query"} <= {route.path for route in document.routes()}


def test_scripts_that_others_import_are_requested_too(tmp_path: Path) -> None:
    (tmp_path / "Metric.a1.js").write_text('import{a}from"./lib.b2.js";import"./side.c3.js";')
    (tmp_path / "lib.b2.js").write_text('import{b}from"./Metric.a1.js";export{b}')
    (tmp_path / "side.c3.js").write_text("1")
    (tmp_path / "Slider.d4.js").write_text("1")
    assert sorted(document.scripts(tmp_path)) == ["Metric.a1.js", "lib.b2.js", "side.c3.js"]


@pytest.mark.parametrize("element", document.ELEMENTS)
def test_streamlit_has_the_scripts(element: str) -> None:
    assert f"/{element}." in document.page()

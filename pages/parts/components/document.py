"""The HTML page that the browser loads first: Streamlit's, with the app's name and CSS.

Otherwise the CSS would come with the first run of a page, and the sidebar would move what was drawn
before it.
"""

import re
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from core.workspace import PROJECT
from pages.parts.components import styles

NAME = "Image Retrieval Workbench"
STREAMLIT_PAGE = Path(st.__file__).parent / "static/index.html"

ELEMENTS = (
    *("StreamlitMarkdown", "PageLink", "Button", "ButtonGroup", "Selectbox", "Checkbox"),
    *("TextInput", "NumberInput", "FileUploader", "Metric", "BidiComponent", "ImageList"),
)
"""Streamlit loads the script of an element when it draws one. Those of most pages are requested
with the page, so that their places are not filled one by one."""

IMPORT = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')


@cache
def page() -> str:
    """Return the page as HTML."""
    document = STREAMLIT_PAGE.read_text(encoding="utf-8")
    document = document.replace("<title>Streamlit</title>", f"<title>{NAME}</title>", 1)
    links = "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">'
        for name in scripts(STREAMLIT_PAGE.parent / "static/js")
        if name not in document
    )
    document = document.replace("</head>", f"{links}</head>", 1)
    # In the body: Streamlit adds its own styles to the head, and of equal ones the later counts
    return document.replace("<body>", f"<body><style>{styles.SHEET}</style>", 1)


def scripts(folder: Path) -> list[str]:
    """Return the scripts of the elements that most pages draw, and all that these import."""
    missing = [path.name for element in ELEMENTS for path in folder.glob(f"{element}.*.js")]
    found = dict.fromkeys(missing)
    while missing:
        imported = IMPORT.findall((folder / missing.pop()).read_text(encoding="utf-8"))
        missing += [name for name in imported if name not in found]
        found |= dict.fromkeys(imported)
    return list(found)


async def respond(_: Request) -> HTMLResponse:
    """Send the page."""
    return HTMLResponse(page(), headers={"Cache-Control": "no-cache"})


def routes() -> list[Route]:
    """Return the route of each page."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    names = ["", *sorted(path.stem for path in (PROJECT / "pages").glob("*.py"))]
    return [Route("/" + "/".join(filter(None, (base, name))), respond) for name in names]

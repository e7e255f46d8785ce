"""The plotly.js script of the plotly package, served as a static file."""

import filecmp
import threading
from functools import cache
from pathlib import Path

import streamlit as st

from core.errors import WorkbenchError
from core.files import write_atomically

STATIC = Path(__file__).parents[3] / "static"
SCRIPT = "plotly.min.js"

_copying = threading.Lock()


def ensure_plotly_script() -> str:
    """Copy plotly.js to static/ if it is missing there, and return its URL.

    Raises:
        WorkbenchError: The folder cannot be written to.

    Returns:
        A URL with the installed version. It is relative to the page unless `server.baseUrlPath` is
        set, so that it also works behind a proxy with a prefix.
    """
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{f'/{base}' if base else '.'}/app/static/{SCRIPT}?v={_copy_plotly_script(STATIC)}"


@cache
def _copy_plotly_script(folder: Path) -> str:
    """Update the script in `folder`, once a process, and return plotly's version."""
    import plotly  # Takes a moment to import, and few pages need it

    source = Path(plotly.__file__).parent / "package_data" / SCRIPT
    target = folder / SCRIPT
    try:
        with _copying:
            if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
                folder.mkdir(exist_ok=True)
                write_atomically(target, lambda file: file.write(source.read_bytes()))
    except OSError as error:
        problem = f"The script for plots could not be copied to {target}: {error.strerror}."
        raise WorkbenchError(problem, "Make that folder writable and try again.") from error
    return str(plotly.__version__)

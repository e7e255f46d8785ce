"""The app with its CSS in the first bytes of each page, and a page for other host names.

`python serve.py [HOST …]` serves it under the names that people type into the browser, `streamlit
run serve.py` under those in .streamlit/config.toml. `streamlit run Home.py` serves the same app,
but its pages move once while they load, and under a name that is not allowed they stay gray.
"""

import os
import sys

import streamlit as st
from starlette.middleware import Middleware

from core.errors import WorkbenchError
from core.net.hosts import listening
from core.training.launchers import read_launchers
from core.workspace import PROJECT
from pages.parts.components import document
from state.host_guard import HostGuard

ALLOWED = "STREAMLIT_SERVER_ALLOWED_HOSTS"
"""Environment variable of `server.allowedHosts`, whose names Streamlit separates by spaces."""

app = st.App(PROJECT / "Home.py", routes=document.routes(), middleware=[Middleware(HostGuard)])


def settings_for(hosts: str) -> dict[str, str]:
    """Return the environment variables with which Streamlit serves under these host names.

    Raises:
        ValueError: One is no host name.
    """
    if not hosts:
        names = os.environ.get(ALLOWED, "")
        return {ALLOWED: names.replace(",", " ")} if "," in names else {}
    address, allowed = listening(hosts)
    return {
        "STREAMLIT_SERVER_ADDRESS": address,
        ALLOWED: " ".join(allowed),
        "STREAMLIT_BROWSER_SERVER_ADDRESS": allowed[0],  # In the URL that it prints
    }


if __name__ == "__main__":
    try:
        os.environ |= settings_for(" ".join(sys.argv[1:]))
        read_launchers()
    except WorkbenchError as error:
        sys.exit(str(error))
    except ValueError as error:
        sys.exit(f"{error}.")
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", __file__])

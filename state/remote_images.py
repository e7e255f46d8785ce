"""Whether this server may download query images by URL, and their download."""

import hashlib
import os

import streamlit as st

from core.errors import WorkbenchError
from core.net.hosts import is_loopback
from core.query.remote import fetch_query_image
from state import session
from state.history import Upload

VARIABLE = "WORKBENCH_QUERY_URLS"
"""Environment variable: 1 allows URLs as queries, 0 forbids them."""


def are_allowed() -> bool:
    """Return whether URLs may be queries: as the administrator says, else on this machine only.

    A server that listens on loopback is reached from elsewhere through a proxy, which needs its
    name in `server.allowedHosts`.
    """
    chosen = os.environ.get(VARIABLE, "").strip().lower()
    if chosen:
        return chosen in ("1", "true", "yes")
    names = [st.get_option("server.address"), *st.get_option("server.allowedHosts")]
    return len(names) > 1 and all(is_loopback(str(name)) for name in names)


def upload_from(url: str) -> str:
    """Download an image as an upload of this tab, and return its digest.

    Raises:
        DownloadError: See `fetch_query_image`.
        UnreadableImageError: It is no image.
        WorkbenchError: URLs are not allowed on this server.
    """
    if not are_allowed():  # A browser may send what no page offers
        raise WorkbenchError("This server does not download images.", "Upload the image instead.")
    source = fetch_query_image(url)
    digest = hashlib.sha256(source.content).hexdigest()
    session.selection().uploads.keep(digest, Upload(source.name, source.content))
    return digest

"""Whether this server may download query images by URL, and their download."""

import hashlib
import os

from core.errors import WorkbenchError
from core.query.remote import fetch_query_image
from state import session
from state.history import Upload
from state.serving import is_for_this_machine

VARIABLE = "WORKBENCH_QUERY_URLS"
"""Environment variable: 1 allows URLs as queries, 0 forbids them."""


def are_allowed() -> bool:
    """Return whether URLs may be queries: as the administrator says, else on this machine only."""
    chosen = os.environ.get(VARIABLE, "").strip().lower()
    if chosen:
        return chosen in ("1", "true", "yes")
    return is_for_this_machine()


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

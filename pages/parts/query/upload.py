"""Query images from an upload, the camera, the clipboard or the dataset."""

import hashlib
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.images.formats import NAMES
from core.images.isolation import check_image
from core.net.public_fetch import MAX_URL_LENGTH
from core.query.query import MAX_IMAGE_MB, MAX_IMAGES, QueryImage
from pages.parts.components import waiting
from pages.parts.components.browser_component import component, ignore
from pages.parts.components.text import plain
from state import queries, remote_images, session
from state.history import Upload

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

URL_WIDTH = 480
"""Width of the URL's field in pixels, where there is room."""

UPLOADS, REFUSED, ADD = "query-uploads", "query-refused", "query-add"
"""State keys: number of uploads in this tab, error messages of the last one, and whether the next
images are added to the query."""

FORMATS = f"{NAMES}; up to {MAX_IMAGES} images are one query."
CAMERA = "query-camera-on"
"""State key: whether the camera is shown."""

_PASTE = component(
    "workbench_paste", Path(__file__).parent, '<p role="status"></p>', ["paste.js"], "paste.css"
)


def show(dataset: Dataset, *, compact: bool) -> DeltaGenerator:
    """Show the inputs for query images, and return the row of their buttons.

    `compact` is for a narrow column beside a query.
    """
    times = session.value_of(UPLOADS) or 0
    key = f"query-upload-{times}"  # A new one each time: the session keeps what was uploaded
    place = st.container(key="query-inputs-compact" if compact else "query-inputs", gap="xsmall")
    with place:
        st.file_uploader(
            "Query images",
            accept_multiple_files=True,
            max_upload_size=MAX_IMAGE_MB,
            key=key,
            on_change=_on_upload,
            args=(key,),
            label_visibility="collapsed",
        )
        url = paste_into(key, urls=remote_images.are_allowed()) or _typed_url(times, compact)
        row = st.container(horizontal=True, gap="small", vertical_alignment="center")
        with row:
            _buttons(dataset, compact)
        if session.value_of(CAMERA):
            camera = f"query-camera-{times}"
            st.camera_input("Take a photo", key=camera, on_change=_on_upload, args=(camera,))
        for sentence in session.value_of(REFUSED) or ():
            st.error(plain(sentence))
        if url:
            _take_url(url)
    return row


def _typed_url(times: int, compact: bool) -> str:
    """Draw the field for the URL of an image, if they are allowed; return what was entered."""
    if not remote_images.are_allowed():
        return ""
    return st.text_input(
        "Image URL",
        key=f"query-url-{times}",
        placeholder="Image URL: https://…",
        width="stretch" if compact else URL_WIDTH,
        max_chars=MAX_URL_LENGTH,
        label_visibility="collapsed",
    ).strip()


def _take_url(url: str) -> None:
    """Set the query to the image at a URL, or report why it cannot be used, and draw again."""
    try:
        with waiting.in_place("Downloading the image…", "query-url"):
            images, refused = [QueryImage(digest=remote_images.upload_from(url))], []
    except WorkbenchError as error:
        images, refused = [], [str(error)]
    _count_upload()
    _set_images(images, refused)
    st.rerun()


def _buttons(dataset: Dataset, compact: bool) -> None:
    st.button(
        "Random image",
        key="query-random",
        icon=":material/shuffle:",
        width="stretch" if compact else "content",
        on_click=_take_random,
        args=(dataset,),
    )
    st.toggle("Camera", key=CAMERA)
    if not compact:
        st.markdown("&nbsp;", width="content", help=FORMATS)
    if session.selection().query.images:
        st.toggle("Add to query", key=ADD)


def paste_into(uploader_key: str, *, urls: bool = False) -> str:
    """Send files that are pasted anywhere on this page to an uploader, and show a line about it.

    The uploader alone would need the focus. Pastes into text fields and while a dialog is open are
    left alone, and the uploader's own limits apply. Its key has letters, digits, - and _ only.

    Returns:
        A web address that was pasted instead, if `urls` says that it may be; else "".
    """
    pasted = _PASTE(
        key=f"{uploader_key}-paste",
        data={"uploader": uploader_key, "urls": urls},
        on_url_change=ignore,
    )
    return str(pasted.url or "")[:MAX_URL_LENGTH] if urls else ""


def _take_random(dataset: Dataset) -> None:
    image_id = queries.random_image(dataset, seed=time.time_ns())
    if image_id is not None:
        _set_images([QueryImage(image_id=image_id)])


def _on_upload(key: str) -> None:
    """Set the query to the uploaded images; report those that cannot be used."""
    given = session.value_of(key)
    files: Sequence[UploadedFile] = given if isinstance(given, list) else [given] if given else []
    images, refused = [], []
    for file in files[:MAX_IMAGES]:
        content = file.getvalue()
        if len(content) > MAX_IMAGE_MB << 20:  # The browser checks it too, untrusted
            refused.append(f"{file.name} is larger than {MAX_IMAGE_MB} MB. Upload a smaller file.")
            continue
        try:
            check_image(BytesIO(content), name=file.name)
        except WorkbenchError as error:
            refused.append(str(error))
            continue
        digest = hashlib.sha256(content).hexdigest()
        session.selection().uploads.keep(digest, Upload(file.name, content))
        images.append(QueryImage(digest=digest))
    if len(files) > MAX_IMAGES:
        refused.append(
            f"A query has at most {MAX_IMAGES} images: {len(files) - MAX_IMAGES} of {len(files)} "
            "were skipped. Search by more images under Batch."
        )
    _count_upload()
    _set_images(images, refused)


def _count_upload() -> None:
    """Give the inputs new keys, so that they are empty again."""
    session.remember(UPLOADS, (session.value_of(UPLOADS) or 0) + 1)


def _set_images(images: list[QueryImage], refused: Sequence[str] = ()) -> None:
    session.remember(REFUSED, tuple(refused))
    if not images:
        return
    query = session.selection().query
    joins = bool(session.value_of(ADD)) and bool(query.images)
    session.set_query(query.with_images(images) if joins else query.with_only(images))

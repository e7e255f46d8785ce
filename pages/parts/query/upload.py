"""Query images from an upload, the camera, the clipboard or the dataset."""

import hashlib
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.images.decoding import open_image
from core.query.query import MAX_IMAGES, QueryImage
from pages.parts.components.browser_component import component
from pages.parts.components.text import plain
from state import queries, session
from state.history import Upload

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_UPLOAD_MB = 25
UPLOADS, REFUSED, ADD = "query-uploads", "query-refused", "query-add"
"""State keys: number of uploads in this tab, error messages of the last one, and whether the next
images are added to the query."""

_PASTE = component(
    "workbench_paste", Path(__file__).parent, '<p role="status"></p>', ["paste.js"], "paste.css"
)


def show(dataset: Dataset) -> None:
    """Show the inputs for query images."""
    times = session.value_of(UPLOADS) or 0
    key = f"query-upload-{times}"  # A new one each time: the session keeps what was uploaded
    st.file_uploader(
        "Images",
        accept_multiple_files=True,
        max_upload_size=MAX_UPLOAD_MB,
        key=key,
        on_change=_on_upload,
        args=(key,),
        help=f"JPEG, PNG, WebP, BMP, GIF or TIFF of up to {MAX_UPLOAD_MB} MB; up to {MAX_IMAGES} "
        "of them are one query. Choose them, drop them, or press Ctrl+V with one in the clipboard.",
    )
    paste_into(key)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Surprise me",
            key="query-random",
            icon=":material/shuffle:",
            help="Take a random image of the dataset.",
            on_click=_take_random,
            args=(dataset,),
        )
        with_camera = st.toggle("Camera", key="query-camera-on")
        if session.selection().query.images:
            st.toggle(
                "Add to it",
                key=ADD,
                help="Images that come now join those that are there, in place of a new query.",
            )
    if with_camera:
        camera = f"query-camera-{times}"
        st.camera_input("Take a picture", key=camera, on_change=_on_upload, args=(camera,))
    for sentence in session.value_of(REFUSED) or ():
        st.error(plain(sentence))


def paste_into(uploader_key: str) -> None:
    """Send files that are pasted anywhere on this page to an uploader, and show a line about it.

    The uploader alone would need the focus. Pastes into text fields and while a dialog is open are
    left alone, and the uploader's own limits apply. Its key has letters, digits, - and _ only.
    """
    _PASTE(key=f"{uploader_key}-paste", data={"uploader": uploader_key})


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
        if len(content) > MAX_UPLOAD_MB << 20:  # The browser is asked to say so before, not trusted
            refused.append(f"{file.name} is larger than {MAX_UPLOAD_MB} MB. Upload a smaller one.")
            continue
        try:
            open_image(BytesIO(content), name=file.name, min_side=1)
        except WorkbenchError as error:
            refused.append(str(error))
            continue
        digest = hashlib.sha256(content).hexdigest()
        session.selection().uploads.keep(digest, Upload(file.name, content))
        images.append(QueryImage(digest=digest))
    if len(files) > MAX_IMAGES:
        refused.append(
            f"{len(files)} images came at once, and a query takes {MAX_IMAGES}: the first "
            f"{MAX_IMAGES} were taken. For more, open Many at once."
        )
    session.remember(UPLOADS, (session.value_of(UPLOADS) or 0) + 1)
    _set_images(images, refused)


def _set_images(images: list[QueryImage], refused: Sequence[str] = ()) -> None:
    session.remember(REFUSED, tuple(refused))
    if not images:
        return
    query = session.selection().query
    joins = bool(session.value_of(ADD)) and bool(query.images)
    session.set_query(query.with_images(images) if joins else query.with_only(images))

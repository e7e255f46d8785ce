"""What is asked by: images that are uploaded, taken with a camera, or of the dataset."""

import hashlib
import time
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import streamlit as st

from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.images.decoding import open_image
from pages.parts.components.text import plain
from pages.parts.query import paste
from state import queries, session
from state.history import Upload
from state.query_view import MAX_IMAGES, QueryImage

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_UPLOAD_MB = 25
UPLOADS, REFUSED, ADD = "query-uploads", "query-refused", "query-add"
"""How often images were taken over in this tab, what of the last ones was refused, and whether the
next are to join the query."""


def show(dataset: Dataset) -> None:
    """Draw all that a query can come from."""
    times = session.value_of(UPLOADS) or 0
    key = f"query-upload-{times}"  # A new one each time: the session keeps what was uploaded
    st.file_uploader(
        "Images",
        accept_multiple_files=True,
        max_upload_size=MAX_UPLOAD_MB,
        key=key,
        on_change=_take_over,
        args=(key,),
        help=f"JPEG, PNG, WebP, BMP, GIF or TIFF of up to {MAX_UPLOAD_MB} MB; up to {MAX_IMAGES} "
        "of them are one query. Choose them, drop them, or press Ctrl+V with one in the clipboard.",
    )
    paste.into(key)
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
        if session.selection().question.images:
            st.toggle(
                "Add to it",
                key=ADD,
                help="Images that come now join those that are there, in place of a new query.",
            )
    if with_camera:
        camera = f"query-camera-{times}"
        st.camera_input("Take a picture", key=camera, on_change=_take_over, args=(camera,))
    for sentence in session.value_of(REFUSED) or ():
        st.error(plain(sentence))


def _take_random(dataset: Dataset) -> None:
    image_id = queries.random_image(dataset, seed=time.time_ns())
    if image_id is not None:
        _ask([QueryImage(image_id=image_id)])


def _take_over(key: str) -> None:
    """Ask by what came in; what is no image is said, and the rest stands."""
    given = session.value_of(key)
    files: Sequence[UploadedFile] = given if isinstance(given, list) else [given] if given else []
    images, refused = [], []
    for file in files[:MAX_IMAGES]:
        content = file.getvalue()
        if len(content) > MAX_UPLOAD_MB << 20:  # The browser is asked to say so before, not trusted
            refused.append(f"{file.name} is larger than {MAX_UPLOAD_MB} MB. Upload a smaller one.")
            continue
        try:
            open_image(BytesIO(content), name=file.name, at_least=1)
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
    _ask(images, refused)


def _ask(images: list[QueryImage], refused: Sequence[str] = ()) -> None:
    session.remember(REFUSED, tuple(refused))
    if not images:
        return
    question = session.selection().question
    joins = bool(session.value_of(ADD)) and bool(question.images)
    session.ask(question.with_images(images) if joins else question.of(images))

"""The crop of a query and pasting, on a page of their own, for test_crop.py and test_paste.py.

The wide picture is 800 x 400 pixels of four solid quadrants, in a box of 400 pixels: one pixel on
the screen is two of it.
"""

import streamlit as st
from PIL import Image

from core.errors import WorkbenchError
from core.images.cropping import WHOLE, Crop, crop_image
from core.images.thumbnails import data_uri, encode_thumbnail
from pages.parts.query import crop
from pages.parts.query.upload import paste_into
from tests.factories.images import quadrants

SIZES = {"wide": (800, 400), "tall": (200, 600), "tiny": (12, 12)}


def show_crop() -> None:
    state = st.session_state
    state.setdefault("crops", {})
    name = st.segmented_control("picture", SIZES, default="wide", required=True)
    picture = quadrants(*SIZES[name])
    uri = data_uri(encode_thumbnail(picture, 640))
    with st.container(width=400):
        chosen = crop.draw(
            uri,
            picture.width,
            picture.height,
            state.crops.get(name, WHOLE),
            squashed=False,
            key="crop",
        )
    state.crops[name] = chosen
    st.button("half of it", on_click=state.crops.update, args=({name: Crop(right=0.5)},))
    edges = (chosen.left, chosen.top, chosen.right, chosen.bottom)
    st.text("crop: " + " ".join(f"{edge:.3f}" for edge in edges))
    st.text(f"turned: {chosen.turns} {chosen.angle:g}")
    state.runs = state.get("runs", 0) + 1
    st.text(f"runs: {state.runs}")
    try:
        st.text("cut: {} x {}".format(*crop_image(picture, chosen).size))
    except WorkbenchError as error:
        st.text(str(error))


@st.dialog("Something else")
def show_dialog() -> None:
    st.text("in the dialog")


def show_paste() -> None:
    several = st.toggle("several", value=True)
    uploads = st.file_uploader(
        "Upload", accept_multiple_files=several, max_upload_size=1, key="app-upload"
    )
    urls = st.toggle("urls")
    if url := paste_into("app-upload", urls=urls):
        st.session_state["pasted"] = url
    st.text(f"url: {st.session_state.get('pasted', '')}")
    st.text_input("Name")
    st.text_area("Notes")
    if st.button("ask"):
        show_dialog()
    files = uploads if isinstance(uploads, list) else [uploads] if uploads else []
    for file in files:
        with Image.open(file) as picture:
            st.text(f"{file.name}: {picture.width} x {picture.height}")
    st.text(f"{len(files)} files")


st.set_page_config(layout="wide")
view = st.segmented_control("view", ["crop", "paste", "neither"], default="neither")
st.button("run again")
if view == "crop":
    show_crop()
elif view == "paste":
    show_paste()
else:
    st.text("nothing here")

"""Query: an image in, its category and its nearest images out."""

import hashlib
import time
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts import Manifest
from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset, open_dataset
from core.errors import MissingError, WorkbenchError
from core.images import open_image
from core.lineage import MODEL_CHANGED, read_lineage
from core.thumbnails import encode_thumbnail
from pages.parts import guards
from pages.parts.gallery import gallery
from pages.parts.text import plain
from pages.parts.tiles import tiles_of_matches
from state import answers, resources, session
from state.answers import Query

if TYPE_CHECKING:
    from core.retrieval.query import Match

QUERY_SIDE = 320
TOP_CLASSES = 5
MAX_UPLOAD_MB = 25


def ask(dataset: Dataset) -> Query | None:
    """Draw what a query can come from and return it, if there is one."""
    chosen = session.selection()
    upload = st.file_uploader(
        "Upload an image",
        max_upload_size=MAX_UPLOAD_MB,
        key="query-upload",
        on_change=forget_dataset_image,
        help="JPEG, PNG, WebP, BMP, GIF or TIFF. Drop it, choose it, or paste it while this field "
        "has the focus.",
    )
    if st.button(
        "Surprise me",
        key="query-random",
        icon=":material/shuffle:",
        help="Take a random image of the dataset.",
    ):
        chosen.query_image = answers.random_image(dataset, seed=time.time_ns())
    if upload is not None and chosen.query_image is not None:
        label = f"Back to {plain(upload.name)}"
        st.button(label, key="query-back", icon=":material/undo:", on_click=forget_dataset_image)
    if chosen.query_image is not None:
        row = dataset.catalog.rows_by_id([chosen.query_image]).get(chosen.query_image)
        if row is None:
            st.warning("The image that was the query is no longer in the dataset.")
            return None
        return Query(path=dataset.path_of(row), name=row.path, image=row)
    if upload is None:
        return None
    content = upload.getvalue()
    return Query(
        content=content, name=upload.name, digest=hashlib.sha256(content).hexdigest(), image=None
    )


def forget_dataset_image() -> None:
    """Let the upload take the place of a query from the dataset."""
    session.selection().query_image = None


def show_query(query: Query) -> None:
    """Draw the query itself."""
    picture = encode_thumbnail(open_image(query.source(), name=query.name), QUERY_SIDE)
    st.image(picture, width="content")
    st.caption(plain(query.name))
    if query.image is not None and query.image.label:
        st.caption(f"From the dataset · category **{plain(query.image.label)}**")


def show_prediction(prediction: list[tuple[str, float]], trained_on: str, dataset: str) -> None:
    """Draw the likeliest categories with their probabilities."""
    if not prediction:
        st.caption("This model knows no classes: it finds images, and predicts nothing.")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.metric("Predicted category", prediction[0][0])
        likeliest = prediction[:TOP_CLASSES]
        shares = [f"{plain(label)} **{probability:.1%}**" for label, probability in likeliest]
        note = "probability"
        if trained_on != dataset:
            whose = plain(trained_on) if trained_on else "the model, which was brought in"
            note = f"the categories of {whose}"
        st.markdown(" · ".join(shares) + f"  \n:gray[{note}]")


def show_matches(dataset: Dataset, matches: "list[Match]", wanted: ImageRow | None, k: int) -> None:
    """Draw the nearest images; a click makes one the next query."""
    label = wanted.label if wanted is not None else None
    tiles = tiles_of_matches(dataset, matches, label)
    if label is not None:
        hits = sum(tile.mark == "hit" for tile in tiles)
        st.markdown(f"**{hits} of {len(tiles)}** are of the same category ({plain(label)}).")
    if len(tiles) < k:
        st.caption(f"The index gave {len(tiles)} of the {k} that were asked for.")
    clicked = gallery(tiles, key="query-gallery", label="Matches")
    if clicked is not None:
        session.selection().query_image = clicked
        st.rerun()
    st.caption("Click an image to search for those like it.")


def main(manifest: Manifest, model: Manifest) -> None:
    """Draw the page for a current index."""
    dataset = open_dataset(resources.workspace(), manifest.made_from["dataset"])
    grid = st.grid(4, min_column_width=220, gap="medium")
    left, right = grid.cell(), grid.cell(column_span=3)
    with left:
        query = ask(dataset)
        k = st.slider("Results", 1, 100, 12, key="query-k", persist_state="session")
    if query is None:
        right.info("Upload an image, or take one from the dataset, to see what is like it.")
        return
    try:
        with left:
            show_query(query)
        with right:
            found, seconds = answers.answer_of(query, manifest, model, dataset, k)
            show_prediction(found.prediction, model.made_from["dataset"], dataset.name)
            show_matches(dataset, found.matches, query.image, k)
            with st.container(horizontal=True):
                for stage, spent in seconds.items():
                    st.badge(f"{stage} {1e3 * spent:.0f} ms", color="gray")
    except MissingError as error:
        right.error(f"{plain(str(error))} Build the index again on the Indexes page.")
    except WorkbenchError as error:
        right.error(plain(str(error)))


chosen = session.enter_page()
st.title("Query")
lineage = read_lineage(resources.workspace())
index = guards.require_index(chosen, lineage, "A query")
model = lineage.model(index.made_from["model"])
if model is None or lineage.stale_reason(index) == MODEL_CHANGED:
    guards.stop_without("Indexes", "The model of this index is gone or was trained anew.")
main(index, model)

"""Home of an empty workspace: three sources, each one click from a search, and the tour."""

from pathlib import Path

import streamlit as st

from core.commands import dataset_import
from core.commands.pipeline import QUICKSTART, Source
from core.datasets.registry import list_datasets, require_free_name
from pages.parts.components import errors, jobs_menu, quickstart
from pages.parts.datasets import import_preview, import_sources
from pages.parts.datasets.import_sources import Chosen
from pages.parts.home import tour
from state import resources

HERE = Path(__file__).parent
CARD_PX = 240
FOLDER, UPLOAD = "Server folder", "Upload"
BOLT = ":material/bolt:"


def show() -> None:
    """Draw the sources, or the progress of an import."""
    if jobs_menu.wait_for(QUICKSTART, *dataset_import.COMMANDS):
        _follow()
        tour.show()
        return
    cards = st.grid(3, min_column_width=CARD_PX, gap="medium", key="home-cards")
    with cards.cell(), _card("folder", "Your images", "A folder with your own images"):
        _own_images()
    with cards.cell(), _card("caltech101", "Caltech-101", "Drawings of an airplane, a watch …"):
        _known(Source.CALTECH101, "Download", "8,677 photographs, 101 classes, 137 MB download")
    with cards.cell(), _card("sample", "Sample dataset", "A boat, a cat, a rocket … on patterns"):
        _known(Source.SAMPLE, "Generate", "720 generated images, 12 classes, no download")
    st.caption(
        "You get a searchable index and a map within minutes, and with labels an evaluation."
    )
    tour.show()


@st.fragment(run_every=jobs_menu.FAST_S)
def _follow() -> None:
    """Draw the whole page again once the dataset is there."""
    if list_datasets(resources.workspace()):
        st.rerun()


def _card(name: str, title: str, alt: str) -> "st.delta_generator.DeltaGenerator":
    """Draw the picture and the title of a card; return the card."""
    card = st.container(border=True, key=f"home-card-{name}", gap="small", height="stretch")
    picture = next(HERE.glob(f"{name}.*"))
    card.image(str(picture), width="stretch", alt=alt)
    card.header(title, anchor=False)
    return card


def _known(source: Source, verb: str, facts: str) -> None:
    """Draw the facts of a known dataset and the button that makes it searchable."""
    st.caption(facts)
    st.space("stretch")
    if st.button(
        f"{verb} and make searchable",
        key=f"home-{source}",
        icon=BOLT,
        width="stretch",
        help=quickstart.HELP,
    ):
        quickstart.start(str(source), ["--source", str(source)])


def _own_images() -> None:
    way = st.segmented_control(
        "Source",
        (FOLDER, UPLOAD),
        default=FOLDER,
        required=True,
        key="home-way",
        label_visibility="collapsed",
    )
    if way == FOLDER:
        chosen = import_sources.folder("home-folder")
    else:
        chosen = import_sources.upload("home-upload")
    with st.container(key="home-preview"):
        is_ready = _preview(chosen)
    go = st.button(
        "Import and make searchable",
        key="home-import",
        type="primary",
        icon=BOLT,
        width="stretch",
        disabled=not is_ready,
        help=quickstart.HELP,
    )
    if go and chosen is not None:
        with errors.shown():
            name = quickstart.free_name(chosen.wanted_name, ())
            require_free_name(resources.workspace(), name)
            quickstart.start(name, chosen.keep())


def _preview(chosen: Chosen | None) -> bool:
    """Draw what would be imported; return whether it can be."""
    if chosen is None or chosen.listed is None:
        st.caption("Subfolders name the classes.")
        return False
    return import_preview.line(chosen.listed) is not None

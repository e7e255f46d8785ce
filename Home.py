"""The app: `streamlit run Home.py`. The router and the Home page."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.pipeline import QUICKSTART
from core.evaluation.files import system_name
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import header, job_panel, navigation, quickstart, waiting
from pages.parts.components.text import plain, size
from state import flush, resources, selection_rules, session
from state.session import Selection

STEPS = (
    ("Datasets", "Bring in images: yours, Caltech-101, or a sample dataset."),
    ("Training", "Teach a VGG-16 what your classes look like."),
    ("Indexes", "Embed every image and make them searchable."),
    ("Query", "Upload an image: its class, and the images like it."),
    ("Explore", "Walk through the embedding space on a map."),
    ("Evaluate", "Know how good retrieval is, class by class and beside baselines."),
    ("Data quality", "Find wrong labels, outliers and duplicates, and put them right."),
)

BUTTON_WIDTH = 110
SIDEBAR_WIDTH = 220
"""In pixels; in a window 800 wide the pages need the rest."""


def home() -> None:
    """Draw the first page: what there is, and the next step."""
    chosen, lineage = session.enter_page(), read_lineage(resources.workspace())
    st.title("Image Retrieval Workbench")
    st.markdown(
        "Find images like yours, with a model that you trained yourself: seven steps, all in the "
        "browser."
    )
    if chosen.dataset and job_panel.is_active(QUICKSTART):
        job_panel.show(QUICKSTART, controls=quickstart.open_query)
    elif chosen.dataset and not lineage.indexes_of(dataset=chosen.dataset):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**Quick start** · Search **{plain(chosen.dataset)}** within minutes, with a "
                "pre-trained model that is installed already."
            )
            quickstart.offer(chosen.dataset, lineage, "home")
    done = _results_so_far(chosen, lineage)
    is_offered = chosen.dataset and not lineage.indexes_of(dataset=chosen.dataset)
    first_open = next((number for number, text in enumerate(done) if not text), None)
    for number, (title, purpose) in enumerate(STEPS):
        with st.container(
            border=True,
            horizontal=True,
            wrap=False,
            horizontal_alignment="distribute",
            vertical_alignment="center",
        ):
            mark = ":green[:material/check_circle:]" if done[number] else f"**{number + 1}**"
            st.markdown(f"{mark} **{title}** · {purpose}  \n:gray[{done[number] or 'Not yet.'}]")
            if st.button(
                title,
                key=f"home-go-{number}",
                type="primary" if number == first_open and not is_offered else "secondary",
                width=BUTTON_WIDTH,
            ):
                navigation.go(title)
    if lineage.datasets:
        _disk()


def _disk() -> None:
    """Draw the disk use of the workspace; last, because it is measured once a minute."""
    use = resources.disk_use()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{size(use.total)} on disk, {size(use.free)} free; your own image files not counted.",
            width="content",
        )
        with st.popover("What takes it", type="tertiary", icon=":material/hard_drive:"):
            table = {"what": list(use.by_kind), "size": [size(n) for n in use.by_kind.values()]}
            st.dataframe(table, hide_index=True)


def _results_so_far(chosen: Selection, lineage: Lineage) -> list[str]:
    """Return what each step has made so far; empty if nothing."""
    model, index = lineage.model(chosen.model), lineage.index(chosen.index)
    searchable = f"Ready: {index.summary['count']:,} images." if index else ""
    return [
        f"{len(lineage.datasets)} here; working on {plain(chosen.dataset)}."
        if chosen.dataset
        else "",
        _trained(lineage, model),
        f"{len(lineage.indexes)} here; searching {plain(index.id)}." if index else "",
        searchable,
        "A map is drawn." if index and lineage.maps_of(index) else "",
        _measured(lineage.evaluation_of(chosen.dataset or "")),
        "Looked through." if index and lineage.analysis_of(index) else "",
    ]


def _measured(evaluation: Manifest | None) -> str:
    if evaluation is None:
        return ""
    return f"mAP@10 {evaluation.summary['map_at_10']:.3f}, by {plain(system_name(evaluation))}."


def _trained(lineage: Lineage, model: Manifest | None) -> str:
    if model:
        return f"{len(lineage.models)} here; working with {plain(model.id)}."
    return f"{len(lineage.models)} here, to index this dataset with." if lineage.models else ""


def main() -> None:
    """Route to the page, with the header above it."""
    st.set_page_config(
        page_title="Image Retrieval Workbench",
        page_icon="🔎",
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    waiting.stand_still()
    first = st.Page(home, title="Home", icon=":material/home:", default=True)
    page = st.navigation([first, *navigation.pages()], position="hidden")
    navigation.redirect(page)
    chosen, lineage = session.selection(), read_lineage(resources.workspace())
    selection_rules.adopt_results(chosen, resources.jobs(), lineage)
    selection_rules.validate(chosen, lineage)
    session.write_url(chosen)
    navigation.sidebar(first)
    header.show(chosen, lineage)
    for sentence in session.pop_all(chosen.notices):
        st.info(plain(sentence), icon=":material/info:")
    for sentence in session.pop_all(chosen.toasts):
        st.toast(plain(sentence))
    for sentence in lineage.damaged:
        st.warning(plain(sentence), icon=":material/broken_image:")
    session.announce_page()
    page.run()


with flush.complete():
    main()

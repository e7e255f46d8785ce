"""Where a training runs: on this machine, or under a launcher that the administrator has set."""

import streamlit as st

from core.errors import WorkbenchError
from core.jobs.processes import LAUNCHER, NODES
from core.training.launchers import read_launchers
from core.training.runs import Run
from pages.parts.components.text import plain

HERE = "This machine"
MAX_NODES = 1024


def options() -> list[str]:
    """Draw the choice if there is a launcher; return the options of the verb, none for here."""
    try:
        launchers = read_launchers()
    except WorkbenchError as error:
        st.warning(plain(str(error)))
        return []
    if not launchers:
        return []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Launcher",
            [HERE, *launchers],
            key="training-launcher",
            help="Starts the training on other machines, as the administrator has set.",
        )
        if name == HERE:
            return []
        nodes = 1
        if launchers[name].takes_nodes:
            nodes = st.number_input("Nodes", 1, MAX_NODES, key="training-nodes", width=120)
    return [LAUNCHER, name, NODES, str(nodes)]


def options_of(run: Run) -> list[str]:
    """Return the options by which a run is resumed where it was started last."""
    return [LAUNCHER, run.launcher, NODES, str(run.nodes)] if run.launcher else []

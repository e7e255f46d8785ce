"""A click that comes in the moment in which a job ends is not lost."""

import pytest
from streamlit.testing.v1 import AppTest

from core.workspace import Workspace


def header_of_a_job_that_ended() -> None:
    from unittest import mock

    import streamlit as st

    from pages.parts.components import header

    with mock.patch.object(header, "_active_ids", side_effect=[["ended-meanwhile"], []]):
        header.follow_jobs()
    if st.button("go"):
        st.text("gone")


def panel_of_a_job_that_ended() -> None:
    import streamlit as st

    from pages.parts.components import job_panel

    job_panel._live(["ended-meanwhile"], lambda view: None)
    if st.button("go"):
        st.text("gone")


@pytest.mark.parametrize("script", [header_of_a_job_that_ended, panel_of_a_job_that_ended])
def test_a_run_that_carries_a_click_comes_to_its_button(empty: Workspace, script: object) -> None:
    app = AppTest.from_function(script, default_timeout=10).run()  # type: ignore[arg-type]
    assert not app.exception
    app.button[0].click().run()
    assert [text.value for text in app.text] == ["gone"]

"""A click that comes in the moment in which a job ends is not lost."""

from streamlit.testing.v1 import AppTest

from core.workspace import Workspace


def header_of_a_job_that_ended() -> None:
    from unittest import mock

    import streamlit as st

    from pages.parts.components import jobs_menu

    with mock.patch.object(jobs_menu, "_active_ids", side_effect=[["ended-meanwhile"], []]):
        jobs_menu.show()
    if st.button("go", key="go"):
        st.text("gone")


def test_a_run_that_carries_a_click_comes_to_its_button(empty: Workspace) -> None:
    app = AppTest.from_function(header_of_a_job_that_ended, default_timeout=10).run()
    assert not app.exception
    app.button(key="go").click().run()
    assert [text.value for text in app.text] == ["gone"]

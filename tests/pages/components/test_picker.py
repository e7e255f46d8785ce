"""A picker ignores what a browser still sends for an earlier selection."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from pages.parts.components import picker
    from state import session

    def choose(value: str) -> None:
        session.remember("current", value)

    current = session.value_of("current") or "a"
    picker.pick("Letter", ["a", "b"], current, key="letter", name=str.upper, choose=choose)
    st.text(current)


def test_another_option_is_chosen() -> None:
    app = AppTest.from_function(page).run()
    app.selectbox(key="letter-a").set_value("b").run()
    assert [text.value for text in app.text] == ["b"]
    assert app.selectbox(key="letter-b").value == "b"


def late_value() -> None:
    import streamlit as st

    from pages.parts.components import picker
    from state import session

    chosen: list[str] = []
    for sent in ("a", "b", None):
        session.remember("letter-a", sent)
        picker._changed("letter-a", "a", chosen.append)
    st.text(" ".join(chosen))


def test_the_value_that_it_was_drawn_with_is_no_change() -> None:
    app = AppTest.from_function(late_value).run()
    assert [text.value for text in app.text] == ["b"]

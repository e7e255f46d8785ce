"""What page tests read from a page and do with its jobs."""

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from state import resources

Open = Callable[[str], AppTest]


def said_in_passing(app: AppTest) -> str:
    """What the page says for some seconds only."""
    [toast] = app.toast
    return str(toast.value).replace("\\", "")


def picker(app: AppTest, key: str) -> "Selectbox[Any]":
    """The picker whose key begins so, such as header-model."""
    return next(box for box in app.selectbox if str(box.key).startswith(f"{key}-"))


def picked(app: AppTest) -> list[str | None]:
    """The dataset, the model and the index that the header shows, by their names there."""
    pickers = [picker(app, f"header-{kind}") for kind in ("dataset", "model", "index")]
    return [None if each.value is None else each.format_func(each.value) for each in pickers]


def open_jobs(app: AppTest) -> str:
    """Open the jobs menu; return everything that a person reads then."""
    app.session_state["jobs-menu"] = True
    return texts(app.run())


def texts(app: AppTest) -> str:
    """Everything that a person reads on the page."""
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.title]
    values = [str(element.value) for element in elements]
    return "\n".join(value for value in values if not value.startswith("<style>"))


def last_job() -> tuple[str, ...]:
    """The arguments of the job that was started last."""
    return resources.jobs().views()[0].record.arguments


def wait_for_jobs() -> None:
    """Let all jobs end."""
    for view in resources.jobs().active():
        resources.jobs().wait(view.record.id, 60)


def stop_jobs() -> None:
    """Stop all jobs and wait for their end."""
    for view in resources.jobs().active():
        resources.jobs().stop(view.record.id)
        resources.jobs().wait(view.record.id, 60)

"""What page tests read from a page and do with its jobs."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from state import resources

Open = Callable[[str], AppTest]


def said_in_passing(app: AppTest) -> str:
    """What the page says for some seconds only."""
    [toast] = app.toast
    return str(toast.value).replace("\\", "")


def texts(app: AppTest) -> str:
    """Everything that a person reads on the page."""
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.title]
    return "\n".join(str(element.value) for element in elements)


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

"""Choice of the engine on the Indexes page, without a cluster."""

from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import pytest

from core.embeddings.config import Precision
from core.embeddings.engine import RAY_ADDRESS, Engine
from core.models.devices import choose_device
from core.workspace import Workspace
from state import resources
from tests.support.page_fixtures import Open, last_job, stop_jobs, texts

INSTALL = "`pip install -r requirements-scale.txt`"


def installed(monkeypatch: pytest.MonkeyPatch, *, ray: bool) -> None:
    """Have the page find the package ray, or not, whether it is there or not."""
    spec = ModuleSpec("ray", None) if ray else None

    def find(name: str) -> ModuleSpec | None:
        return spec if name == "ray" else find_spec(name)

    monkeypatch.setattr("core.embeddings.engine.find_spec", find)


@pytest.mark.slow
def test_without_ray_one_sentence_stands_in_place_of_the_choice(
    full: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, ray=False)
    monkeypatch.delenv(RAY_ADDRESS, raising=False)
    app = visit("indexes")
    assert "indexes-engine" not in [choice.key for choice in app.segmented_control]
    assert f"Embeds on this machine; for a Ray cluster, {INSTALL}." in texts(app)

    monkeypatch.setenv(RAY_ADDRESS, "head:6379")
    assert f"RAY_ADDRESS is set, but Ray is not installed: {INSTALL}." in texts(app.run())
    assert "indexes-build" in [button.key for button in app.button]


@pytest.mark.slow
def test_a_job_embeds_where_the_form_says(
    full: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, ray=True)
    monkeypatch.setenv(RAY_ADDRESS, "head:6379")
    app = visit("indexes")
    assert "indexes-ray-address" not in [field.key for field in app.text_input]
    app.segmented_control(key="indexes-engine").set_value(Engine.RAY).run()
    address = app.text_input(key="indexes-ray-address")
    assert (address.value, address.placeholder) == ("", "head:6379")
    assert "Each node needs the workspace" in texts(app)

    address.set_value("user:secret@head:6379").run()
    shown = texts(app).replace("\\", "")
    assert "address must be the HOST:PORT of a Ray cluster" in shown
    assert "secret" not in shown
    assert "indexes-build" not in [button.key for button in app.button]

    app.text_input(key="indexes-ray-address").set_value(" 127.0.0.1:1 ").run()
    app.number_input(key="indexes-ray-gpus").set_value(0.5).run()
    other = Precision.FLOAT32 if choose_device().bfloat16 else Precision.BFLOAT16
    app.selectbox(key="indexes-precision").set_value(other).run()  # Nothing is embedded so yet
    app.button(key="indexes-build").click().run()
    assert not app.exception
    given = ("--engine", "ray", "--address", "127.0.0.1:1", "--worker-gpus", "0.5")
    arguments = last_job()
    start = arguments.index("--engine")
    assert arguments[start : start + len(given)] == given
    [job] = resources.jobs().views()
    resources.jobs().wait(job.record.id, 60)
    [job] = resources.jobs().views()
    expected = "The Ray cluster at 127.0.0.1:1 does not answer."
    assert job.message.startswith(expected if find_spec("ray") else "The package ray is not")
    stop_jobs()

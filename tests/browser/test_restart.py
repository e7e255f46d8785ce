"""Jobs outlive the page and the server; one that dies is shown as what it is."""

import os
import re
import signal
from collections.abc import Callable

from playwright.sync_api import Page, expect

from core.job_records import list_running
from core.workspace import Workspace
from tests.browser.journey import MINUTE, go_to, headless, start_from_scratch
from tests.browser.workbench import Workbench, open_page

TITLE = "Training vgg16_bn on drawn, 500 epochs"


def start_training(page: Page, workbench: Workbench) -> None:
    headless(workbench.home, "draw", "--name", "drawn", "--per-category", "20")
    open_page(page, workbench, "training")
    start_from_scratch(page)
    page.get_by_text("Settings", exact=True).click()
    page.get_by_role("spinbutton", name="Epochs").fill("500")
    page.get_by_role("spinbutton", name="Epochs").press("Tab")
    expect(page.get_by_text(re.compile("500 epochs"))).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile("epoch 1 of 500")).first).to_be_visible(timeout=MINUTE)


def test_a_training_survives_the_server_and_its_death_is_told(
    start_workbench: Callable[..., Workbench], page: Page
) -> None:
    workbench = start_workbench()
    start_training(page, workbench)
    [before] = list_running(Workspace(workbench.home))

    workbench.kill()
    workbench.start()
    open_page(page, workbench, "training")
    expect(page.get_by_text(re.compile(f"{TITLE}.*epoch")).first).to_be_visible()
    [after] = list_running(Workspace(workbench.home))
    assert after.process_id == before.process_id

    os.killpg(after.process_id, signal.SIGKILL)
    expect(page.get_by_text(f"{TITLE}: interrupted")).to_be_visible()
    page.get_by_role("button", name="Log and command").click()
    expect(page.get_by_text("The same from a shell:")).to_be_visible()
    expect(page.get_by_text(re.compile("python -m core train --dataset drawn"))).to_be_visible()
    models = workbench.home / "models"
    assert [path.name for path in models.iterdir() if not path.name.startswith(".")] == []


def test_a_stop_is_acknowledged_and_another_tab_sees_it(
    start_workbench: Callable[..., Workbench], page: Page
) -> None:
    workbench = start_workbench()
    start_training(page, workbench)
    other = page.context.new_page()
    open_page(other, workbench, "")
    expect(other.get_by_text(re.compile(TITLE)).first).to_be_visible()

    page.get_by_role("button", name="Stop", exact=True).click()

    expect(page.get_by_role("button", name="Stopping…")).to_be_visible()
    expect(page.get_by_text(re.compile(f"{TITLE}: stopped"))).to_be_visible(timeout=MINUTE)
    expect(other.get_by_text(re.compile(TITLE))).to_have_count(0)
    assert workbench.jobs() == []
    go_to(page, "Datasets")

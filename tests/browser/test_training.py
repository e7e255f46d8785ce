"""Trainings are watched live, paused and resumed, and outlive the page, the server and a kill."""

import os
import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.jobs.records import list_active
from core.training.runs import read_metrics
from core.workspace import Workspace
from tests.browser.journey import (
    MINUTE,
    choose_option,
    choose_preset,
    go_to,
    headless,
    metric,
    open_jobs,
    set_number,
    start_from_scratch,
    stop_button,
    tiles,
)
from tests.browser.workbench import Workbench, open_page, wait_idle

RUN = "drawn-mobilenet_v3_large"
SHOWN_RANGE = "() => document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range"
TITLE = "Training mobilenet_v3_large on drawn, 500 epochs"


def start_training(page: Page, workbench: Workbench) -> None:
    headless(workbench.home, "generate", "--name", "drawn", "--per-class", "20")
    open_page(page, workbench, "training")
    page.get_by_text("Advanced", exact=True).click()
    choose_preset(page, "From scratch")
    expect(page.get_by_text("needs thousands of images")).to_be_visible()
    start_from_scratch(page)  # By now the settings were drawn open; a list stays unfolded
    choose_option(page, "Backbone", "MobileNet-V3 large")
    set_number(page, "Epochs", 500)
    wait_idle(page)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile(r"epoch \d+ of 500")).first).to_be_visible(timeout=MINUTE)


def zoom_in(page: Page) -> list[float]:
    """Draw a box in the first plot with the mouse; return the epochs that it shows then."""
    plot = page.locator(".js-plotly-plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    before = page.evaluate(SHOWN_RANGE)
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=8)
    page.mouse.up()
    page.wait_for_function(f"before => ({SHOWN_RANGE})().join() !== before.join()", arg=before)
    shown: list[float] = page.evaluate(SHOWN_RANGE)
    return shown


def epochs_of(workbench: Workbench) -> list[float]:
    return [measured["epoch"] for measured in read_metrics(Workspace(workbench.home), RUN)]


def watch(page: Page) -> None:
    """See the curves, and validation queries drawn anew under a view that stays."""
    expect(metric(page, "mAP@10")).to_be_visible(timeout=2 * MINUTE)
    expect(page.get_by_text(re.compile(r"images/s · .* MB of memory"))).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    first = page.get_by_text("Validation queries after epoch").inner_text()
    for column in (1, 2):
        expect(tiles(page, f"Validation queries, column {column}")).to_have_count(18)
    zoomed = zoom_in(page)
    expect(page.get_by_text(first, exact=True)).to_have_count(0, timeout=MINUTE)  # Drawn anew
    expect(page.get_by_text("Validation queries after epoch")).to_be_visible()
    assert page.evaluate(SHOWN_RANGE) == zoomed


def resume(page: Page, workbench: Workbench) -> None:
    """Resume a training and see the epoch after those that it had saved."""
    before = epochs_of(workbench)
    page.get_by_role("button", name="Resume").click()
    expect(stop_button(page)).to_be_visible()
    goes_on = page.get_by_text(re.compile(f"Validation queries after epoch {len(before) + 1}"))
    expect(goes_on).to_be_visible(timeout=MINUTE)
    assert epochs_of(workbench)[: len(before)] == before


@pytest.mark.timeout(900)
def test_a_training_is_watched_paused_outlives_server_and_kill_and_is_stopped(
    start_workbench: Callable[..., Workbench], sound_page: Page
) -> None:
    page = sound_page
    workbench = start_workbench()
    start_training(page, workbench)
    other = page.context.new_page()
    other.set_default_navigation_timeout(2 * MINUTE)
    open_page(other, workbench, "")
    expect(open_jobs(other).get_by_text(re.compile(f"{TITLE}.*epoch")).first).to_be_visible()
    watch(page)

    page.get_by_role("button", name="Pause").click()
    paused = page.get_by_text(re.compile(r"paused · \d+ of 500 epochs"))
    expect(paused).to_be_visible(timeout=MINUTE)
    assert workbench.jobs() == []
    resume(page, workbench)

    [before] = list_active(Workspace(workbench.home))
    workbench.kill()
    workbench.start()
    open_page(page, workbench, "training")
    expect(page.get_by_text(re.compile(f"Training {RUN}.*epoch")).first).to_be_visible()
    [after] = list_active(Workspace(workbench.home))
    assert after.process_id == before.process_id

    os.killpg(after.process_id, signal.SIGKILL)
    interrupted = page.get_by_text(re.compile(r"interrupted · \d+ of 500 epochs"))
    expect(interrupted).to_be_visible(timeout=MINUTE)
    open_jobs(page).get_by_role("button", name="Details").first.click()
    expect(page.get_by_text(re.compile("python -m core resume"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert list((workbench.home / "models").glob("[!.]*")) == []
    resume(page, workbench)

    stop_button(page).click()
    stopped = page.get_by_text(re.compile(r"stopped · \d+ of 500 epochs"))
    expect(stopped).to_be_visible(timeout=MINUTE)
    expect(page.get_by_role("button", name="Build index").first).to_be_visible()
    expect(other.get_by_text(re.compile("stopped; the best result"))).to_be_visible(timeout=MINUTE)
    assert epochs_of(workbench) == list(range(1, len(epochs_of(workbench)) + 1))
    assert (workbench.home / "models" / RUN).is_dir()
    go_to(page, "Datasets")

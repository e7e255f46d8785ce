"""Finds a Chromium that starts: run as a script, prints its path or fails."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

from playwright.sync_api import Error, sync_playwright

NAMES = (
    "chromium-headless-shell",
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
"""The first opens a page in half the time: it has no window to draw one in."""

SOFTWARE_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Arguments with which maps are drawn without a graphics card."""


@cache
def find_chromium() -> str | None:
    """Return the Chromium to test in: `$CHROMIUM`, else one on the path, else Playwright's own."""
    chosen = os.environ.get("CHROMIUM")
    candidates = iter([chosen]) if chosen else _installed()
    return next((path for path in candidates if _starts(path)), None)


def _installed() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    try:
        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
    except Error:
        return
    yield own


def _starts(path: str) -> bool:
    """Being there is not enough: a placeholder only says where to get the real one."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


if __name__ == "__main__":
    sys.exit(print(found) if (found := find_chromium()) else 1)

"""Page tests: each has a Streamlit runtime of its own."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick_runtimes(components_scanned_once: None) -> None:
    """Use `components_scanned_once` in every page test."""

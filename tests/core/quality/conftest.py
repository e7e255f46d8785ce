"""Fixtures of the data quality tests."""

import pytest

from core.workspace import Workspace
from tests.factories import quality
from tests.factories.quality import DuplicateSet


@pytest.fixture
def duplicate_set(workspace: Workspace) -> DuplicateSet:
    return quality.duplicate_set(workspace)

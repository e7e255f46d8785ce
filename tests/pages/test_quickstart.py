"""One button leads from the images of a dataset to search."""

from pathlib import Path

import pytest

from core.jobs.records import Status
from core.workspace import Workspace
from state import resources
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.support.page_fixtures import Open, picked


@pytest.mark.slow
def test_a_dataset_is_made_searchable_and_its_index_is_selected(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    bring_in(empty, class_folders(tmp_path / "in", red=10, green=10, blue=10))
    app = visit("datasets")
    app.button(key="quickstart-datasets").click().run()
    [view] = resources.jobs().views()
    assert view.record.arguments == ("quickstart", "--name", "colors")
    ended = resources.jobs().wait(view.record.id, timeout=120)
    assert ended.record.status == Status.DONE, ended.message
    app.run()
    assert picked(app)[1:] == ["efficientnet_lite0", "flat"]
    assert "quickstart-datasets" not in {button.key for button in app.button}


def test_a_searchable_dataset_has_no_such_button(full: Workspace, visit: Open) -> None:
    assert "quickstart-datasets" not in {button.key for button in visit("datasets").button}

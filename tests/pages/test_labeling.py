"""The label assistant of the Datasets page: examples, proposals, bulk acceptance, undo."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.catalog import Catalog
from core.datasets.columns import ImageFilter, ImageRow
from core.datasets.database import connect
from core.datasets.fingerprints import write_fingerprints
from core.datasets.registry import open_dataset
from core.labeling.proposals import AUTO_LABELED
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.support.page_fixtures import Open, said_in_passing, texts


def catalog_of(workspace: Workspace) -> Catalog:
    return open_dataset(workspace, "colors").catalog


def remove_labels(workspace: Workspace, examples: int) -> None:
    """Leave each class `examples` labeled images."""
    catalog = catalog_of(workspace)
    labeled: dict[str | None, int] = {}
    with connect(catalog.path) as connection:
        for row in catalog.rows():
            labeled[row.label] = labeled.get(row.label, 0) + 1
            if labeled[row.label] > examples:
                connection.execute("UPDATE images SET label = NULL WHERE id = ?", (row.id,))
        write_fingerprints(connection)


@pytest.fixture
def labeling(full: Workspace, visit: Open) -> AppTest:
    """The assistant with four examples of each of three colors, eighteen images without label."""
    remove_labels(full, 4)
    return open_assistant(visit)


def open_assistant(visit: Open) -> AppTest:
    app = visit("datasets")
    app.segmented_control(key="datasets-section").set_value("Labeling").run()
    return app


def unlabeled(workspace: Workspace) -> list[ImageRow]:
    return [row for row in catalog_of(workspace).rows() if row.label is None]


def right(rows: list[ImageRow]) -> int:
    return sum(row.path.split("/")[0] == row.label for row in rows)


@pytest.mark.slow
def test_without_examples_the_assistant_asks_for_them(full: Workspace, visit: Open) -> None:
    remove_labels(full, 0)
    app = open_assistant(visit)
    assert "Select images of one class" in texts(app)
    assert "**30** unlabeled images" in texts(app)


def test_without_an_index_the_assistant_offers_the_quick_start(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    bring_in(empty, class_folders(tmp_path / "in", red=3, green=3))
    app = open_assistant(visit)
    assert "need an index" in texts(app)
    assert app.button(key="quickstart-labeling").label == "Make searchable"


@pytest.mark.slow
def test_proposals_above_a_precision_are_accepted_and_undone(
    full: Workspace, labeling: AppTest
) -> None:
    app = labeling
    assert app.button(key="labeling-accept-all").disabled  # Twelve examples are no 95 %
    app.slider(key="labeling-precision").set_value(80).run()
    app.button(key="labeling-accept-all").click().run()
    assert said_in_passing(app) == "18 images changed"
    accepted = catalog_of(full).rows(ImageFilter(tags=(AUTO_LABELED,)))
    assert (len(accepted), right(accepted)) == (18, 18)
    assert "All indexed images are labeled." in [text.value for text in app.markdown]
    app.button(key="datasets-undo").click().run()
    assert len(unlabeled(full)) == 18


@pytest.mark.slow
def test_selected_images_are_labeled_as_proposed(full: Workspace, labeling: AppTest) -> None:
    picked = [row.id for row in unlabeled(full)][:3]
    labeling.session_state["selection"].labeling_selected = frozenset(picked)
    app = labeling.run()
    assert "**3** selected" in texts(app)
    app.button(key="labeling-accept").click().run()
    rows = catalog_of(full).rows_by_id(picked)
    assert right(list(rows.values())) == 3
    assert catalog_of(full).count(ImageFilter(tags=(AUTO_LABELED,))) == 0
    assert "**15** unlabeled images" in texts(app)


def test_images_of_one_proposed_class_are_listed(labeling: AppTest) -> None:
    app = labeling.selectbox(key="labeling-class").set_value("red").run()
    assert "**6** unlabeled images" in texts(app)

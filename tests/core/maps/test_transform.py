"""Update of a map with its index, and placement of a vector."""

import numpy as np
import pytest

from core.embeddings.files import open_embeddings
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.maps.config import MapConfig
from core.maps.files import Map, build_map, open_map
from core.maps.transform import num_added, place_vector, update_map
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import publish_embeddings
from tests.factories.vectors import at_angles

DEGREES = np.arange(0, 90, 6)
IDS = 100 + np.arange(len(DEGREES), dtype=np.int64)


@pytest.fixture
def pca(workspace: Workspace) -> Map:
    """A PCA map of 15 images at 0, 6, … 84 degrees."""
    embeddings = publish_embeddings(workspace, "arc", IDS, at_angles(*DEGREES))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    config = MapConfig(index=index.id, method="pca")  # type: ignore[arg-type]
    return open_map(workspace, finish(build_map(workspace, config)).id)


def test_new_images_are_placed_and_removed_images_left_out(workspace: Workspace, pca: Map) -> None:
    ids = np.append(IDS[1:], 200)
    changed = publish_embeddings(workspace, "arc", ids, at_angles(*DEGREES[1:], 43), stem="changed")
    embeddings = open_embeddings(workspace, changed.id)
    updated = update_map(pca, embeddings)
    assert num_added(pca, embeddings) == 1
    assert updated.image_ids.tolist() == ids.tolist()
    np.testing.assert_array_equal(updated.points[:-1], pca.points[1:])
    expected = (pca.points[7] + pca.points[8]) / 2  # Near 42 degrees, between 42 and 48
    assert np.linalg.norm(updated.points[-1] - expected) < 0.1
    assert updated.preserved.shape == (15,)
    assert updated.neighbors.rows.shape == (15, 14)


def test_a_map_of_the_same_images_is_not_changed(workspace: Workspace, pca: Map) -> None:
    embeddings = open_embeddings(workspace, pca.manifest.made_from["embeddings"])
    assert update_map(pca, embeddings) is pca
    assert num_added(pca, embeddings) == 0


def test_a_vector_is_placed_where_its_image_is(pca: Map) -> None:
    store = finish(build(at_angles(*DEGREES), IDS, IndexConfig()))
    [vector] = at_angles(42)
    position = place_vector(pca, store, vector)
    assert (position.shape, position.dtype.name) == ((2,), "float32")
    np.testing.assert_allclose(position, pca.points[7], atol=1e-5)

"""What the Explore page knows of an open map, kept for all tabs until something changes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets import curation
from core.datasets.registry import Dataset
from core.maps.coloring import NO_LABEL, ColorBy, Described, Groups, groups_by
from state import resources

if TYPE_CHECKING:
    from core.maps.density import Density
    from core.maps.files import Map


@dataclass(frozen=True, slots=True, eq=False)
class OpenMap:
    """An open map, and what the catalog says of its points."""

    map: "Map"
    described: Described

    num_added: int
    """Images that were added since the map was drawn, and placed on it."""

    key: str
    """Names all of it: changes with the map, the index and the catalog."""

    def row_of(self, image_id: int) -> int | None:
        """Return the place of an image on the map, None where it is not on it."""
        ids = self.map.image_ids
        place = int(np.searchsorted(ids, image_id))
        return place if place < len(ids) and ids[place] == image_id else None

    def rows_of(self, image_ids: list[int]) -> list[int]:
        """Return the places of images; those that are not on the map are left out."""
        return [row for i in image_ids if (row := self.row_of(i)) is not None]


def open_shown_map(manifest: Manifest, index: Manifest, dataset: Dataset) -> OpenMap:
    """Open a map of an index as it is now.

    Raises:
        MissingError: The map, or the embeddings of its index, were deleted.
        DamagedArtifactError: A file was changed.
        WorkbenchError: It was drawn by an earlier version.
    """
    revision = dataset.catalog.revision
    return _open_map(
        manifest.id, manifest.fingerprint, index.fingerprint, revision, (index, dataset)
    )


def groups_of(shown: OpenMap, color_by: ColorBy) -> Groups:
    """Return the points in groups."""
    return _groups(shown.key, str(color_by), shown)


def predicted_of(shown: OpenMap, place: int) -> str | None:
    """Return what the neighbors say a point is; None where they do not know."""
    groups = groups_of(shown, ColorBy.PREDICTED)
    name = groups.names[groups.of_points[place]]
    return None if name == NO_LABEL else name


def density_of(shown: OpenMap) -> "Density":
    """Return how densely the points of a map in 2D lie."""
    return _density(shown.key, shown)


def similarities_to(
    query: NDArray[np.float32], index: Manifest, shown: OpenMap
) -> NDArray[np.float32]:
    """Return the cosine similarity of each point to a (D,) unit vector: (N,) in [-1, 1].

    Raises:
        MissingError: The embeddings were deleted.
    """
    from core.embeddings.files import open_embeddings

    opened = open_embeddings(resources.workspace(), index.made_from["embeddings"])
    rows = opened.rows_of(shown.map.image_ids)
    found: NDArray[np.float32] = (opened.vectors @ query)[rows]
    return found


@st.cache_resource(max_entries=4, show_spinner="Opening the map…")
def _open_map(
    map_id: str,
    fingerprint: str,
    index_fingerprint: str,
    revision: int,
    _parts: tuple[Manifest, Dataset],
) -> OpenMap:
    from core.embeddings.files import open_embeddings
    from core.maps.transform import add_new_images, num_added

    index, dataset = _parts
    made_from = index.made_from
    found, added = resources.opened_map(map_id, fingerprint), 0
    if found.manifest.made_from["embeddings_fingerprint"] != made_from["embeddings_fingerprint"]:
        embeddings = open_embeddings(resources.workspace(), made_from["embeddings"])
        added = num_added(found, embeddings)
        found = add_new_images(found, embeddings)
    ids = found.image_ids.tolist()
    rows = dataset.catalog.rows_by_id(ids)
    tags = curation.tags_of(dataset.catalog, ids)
    described = Described(
        labels=[rows[i].label if i in rows else None for i in ids],
        splits=[rows[i].split if i in rows else None for i in ids],
        tags=[", ".join(tags.get(i, ())) for i in ids],
    )
    key = f"{fingerprint}-{index_fingerprint}-{revision}"
    return OpenMap(found, described, added, key)


@st.cache_resource(max_entries=16, show_spinner=False)
def _groups(key: str, color_by: str, _open_map: OpenMap) -> Groups:
    del key
    found = _open_map.map
    return groups_by(ColorBy(color_by), _open_map.described, found.neighbors, found.clusters)


@st.cache_resource(max_entries=4, show_spinner=False)
def _density(key: str, _open_map: OpenMap) -> "Density":
    del key
    from core.maps.density import density

    return density(_open_map.map.points)

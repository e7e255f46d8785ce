"""Open maps, cached for all tabs with the facts and colors of their points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.maps.coloring import ColorBy, Groups, PointFacts, groups_by, predict_at, read_facts
from core.maps.selection import SelectionSummary, summarize
from state import resources
from state.cache_keys import BY_CONTENT, BY_REVISION

if TYPE_CHECKING:
    from core.maps.density import Density
    from core.maps.files import Map


@dataclass(frozen=True, slots=True, eq=False)
class OpenMap:
    """A map of the current images of its index."""

    map: "Map"
    facts: PointFacts
    num_added: int
    """Number of images that were added to the index since the map was built."""

    key: str
    """Cache key: changes with the map, the index and the catalog."""

    def row_of(self, image_id: int) -> int | None:
        """Return the place of an image on the map; None if it is not on it."""
        ids = self.map.image_ids
        place = int(np.searchsorted(ids, image_id))
        return place if place < len(ids) and ids[place] == image_id else None

    def rows_of(self, image_ids: Sequence[int]) -> list[int]:
        """Return the places of images, leaving out images that are not on the map."""
        wanted, ids = np.asarray(image_ids, np.int64), self.map.image_ids
        places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        found: list[int] = places[ids[places] == wanted].tolist()
        return found

    def summarize(self, places: NDArray[np.int64]) -> SelectionSummary:
        """Summarize the images at (S,) places."""
        images = self.facts.images
        return summarize(places, images.classes, images.labels, self.map.neighbors)


BY_KEY: dict[str | type[Any], Callable[[Any], Any]] = {OpenMap: lambda opened: opened.key}
"""`hash_funcs` of functions of an open map."""


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_REVISION)
def open_current_map(manifest: Manifest, index: Manifest, dataset: Dataset) -> OpenMap:
    """Open a map, updated to the current images of its index.

    Raises:
        MissingError: The map or the embeddings of its index were deleted.
        DamagedArtifactError: One of their files was changed.
        WorkbenchError: An earlier version made the map, which saved fewer files.
    """
    opened, num_added = _map(manifest, index)
    facts = read_facts(dataset.catalog, opened.image_ids)
    key = f"{manifest.fingerprint}-{index.fingerprint}-{dataset.catalog.revision}"
    return OpenMap(opened, facts, num_added, key)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_KEY)
def groups_of(opened: OpenMap, color_by: ColorBy) -> Groups:
    """Return the groups of the points by a property."""
    return groups_by(color_by, opened.facts, opened.map.neighbors, opened.map.clusters)


def predicted_of(opened: OpenMap, place: int) -> str | None:
    """Return the kNN vote of a point; None if its neighbors have no labels."""
    images = opened.facts.images
    number = predict_at(place, images.labels, opened.map.neighbors)
    return images.classes[number] if number >= 0 else None


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_KEY)
def density_of(opened: OpenMap) -> "Density":
    """Return the density of the points of a map in 2D."""
    from core.maps.density import density

    return density(opened.map.points)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_KEY)
def medoids_of(opened: OpenMap) -> NDArray[np.int64]:
    """Return the place of the most central point of each cluster, the largest cluster first."""
    from core.maps.clusters import medoids

    return medoids(opened.map.points, opened.map.clusters)


def similarities_to(
    query: NDArray[np.float32], index: Manifest, opened: OpenMap
) -> NDArray[np.float32]:
    """Return (N,) cosine similarities in [-1, 1] of the points to a (D,) unit vector.

    Raises:
        MissingError: The embeddings were deleted.
    """
    from core.embeddings.files import open_embeddings

    embeddings = open_embeddings(resources.workspace(), index.made_from["embeddings"])
    rows = embeddings.rows_of(opened.map.image_ids)
    similarities: NDArray[np.float32] = (embeddings.vectors @ query)[rows]
    return similarities


@st.cache_resource(max_entries=4, show_spinner="Opening the map…", hash_funcs=BY_CONTENT)
def _map(manifest: Manifest, index: Manifest) -> "tuple[Map, int]":
    """Return a map of the images now in its index, and the number of those added since."""
    from core.embeddings.files import open_embeddings
    from core.maps.files import open_map
    from core.maps.transform import num_added, update_map

    opened = open_map(resources.workspace(), manifest.id)
    made_from, current = opened.manifest.made_from, index.made_from
    if made_from["embeddings_fingerprint"] == current["embeddings_fingerprint"]:
        return opened, 0
    embeddings = open_embeddings(resources.workspace(), current["embeddings"])
    return update_map(opened, embeddings), num_added(opened, embeddings)

"""The current query on a map: its embedding, its matches and its position."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.query.query import Query
from state import queries, resources
from state.query_images import sources_of

if TYPE_CHECKING:
    from state.open_maps import OpenMap


@dataclass(frozen=True, slots=True, eq=False)
class QueryOnMap:
    """A query with its matches, to show on maps of an index."""

    vector: NDArray[np.float32]
    """(D,) unit row, the mean of the positive images."""

    match_ids: list[int]
    """Catalog ids of the matches, the most similar first."""

    image_id: int | None
    """Catalog id of the query image, if it is a single image of the dataset."""

    index: Manifest

    def on(self, opened: "OpenMap") -> NDArray[np.float32]:
        """Return the (C,) position on a map, in map units."""
        from core.maps.transform import place_vector

        own = None if self.image_id is None else opened.row_of(self.image_id)
        if own is not None:
            point: NDArray[np.float32] = opened.map.points[own]
            return point
        store = resources.index(self.index.id, self.index.fingerprint).store
        return place_vector(opened.map, store, self.vector)


def locate_query(
    query: Query, index: Manifest, model: Manifest, dataset: Dataset
) -> QueryOnMap | None:
    """Embed and search a query; None if it has no positive image.

    Raises:
        WorkbenchError: The search failed, or the images cancel each other out.
    """
    from core.query.fusion import fuse

    positive = [place for place, image in enumerate(query.images) if image.is_positive]
    if not positive:
        return None
    sources = sources_of(query, dataset)
    result = queries.search(query, sources, index, model, dataset)
    embedded, _ = queries.embed(index, model, query.images, sources)
    vectors = np.stack([embedded[place].embedding for place in positive])
    [vector] = fuse(vectors, vectors[:0], vectors[:0])
    ids = {query.images[place].image_id for place in positive}
    return QueryOnMap(
        vector=vector,
        match_ids=[match.image_id for match in result.matches],
        image_id=ids.pop() if len(ids) == 1 else None,
        index=index,
    )

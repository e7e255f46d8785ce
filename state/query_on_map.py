"""Where the question that is asked on the Query page lies among the embeddings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.maps.neighbors import Neighbors
from core.query.query import Query
from state import queries, resources
from state.query_images import sources_of

if TYPE_CHECKING:
    from state.open_maps import OpenMap


@dataclass(frozen=True, slots=True, eq=False)
class QueryOnMap:
    """A question, embedded and answered."""

    vector: NDArray[np.float32]
    """(D,) unit row: of several images the mean of those that are wanted."""

    match_ids: list[int]
    """Catalog ids of its matches, best first."""

    image_id: int | None
    """The image of the dataset that is asked by, if it is just one."""

    index: Manifest

    def on(self, opened: "OpenMap") -> NDArray[np.float32]:
        """Return where it lies on a map: (C,), in map units."""
        own = None if self.image_id is None else opened.row_of(self.image_id)
        if own is not None:
            point: NDArray[np.float32] = opened.map.points[own]
            return point
        k = opened.map.neighbors.rows.shape[1]
        store = resources.index(self.index.id, self.index.fingerprint).store
        [found] = store.search(self.vector[None], k)
        known = np.isin(found.image_ids, opened.map.image_ids)
        rows = np.searchsorted(opened.map.image_ids, found.image_ids[known]).astype(np.int32)
        near = Neighbors(rows[None], found.similarities[None, known])
        [placed] = opened.map.place(near, self.vector[None])
        return np.asarray(placed, np.float32)


def locate_query(
    query: Query, index: Manifest, model: Manifest, dataset: Dataset
) -> QueryOnMap | None:
    """Embed and answer a question; None if it has no image that is wanted.

    Raises:
        WorkbenchError: It cannot be answered; the sentence says why.
    """
    positive = [place for place, image in enumerate(query.images) if image.is_positive]
    if not positive:
        return None
    sources = sources_of(query, dataset)
    result = queries.search(query, sources, index, model, dataset)
    embedded, _ = queries.embed(query, sources, index, model)
    mean = np.mean([embedded[place].embedding for place in positive], axis=0)
    length = float(np.linalg.norm(mean))
    if not length:
        return None
    ids = {query.images[place].image_id for place in positive}
    return QueryOnMap(
        vector=(mean / length).astype(np.float32),
        match_ids=[match.image_id for match in result.matches],
        image_id=ids.pop() if len(ids) == 1 else None,
        index=index,
    )

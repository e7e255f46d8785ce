"""Images whose embeddings lie on the unit circle, so that similarities can be checked by hand."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from core.datasets.registry import Dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.progress import finish
from core.query.matching import QueryVectors, find_matches
from core.query.query import SearchOptions
from core.workspace import Workspace
from tests.factories.embeddings import publish_embeddings, publish_rows
from tests.factories.rows import image_row
from tests.factories.vectors import at_angles


@dataclass(frozen=True)
class Circle:
    """Images whose embeddings lie on the unit circle: image 1 at the first angle, and so on."""

    dataset: Dataset
    embeddings: Embeddings
    store: FaissStore

    def ids(
        self, degrees: float, options: SearchOptions, excluded: Collection[int] = ()
    ) -> list[int]:
        """Return the ids of the matches of an image at an angle."""
        query = QueryVectors(at_angles(degrees), frozenset(excluded))
        [found] = find_matches(self.store, self.dataset, [query], options)
        return [match.image_id for match in found]


def circle(
    workspace: Workspace,
    images: list[tuple[float, str, str]],
    contents: dict[int, str] | None = None,
    config: IndexConfig | None = None,
) -> Circle:
    """Publish images as (degrees, class, split); `contents` gives some of them the same bytes."""
    rows = [
        image_row(number, label, split)._replace(
            sha256=(contents or {}).get(number, f"{number:064x}")
        )
        for number, (_, label, split) in enumerate(images, 1)
    ]
    dataset = publish_rows(workspace, rows, "circle")
    ids = np.arange(1, len(images) + 1, dtype=np.int64)
    vectors = at_angles(*(degrees for degrees, _, _ in images))
    manifest = publish_embeddings(workspace, "circle", ids, vectors, stem="e")
    return Circle(
        dataset,
        open_embeddings(workspace, manifest.id),
        finish(build(vectors, ids, config or IndexConfig())),
    )

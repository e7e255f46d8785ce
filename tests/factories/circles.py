"""Images whose embeddings lie on the unit circle, so that similarities can be checked by hand."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, publish
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.layout import Labels, Layout
from core.datasets.registry import (
    CATALOG,
    Dataset,
    Root,
    describe_dataset,
    open_dataset,
    publish_dataset,
)
from core.embeddings.files import Embeddings, open_embeddings
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.progress import finish
from core.query.matching import QueryVectors, find_matches
from core.query.query import SearchOptions
from core.workspace import Workspace


def at(*degrees: float) -> NDArray[np.float32]:
    """(N, 2) unit rows at these angles."""
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


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
        query = QueryVectors(at(degrees), frozenset(excluded))
        [found] = find_matches(self.store, self.dataset, [query], options)
        return [match.image_id for match in found]


def circle(
    workspace: Workspace,
    images: list[tuple[float, str, str]],
    contents: dict[int, str] | None = None,
    config: IndexConfig | None = None,
) -> Circle:
    """Publish images as (degrees, class, split); `contents` gives some of them the same bytes."""
    found = [
        ImageRow(
            root=0,
            path=f"{number}.png",
            label=label,
            width=32,
            height=32,
            size_bytes=100,
            modified_ns=0,
            sha256=(contents or {}).get(number, f"{number:064x}"),
            problem=None,
            split=split,
        )
        for number, (_, label, split) in enumerate(images, 1)
    ]
    with draft(workspace.datasets) as folder:
        roots = [Root(path=folder, layout=Layout(labels=Labels.TOP))]
        describe_dataset(folder, roots=roots, source="folder", left_out=())
        catalog = Catalog(folder / CATALOG)
        catalog.create()
        catalog.write(new=found)
        publish_dataset(workspace, folder, "circle")
    ids = np.arange(1, len(images) + 1, dtype=np.int64)
    vectors = at(*(degrees for degrees, _, _ in images))
    with draft(workspace.embeddings) as folder:
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "image_ids.npy", ids)
        made_from = {"dataset": "circle", "model": "none", "model_fingerprint": "none"}
        manifest = publish(
            folder,
            kind="embeddings",
            stem="e",
            config={},
            made_from=made_from,
            summary={"num_problems": 0},
        )
    return Circle(
        open_dataset(workspace, "circle"),
        open_embeddings(workspace, manifest.id),
        finish(build(vectors, ids, config or IndexConfig())),
    )

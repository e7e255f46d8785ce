"""What a finder lists as a table, one row an image: RFC 4180 in UTF-8, as all tables here."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.duplicates import Group
from core.quality.clusters import Cluster
from core.quality.labels import ImageLabels
from core.quality.ranking import Ranking

COLUMNS = ("rank", "group", "image_id", "path", "label", "split", "score", "suggested", "kind")
"""The group is that of a duplicate or a cluster, from 1; the score is the finder's own; the kind is
of a group of duplicates: exact, near or model."""

Found = tuple[int, dict[str, Any]]
"""An image's id, and what the finder says of it."""


def ranking_as_csv(
    catalog: Catalog, ranking: Ranking, image_ids: NDArray[np.int64], image_labels: ImageLabels
) -> bytes:
    """Return a ranking; `image_ids` are those of the (N,) images that were looked at."""
    named = [*image_labels.classes, ""]
    return _as_csv(
        catalog,
        [
            (image_id, {"score": f"{score:.6f}", "suggested": named[suggested]})
            for image_id, score, suggested in zip(
                image_ids[ranking.rows].tolist(),
                ranking.scores.tolist(),
                ranking.suggested.tolist(),
                strict=True,
            )
        ],
    )


def groups_as_csv(catalog: Catalog, groups: Iterable[Group]) -> bytes:
    """Return groups of duplicates; in each the one to keep comes first."""
    return _as_csv(
        catalog,
        [
            (member.id, {"group": number, "score": f"{group.similarity:.6f}", "kind": group.kind})
            for number, group in enumerate(groups, 1)
            for member in group.members
        ],
    )


def clusters_as_csv(
    catalog: Catalog, clusters: Iterable[Cluster], image_ids: NDArray[np.int64]
) -> bytes:
    """Return clusters, the medoid of each first; `image_ids` are of the (N,) images looked at."""
    return _as_csv(
        catalog,
        [
            (image_id, {"group": cluster.number + 1, "score": f"{similarity:.6f}"})
            for cluster in clusters
            for image_id, similarity in zip(
                image_ids[cluster.rows].tolist(), cluster.similarities.tolist(), strict=True
            )
        ],
    )


def _as_csv(catalog: Catalog, found: Sequence[Found]) -> bytes:
    rows = catalog.rows_by_id(image_id for image_id, _ in found)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, restval="")
    writer.writeheader()
    for rank, (image_id, said) in enumerate(found, 1):
        row = rows.get(image_id)
        known = {"path": row.path, "label": row.label, "split": row.split} if row else {}
        writer.writerow({"rank": rank, "image_id": image_id, **known, **said})
    return file.getvalue().encode()

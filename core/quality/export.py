"""Export of a check as CSV (RFC 4180, UTF-8), a row an image."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.duplicates import Group
from core.datasets.export.listing import as_csv
from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.quality.analysis import Analysis
from core.quality.checks import find_groups, rank, reviewed_ids, unreviewed
from core.quality.clusters import Cluster, describe
from core.quality.config import GROUPING, Check
from core.quality.labels import read_image_labels
from core.quality.ranking import Ranking
from core.workspace import Workspace

COLUMNS = ("rank", "group", "image_id", "path", "label", "split", "score", "suggested", "kind")
"""The group is the number, from 1, of a group of duplicates or of a cluster. The score is that of
the check. The kind is that of a group of duplicates: exact, near or model."""

Row = tuple[int, dict[str, Any]]
"""An image's id and the values of its columns."""


def export_check(
    workspace: Workspace, analysis: Analysis, check: Check, threshold: float | None = None
) -> bytes:
    """Return what a check lists at present, as CSV.

    Raises:
        MissingError: The dataset or the embeddings do not exist.
        DamagedArtifactError: A file of the embeddings was changed.
        ValueError: The threshold of near-duplicates or leakage is out of range.
    """
    catalog = open_dataset(workspace, analysis.manifest.made_from["dataset"]).catalog
    image_labels = read_image_labels(catalog, analysis.image_ids)
    if check in GROUPING:
        groups = find_groups(check, analysis, image_labels, catalog, threshold)
        return groups_as_csv(catalog, groups, analysis.image_ids)
    vectors = open_embeddings(workspace, analysis.embeddings).vectors
    if check == Check.CLUSTERS:
        clusters = describe(vectors, analysis.clusters, image_labels)
        return groups_as_csv(catalog, clusters, analysis.image_ids)
    ranking = unreviewed(
        rank(check, analysis, vectors, image_labels),
        analysis.image_ids,
        image_labels.usable,
        reviewed_ids(catalog, check),
    )
    return ranking_as_csv(catalog, ranking, analysis.image_ids, image_labels.classes)


def ranking_as_csv(
    catalog: Catalog, ranking: Ranking, image_ids: NDArray[np.int64], classes: Sequence[str]
) -> bytes:
    """Return a ranking as CSV; `image_ids` are those of the (N,) analyzed images."""
    names = [*classes, ""]
    ids, scores = image_ids[ranking.rows].tolist(), ranking.scores.tolist()
    ranked = zip(ids, scores, ranking.suggested.tolist(), strict=True)
    return _as_csv(
        catalog,
        [
            (image_id, {"score": f"{score:.6f}", "suggested": names[suggested]})
            for image_id, score, suggested in ranked
        ],
    )


def groups_as_csv(
    catalog: Catalog, groups: Iterable[Group | Cluster], image_ids: NDArray[np.int64]
) -> bytes:
    """Return groups of duplicates, or clusters, as CSV; `image_ids` as in `ranking_as_csv`.

    The first image of a group is the one to keep, the first of a cluster its medoid.
    """
    rows: list[Row] = []
    for number, group in enumerate(groups, 1):
        if isinstance(group, Group):
            values = {"group": number, "score": f"{group.similarity:.6f}", "kind": group.kind}
            rows += [(member.id, values) for member in group.members]
        else:
            ids, scores = image_ids[group.rows].tolist(), group.similarities.tolist()
            rows += [
                (image_id, {"group": group.number + 1, "score": f"{score:.6f}"})
                for image_id, score in zip(ids, scores, strict=True)
            ]
    return _as_csv(catalog, rows)


def _as_csv(catalog: Catalog, rows: Sequence[Row]) -> bytes:
    images = catalog.rows_by_id(image_id for image_id, _ in rows)
    records = []
    for place, (image_id, values) in enumerate(rows, 1):
        image = images.get(image_id)
        known = {"path": image.path, "label": image.label, "split": image.split} if image else {}
        records.append({"rank": place, "image_id": image_id, **known, **values})
    return as_csv(records, COLUMNS)

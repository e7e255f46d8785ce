"""Evaluating an index: the images of one split as queries, the train images as the gallery.

Shapes, in this file: Q queries.
"""

from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.artifacts import Manifest, draft, publish
from core.datasets.catalog import ImageRow, Split
from core.datasets.filters import ImageFilter
from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.metrics import RANKS, measures, score, totals
from core.progress import Progress, Work
from core.retrieval.config import CATEGORIES, QUERIES, EvaluateConfig
from core.vectors import faiss_store
from core.vectors.building import build
from core.vectors.config import IndexConfig
from core.vectors.embeddings import Embeddings, open_embeddings
from core.vectors.indexes import open_index
from core.vectors.store import Matches, VectorStore
from core.workspace import Workspace

QUERY_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Questions:
    rows: list[ImageRow]
    vectors: NDArray[np.float32]
    num_relevant: NDArray[np.int64]
    num_skipped: int


def evaluate(workspace: Workspace, config: EvaluateConfig) -> Work[Manifest]:
    """Measure retrieval: every query searches that very index, among the train images.

    A query is no train image, so it never matches itself. Queries whose category has no train
    image are left out and counted. The result has a row a query and a row a category.

    Raises:
        MissingError: The index or what it was made from is gone.
        WorkbenchError: The dataset has no labels, or no queries are left.
    """
    index = open_index(workspace, config.index)
    catalog = open_dataset(workspace, index.dataset).catalog
    fingerprint = catalog.fingerprint
    embeddings = open_embeddings(workspace, index.embeddings)
    gallery = {
        row.id: str(row.label)
        for row in catalog.rows(ImageFilter(splits=(Split.TRAIN,)))
        if row.label is not None
    }
    questions = _questions(catalog.rows(ImageFilter(splits=(config.queries,))), gallery, embeddings)
    among = np.array(sorted(gallery), np.int64)
    matches = yield from _search(index.store, questions.vectors, among)
    summary: dict[str, float] = {}
    if config.exact:
        flat = yield from build(embeddings.vectors, embeddings.image_ids, IndexConfig())
        exact = yield from _search(flat, questions.vectors, among)
        summary = {f"neighbour_recall_at_{RANKS}": faiss_store.neighbour_recall(matches, exact)}
        summary |= {
            f"exact_{name}": value for name, value in _score(questions, exact, gallery)[0].items()
        }
    means, queries, categories = _score(questions, matches, gallery)
    with draft(workspace.evaluations) as folder:
        queries.to_csv(folder / QUERIES, index=False)
        categories.to_csv(folder / CATEGORIES, index=False)
        return publish(
            folder,
            kind="evaluation",
            stem=f"{index.manifest.id[:60]}-{config.queries}",
            config=asdict(config),
            made_from=index.manifest.made_from
            | {"dataset_fingerprint": fingerprint}  # It goes by labels and splits as well
            | {"index": index.manifest.id, "index_fingerprint": index.manifest.fingerprint},
            summary=means
            | summary
            | {
                "num_queries": len(questions.rows),
                "num_gallery": len(embeddings.rows_of(among)),
                "num_categories": len(categories),
                "num_skipped": questions.num_skipped,
            },
        )


def _questions(rows: list[ImageRow], gallery: dict[int, str], embeddings: Embeddings) -> _Questions:
    embedded = set(embeddings.image_ids.tolist())
    per_label = Counter(label for image_id, label in gallery.items() if image_id in embedded)
    asked = [row for row in rows if row.id in embedded and per_label[str(row.label)]]
    if not asked:
        raise WorkbenchError(
            "There is nothing to evaluate: no query image has labelled train images to find.",
            "Give the dataset labels (class folders) and a test split, then build the index anew.",
        )
    ids = np.array([row.id for row in asked], np.int64)
    return _Questions(
        rows=asked,
        vectors=np.ascontiguousarray(embeddings.vectors[embeddings.rows_of(ids)]),
        num_relevant=np.array([per_label[str(row.label)] for row in asked], np.int64),
        num_skipped=len(rows) - len(asked),
    )


def _search(
    store: VectorStore, vectors: NDArray[np.float32], among: NDArray[np.int64]
) -> Work[list[Matches]]:
    matches: list[Matches] = []
    for start in range(0, len(vectors), QUERY_BATCH):
        matches += store.search(vectors[start : start + QUERY_BATCH], RANKS, among=among)
        yield Progress(len(matches), len(vectors), "searching")
    return matches


def _score(
    questions: _Questions, matches: list[Matches], gallery: dict[int, str]
) -> tuple[dict[str, float], pd.DataFrame, pd.DataFrame]:
    relevant = np.zeros((len(matches), RANKS), np.bool_)
    for place, (row, found) in enumerate(zip(questions.rows, matches, strict=True)):
        hits = [gallery[image_id] == row.label for image_id in found.image_ids.tolist()]
        relevant[place, : len(hits)] = hits
    scores = score(relevant, questions.num_relevant)
    labels = [str(row.label) for row in questions.rows]
    queries = pd.DataFrame(
        {
            "image_id": [row.id for row in questions.rows],
            "path": [row.path for row in questions.rows],
            "label": labels,
            **measures(scores),
            "matches": [" ".join(map(str, found.image_ids.tolist())) for found in matches],
        }
    )
    names = list(measures(scores))
    categories = queries.groupby("label", as_index=False)[names].mean()
    categories.insert(1, "num_queries", queries.groupby("label").size().to_numpy())
    categories["most_confused"] = categories["label"].map(_most_confused(labels, matches, gallery))
    return totals(scores, labels), queries, categories


def _most_confused(
    labels: list[str], matches: list[Matches], gallery: dict[int, str]
) -> dict[str, str]:
    """Return, for each category, the other one that its queries find most often; "" for none."""
    found: dict[str, Counter[str]] = {label: Counter() for label in sorted(set(labels))}
    for label, matched in zip(labels, matches, strict=True):
        found[label].update(gallery[image_id] for image_id in matched.image_ids.tolist())
    return {
        label: max(sorted(set(others) - {label}), key=others.__getitem__, default="")
        for label, others in found.items()
    }

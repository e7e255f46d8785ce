"""Quality of label issues and outliers, on labels made wrong and on images that do not belong.

    python -m benchmarks.quality --home HOME [--index ID] [--count 100000]

HOME has an index of a labeled dataset, such as all of Caltech-101. Labels are made wrong at random,
or by swapping each class with the most similar one (the asymmetric noise of Patrini et al., *Making
Deep Neural Networks Robust to Label Noise*, 2017). If cleanlab is installed, it ranks the same
neighbors' probabilities, and those of a cross-validated logistic regression.

Shapes, in this file: N images, D embedding dimensions, C classes.
"""

import argparse
import io
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import LocalOutlierFactor

from benchmarks.large_sets import LargeSet
from benchmarks.timing import report, seconds
from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.datasets.sample.drawing import CLASSES, draw
from core.embeddings.encoding import Encoder
from core.embeddings.files import Embeddings, open_embeddings
from core.embeddings.unit_rows import unit
from core.models.batches import load_square
from core.models.model import load_model
from core.progress import finish
from core.quality.clusters import find_clusters
from core.quality.label_issues import LabelEstimators, content_labels, find_label_issues
from core.quality.labels import read_image_labels
from core.quality.linear_classifier import fit
from core.quality.neighbors import Neighbors, find_neighbors, outlierness
from core.workspace import Workspace

K = 20
SHARE = 0.05
SEEDS = 3
NUM_PLANTED = 24
MIN_CLUSTER_SIZE = 10

Scores = NDArray[np.floating]
Labels = NDArray[np.int32]


def made_wrong(
    labels: Labels, vectors: NDArray[np.float32], *, confused: bool, seed: int
) -> Labels:
    """Return the labels with a share of them changed: to the most similar class, or any."""
    drawn = np.random.default_rng(seed)
    wrong, num_classes = labels.copy(), int(labels.max()) + 1
    rows = drawn.choice(len(labels), int(SHARE * len(labels)), replace=False)
    means = unit(np.stack([vectors[labels == each].mean(axis=0) for each in range(num_classes)]))
    likeness = means @ means.T - 2 * np.eye(num_classes)
    moves = drawn.integers(1, num_classes, len(rows))
    any_other = (labels[rows] + moves) % num_classes
    wrong[rows] = likeness.argmax(axis=1)[labels[rows]] if confused else any_other
    return wrong


def neighbor_votes(vectors: NDArray[np.float32], near: Neighbors, labels: Labels) -> Scores:
    """Return the (N, C) shares of the neighbors' votes."""
    num_classes = int(labels.max()) + 1
    known = content_labels(near.contents, labels)
    estimators = LabelEstimators(near, known, fit(vectors, known, num_classes), num_classes)
    return estimators.votes(np.arange(len(labels)))


def rankings(
    vectors: NDArray[np.float32], near: Neighbors, labels: Labels
) -> dict[str, Callable[[], Scores]]:
    """Return name → function that scores how doubtful each of the (N,) labels is."""

    def ours() -> Scores:
        found = find_label_issues(vectors, near, labels, int(labels.max()) + 1)
        scores = np.zeros(len(labels))
        scores[found.rows] = found.scores
        return scores

    def share() -> Scores:
        shares = neighbor_votes(vectors, near, labels)
        return 1 - shares[np.arange(len(labels)), labels]

    methods = {"ours": ours, "neighbors that disagree": share}
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        print("cleanlab is not installed, and not measured")
        return methods

    def cleanlab(method: str, probabilities: Callable[[], Scores]) -> Callable[[], Scores]:
        return lambda: -np.asarray(get_label_quality_scores(labels, probabilities(), method=method))

    def probe() -> Scores:
        classifier = LogisticRegression(C=10, max_iter=100)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = cross_val_predict(classifier, vectors, labels, cv=5, method="predict_proba")
        return np.asarray(found)

    for method in ("self_confidence", "normalized_margin"):
        by_neighbors = cleanlab(method, lambda: neighbor_votes(vectors, near, labels))
        methods[f"cleanlab, neighbors, {method}"] = by_neighbors
        methods[f"cleanlab, 5-fold logistic, {method}"] = cleanlab(method, probe)
    return methods


def judge_labels(vectors: NDArray[np.float32], near: Neighbors, labels: Labels) -> None:
    """Print how well wrong labels are found."""
    print(f"\nLabels, {SHARE:.0%} made wrong, mean of {SEEDS}: average precision, of the first 100")
    for title, confused in (("at random", False), ("as the most similar class", True)):
        figures: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(SEEDS):
            wrong = made_wrong(labels, vectors, confused=confused, seed=seed)
            is_wrong = wrong != labels
            for name, rank in rankings(vectors, near, wrong).items():
                started = time.perf_counter()
                scores = rank()
                taken = time.perf_counter() - started
                first = is_wrong[np.argsort(-scores, kind="stable")[:100]].mean()
                precision = average_precision_score(is_wrong, scores)
                figures.setdefault(name, []).append((precision, first, taken))
        print(f"  {title}")
        for name, values in figures.items():
            precision, first, taken = np.mean(values, axis=0)
            print(f"    {name:<46} {precision:.3f}  {first:.2f}  {taken:7.2f} s")


def generated_images(workspace: Workspace, embeddings: Embeddings) -> NDArray[np.float32]:
    """Return embeddings of generated images, two of each class of the sample dataset."""
    model = load_model(workspace, embeddings.manifest.made_from["model"])
    pixels = []
    for number in range(NUM_PLANTED):
        file = io.BytesIO()
        draw(CLASSES[number % len(CLASSES)], number).image.save(file, "PNG")
        file.seek(0)
        pixels.append(load_square(file, model.config.preprocessing, name="generated.png"))
    found, _ = Encoder(model, embeddings.encoding).embed(np.stack(pixels))
    return np.asarray(found, np.float32)


def judge_outliers(workspace: Workspace, embeddings: Embeddings) -> None:
    """Print how well generated images among photographs are found as outliers."""
    planted = generated_images(workspace, embeddings)
    vectors = np.vstack([embeddings.vectors, planted])
    is_planted = np.arange(len(vectors)) >= len(embeddings.vectors)
    near = neighbors_of(vectors)
    factor = LocalOutlierFactor(n_neighbors=K).fit(vectors)
    print(
        f"\nOutliers, {NUM_PLANTED} generated images among {len(embeddings.vectors):,} photographs"
    )
    print("  area under the ROC curve, of the first 24, of the first 100")
    for name, scores in (
        ("ours: mean distance to 10", outlierness(near)),
        ("distance to the nearest", 1 - near.similarities[:, 0]),
        ("local outlier factor, scikit-learn", -factor.negative_outlier_factor_),
    ):
        order = np.argsort(-scores, kind="stable")
        area = roc_auc_score(is_planted, scores)
        found = [int(is_planted[order[:first]].sum()) for first in (NUM_PLANTED, 100)]
        print(f"    {name:<46} {area:.3f}  {found[0]}  {found[1]}")


def measure_time(vectors: NDArray[np.float32], labels: Labels, count: int) -> None:
    """Print the time of the analysis beside HDBSCAN on all distances, and for `count` images."""
    near = neighbors_of(vectors)
    plain = HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE, min_samples=2, copy=True)
    report(
        f"Clusters of {len(vectors):,}",
        {
            "HDBSCAN on all distances, scikit-learn": seconds(lambda: plain.fit(vectors)),
            "neighbors, then HDBSCAN on their graph": seconds(
                lambda: find_clusters(neighbors_of(vectors), MIN_CLUSTER_SIZE)
            ),
            "of that, the clusters": seconds(lambda: find_clusters(near, MIN_CLUSTER_SIZE)),
        },
    )
    large = LargeSet(vectors).vectors(count)
    random_labels = (
        np.random.default_rng(0).integers(0, int(labels.max()) + 1, count).astype(np.int32)
    )
    found: list[Neighbors] = []
    report(
        f"{count:,} images",
        {
            "neighbors": seconds(lambda: found.append(neighbors_of(large))),
            "clusters": seconds(lambda: find_clusters(found[0], MIN_CLUSTER_SIZE)),
            "label issues, each time labels change": seconds(
                lambda: find_label_issues(
                    large, found[0], random_labels, int(random_labels.max()) + 1
                )
            ),
        },
    )


def neighbors_of(vectors: NDArray[np.float32]) -> Neighbors:
    """Return the neighbors, with no image a copy of another."""
    return finish(find_neighbors(vectors, np.zeros((len(vectors), 32), np.uint8), K))


def chosen(workspace: Workspace, index_id: str | None) -> Manifest:
    """Return the index of that id, or the newest."""
    indexes = list_artifacts(workspace.indexes)[0]
    return next(made for made in indexes if index_id in (None, made.id))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--index")
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    workspace = Workspace(options.home)
    index = chosen(workspace, options.index)
    embeddings = open_embeddings(workspace, index.made_from["embeddings"])
    catalog = open_dataset(workspace, index.made_from["dataset"]).catalog
    image_labels = read_image_labels(catalog, embeddings.image_ids)
    labeled = np.flatnonzero(image_labels.labels >= 0)
    vectors = np.ascontiguousarray(embeddings.vectors[labeled])
    labels = image_labels.labels[labeled]
    print(f"{index.id}: {len(vectors):,} images of {len(image_labels.classes)} classes")
    judge_labels(vectors, neighbors_of(vectors), labels)
    judge_outliers(workspace, embeddings)
    measure_time(vectors, labels, options.count)


if __name__ == "__main__":
    main()

"""Label proposals: the class of each unlabeled image, with its probability of being right.

A linear classifier on the embeddings learns from the labeled images, the *examples*. Its
leave-one-out predictions of the examples tell how often a prediction of some confidence is right;
this calibrates the confidence of the proposals (isotonic regression: Zadrozny & Elkan,
*Transforming Classifier Scores into Accurate Multiclass Probability Estimates*, 2002).

Shapes, in this file: N images, D embedding dimensions, C classes, E examples, U unlabeled images,
P proposals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.coded import NONE
from core.datasets.columns import ImageFilter
from core.embeddings.files import Embeddings
from core.quality.label_issues import content_labels
from core.quality.labels import read_image_labels
from core.quality.linear_classifier import LinearClassifier, fit
from core.quality.neighbors import first_rows

AUTO_LABELED = "auto-labeled"
"""Tag of images whose proposed label was accepted without a look; they are no examples."""

MIN_CLASSES = 2
MIN_EXAMPLES = 2
"""Examples of a class that can be held out: with one, none is left to predict it from."""

BLOCK = 1 << 14
MAX_CLUSTERED = 20_000
SEED = 0


@dataclass(frozen=True, slots=True)
class LabelProposals:
    """The unlabeled images of embeddings, and the labels proposed for them."""

    unlabeled: NDArray[np.int64]
    """(U,) catalog ids of the included images without a label, ascending."""

    labels: dict[int, str]
    """Catalog id → proposed class, the most probable first; empty without enough examples."""

    probabilities: dict[int, float]
    """Catalog id → calibrated probability that the class is right, in [0, 1], descending."""

    expected_precision: NDArray[np.float64]
    """(P,) expected share of right labels among each proposal and those before it."""

    num_examples: int
    """E."""

    def num_at(self, precision: float) -> int:
        """Return the largest number of first proposals with this expected precision or more."""
        return num_at(self.expected_precision, precision)

    def first(self, count: int) -> dict[int, str]:
        """Return catalog id → class of the most probable proposals."""
        return dict(islice(self.labels.items(), count))


def propose_labels(embeddings: Embeddings, catalog: Catalog) -> LabelProposals:
    """Propose a class of the catalog for each embedded image without a label.

    There are no proposals unless two classes have `MIN_EXAMPLES` examples each.
    """
    read = read_image_labels(catalog, embeddings.image_ids)
    unlabeled = np.flatnonzero(read.usable & (read.labels == NONE))
    labels = read.labels.copy()
    automatic = catalog.ids(ImageFilter(tags=(AUTO_LABELED,)))
    labels[embeddings.rows_of(np.array(automatic, np.int64))] = NONE
    examples = content_labels(first_rows(embeddings.contents), labels)
    order, probabilities, classes = predict(embeddings.vectors, examples, unlabeled)
    ids = embeddings.image_ids[unlabeled[order]].tolist()
    names = (read.classes[number] for number in classes.tolist())
    return LabelProposals(
        unlabeled=embeddings.image_ids[unlabeled],
        labels=dict(zip(ids, names, strict=True)),
        probabilities=dict(zip(ids, probabilities.tolist(), strict=True)),
        expected_precision=expected_precision(probabilities),
        num_examples=int((examples >= 0).sum()),
    )


def expected_precision(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (P,) the mean of each of (P,) descending probabilities and those before it."""
    return np.cumsum(probabilities, dtype=np.float64) / np.arange(1, len(probabilities) + 1)


def num_at(expected: NDArray[np.float64], precision: float) -> int:
    """Return the largest number of first proposals with this expected precision or more."""
    return int(np.searchsorted(-expected, -precision, side="right"))


def accept(catalog: Catalog, labels: Mapping[int, str], *, reviewed: bool) -> int:
    """Label images as proposed, in one step that can be undone; return how many changed.

    Args:
        catalog: Of the images.
        labels: Image id → proposed class.
        reviewed: Whether the user looked at these images. Others are tagged `AUTO_LABELED`.
    """
    mark = "" if reviewed else AUTO_LABELED
    return curation.relabel_each(catalog, labels, "labeled {} as proposed", mark=mark)


def predict(
    vectors: NDArray[np.float32], examples: NDArray[np.int32], unlabeled: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]]:
    """Predict the class of unlabeled images from examples.

    Args:
        vectors: (N, D) float32 unit rows; may be memory-mapped.
        examples: (N,) int32 class of each example, -1 for other images.
        unlabeled: (U,) rows of the images to predict.

    Returns:
        (P,) places in `unlabeled`, the most probable first, with the calibrated probability and
        the class of each. Without enough examples P = 0, else P = U.
    """
    trained = np.flatnonzero(examples >= 0)
    counts = np.bincount(examples[trained])
    if (counts >= MIN_EXAMPLES).sum() < MIN_CLASSES or not len(unlabeled):
        return np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int32)
    classifier = fit(vectors, examples, len(counts))
    tested = trained[counts[examples[trained]] >= MIN_EXAMPLES]
    held_out, held_out_confidences = _classify(classifier, vectors, tested, examples)
    classes, confidences = _classify(classifier, vectors, unlabeled, np.full_like(examples, NONE))
    right = held_out == examples[tested]
    probabilities = calibrate(held_out_confidences, right, confidences)
    order = np.lexsort((-confidences, -probabilities))
    return order, probabilities[order], classes[order]


def calibrate(
    held_out: NDArray[np.float32], right: NDArray[np.bool_], confidences: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the probability that a prediction of each confidence is right.

    An isotonic regression on held-out predictions. One right and one wrong prediction are added at
    the greatest confidence (Laplace's rule of succession), so that a few right ones are no
    certainty.

    Args:
        held_out: (E,) confidences of held-out predictions.
        right: (E,) which of them are right.
        confidences: (P,) confidences to calibrate.

    Returns:
        (P,) float32 probabilities, which do not fall as the confidence rises.
    """
    from sklearn.isotonic import IsotonicRegression

    greatest = held_out.max()
    regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    regression.fit([*held_out, greatest, greatest], [*right.astype(float), 1.0, 0.0])
    probabilities: NDArray[np.float32] = regression.predict(confidences).astype(np.float32)
    return probabilities


def representatives(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Return the rows of typical images that differ from each other, to be labeled first.

    The nearest image to each center of `count` k-means clusters, the largest cluster first, as in
    Hacohen, Dekel & Weinshall (*Active Learning on a Budget: Opposite Strategies Suit High and Low
    Budgets*, 2022).

    Args:
        vectors: (N, D) float32 unit rows; may be memory-mapped.
        rows: The candidates; of more than `MAX_CLUSTERED` a random sample.
        count: Number of clusters, the largest number of images returned.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(rows) > MAX_CLUSTERED:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, MAX_CLUSTERED, replace=False))
    if len(rows) <= count:
        return rows
    candidates = np.asarray(vectors[rows], np.float32)
    clusters = MiniBatchKMeans(count, n_init=1, random_state=SEED).fit(candidates)
    largest_first = np.argsort(-np.bincount(clusters.labels_, minlength=count), kind="stable")
    nearest = rows[clusters.transform(candidates).argmin(axis=0)[largest_first]]
    return np.array(list(dict.fromkeys(nearest.tolist())), np.int64)


def _classify(
    classifier: LinearClassifier,
    vectors: NDArray[np.float32],
    rows: NDArray[np.int64],
    examples: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the class and the confidence of each row; examples without their own label."""
    classes, confidences = np.empty(len(rows), np.int32), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        here = rows[start : start + BLOCK]
        block = np.asarray(vectors[here], np.float32)
        probabilities = classifier.probabilities(block, examples[here])
        classes[start : start + BLOCK] = probabilities.argmax(axis=1)
        confidences[start : start + BLOCK] = probabilities.max(axis=1)
    return classes, confidences

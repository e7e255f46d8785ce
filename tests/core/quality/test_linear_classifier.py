"""Leave-one-out predictions of the linear classifier."""

import numpy as np

from core.quality.linear_classifier import fit
from tests.factories.embeddings import clusters as clustered


def test_leaving_one_out_equals_training_without_it() -> None:
    vectors = clustered(60, num_classes=3)
    labels = (np.arange(60) % 3).astype(np.int32)
    fitted = fit(vectors, labels, 3)
    without = labels.copy()
    without[17] = -1
    refitted = fit(vectors, without, 3)
    # The same weights and the same ridge, or the two would differ in more than that image
    features = np.hstack([vectors, np.ones((60, 1))])
    gram = np.linalg.inv(fitted.inverse)
    own = fitted.class_weights[labels[17]] * np.outer(features[17], features[17])
    targets = gram @ fitted.weights
    targets[:, labels[17]] -= fitted.class_weights[labels[17]] * features[17]
    expected = features[17] @ np.linalg.solve(gram - own, targets)
    np.testing.assert_allclose(fitted.outputs(vectors, labels)[17], expected, atol=1e-9)
    np.testing.assert_allclose(refitted.outputs(vectors, without)[17], expected, atol=0.02)


def test_probabilities_sum_to_one() -> None:
    vectors = clustered(40, num_classes=4)
    labels = (np.arange(40) % 4).astype(np.int32)
    found = fit(vectors, labels, 4).probabilities(vectors, labels)
    assert found.shape == (40, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)

"""Label assistant on Caltech-101 with hidden labels: what is accepted at an expected precision.

    python -m benchmarks.labeling --home HOME --embeddings ID [--examples 5] [--seeds 5]

HOME has embeddings of a labeled dataset by a model that has not seen its labels, such as the PCA of
`benchmarks.quickstart`. Of each class a few images keep their label, chosen at random; the others
are the unlabeled images.
"""

import argparse
from pathlib import Path

import numpy as np

from core.datasets.coded import NONE
from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.labeling.proposals import expected_precision, num_at, predict
from core.quality.label_issues import content_labels
from core.quality.labels import read_image_labels
from core.quality.neighbors import first_rows
from core.workspace import Workspace

TARGETS = (0.99, 0.95, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description="Labels accepted at an expected precision.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--embeddings", required=True)
    parser.add_argument("--examples", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    workspace = Workspace(options.home)
    embeddings = open_embeddings(workspace, options.embeddings)
    catalog = open_dataset(workspace, embeddings.manifest.made_from["dataset"]).catalog
    read = read_image_labels(catalog, embeddings.image_ids)
    contents = first_rows(embeddings.contents)
    for per_class in options.examples:
        found: dict[float, list[tuple[float, float]]] = {target: [] for target in TARGETS}
        accuracies = []
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(read.labels))
            rank = np.empty(len(order), np.int64)
            for number in range(len(read.classes)):
                members = order[read.labels[order] == number]
                rank[members] = np.arange(len(members))
            hidden = np.where(rank < per_class, read.labels, np.int32(NONE)).astype(np.int32)
            unlabeled = np.flatnonzero(read.usable & (hidden == NONE) & (read.labels != NONE))
            examples = content_labels(contents, hidden)
            places, probabilities, labels = predict(embeddings.vectors, examples, unlabeled)
            right = labels == read.labels[unlabeled[places]]
            expected = expected_precision(probabilities)
            accuracies.append(right.mean())
            for target in TARGETS:
                count = num_at(expected, target)
                precision = right[:count].mean() if count else 1.0
                found[target].append((right[:count].sum() / len(unlabeled), precision))
        print(f"{per_class} examples a class, {len(unlabeled):,} unlabeled images:")
        print(f"  share of right proposals: {np.mean(accuracies):.3f}")
        for target, pairs in found.items():
            share, precision = np.mean(pairs, axis=0)
            print(
                f"  accepted at {target:.0%}: {share:.1%} of the images labeled rightly, "
                f"precision {precision:.3f}"
            )


if __name__ == "__main__":
    main()

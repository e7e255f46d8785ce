"""Quality of bfloat16 embeddings beside float32: mAP and overlap of neighbors.

    python -m benchmarks.precision --home HOME

HOME is a workspace with a model and its dataset; both embeddings are made there and kept.
"""

import argparse
from pathlib import Path

import numpy as np

from core.artifacts.folders import list_artifacts
from core.datasets.registry import open_dataset
from core.embeddings.config import EmbedConfig, Precision
from core.embeddings.embed import embed_dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.index_benchmark.queries import make_benchmark_queries
from core.metrics.measures import leave_one_out
from core.models.devices import choose_device
from core.progress import finish
from core.workspace import Workspace

MOST_DIFFERENT = 0.005
LEAST_OVERLAP = 0.95
NUM_QUERIES = 2000


def label_map(workspace: Workspace, embeddings: Embeddings) -> float:
    """Return the mAP@10 of each image's search among all the others."""
    dataset = open_dataset(workspace, embeddings.manifest.made_from["dataset"])
    labels = dict(dataset.catalog.labels_by_id())
    rows = [row for row, image_id in enumerate(embeddings.image_ids.tolist()) if image_id in labels]
    names = [labels[image_id] for image_id in embeddings.image_ids[rows].tolist()]
    _, numbers = np.unique(names, return_inverse=True)
    return leave_one_out(np.array(embeddings.vectors[rows]), numbers)["map_at_10"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    workspace = Workspace(parser.parse_args().home)
    model = list_artifacts(workspace.models)[0][0]
    dataset = model.made_from["dataset"]
    if not choose_device().bfloat16:
        print("This processor has no bfloat16 instructions; they are emulated, and slow.")
    found, quality = {}, {}
    for precision in (Precision.FLOAT32, Precision.BFLOAT16):
        config = EmbedConfig(precision=precision)
        made = finish(embed_dataset(workspace, dataset, model.id, config))
        quality[precision] = label_map(workspace, open_embeddings(workspace, made.id))
        found[precision] = finish(make_benchmark_queries(workspace, made.id, NUM_QUERIES)).exact[
            :, :10
        ]
        print(f"{precision}: mAP@10 {quality[precision]:.4f}", flush=True)
    difference = quality[Precision.BFLOAT16] - quality[Precision.FLOAT32]
    pairs = zip(found[Precision.FLOAT32], found[Precision.BFLOAT16], strict=True)
    overlap = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in pairs])
    print(
        f"difference {difference:+.4f}, at most {MOST_DIFFERENT}: "
        f"{'holds' if abs(difference) <= MOST_DIFFERENT else 'does not hold'}\n"
        f"overlap of the ten nearest {overlap:.4f}; the default only from {LEAST_OVERLAP}: "
        f"{'holds' if overlap >= LEAST_OVERLAP else 'does not hold'}"
    )


if __name__ == "__main__":
    main()

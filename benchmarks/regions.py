"""Similarity maps: whether they point at the object, and the time of one comparison.

    python -m benchmarks.regions [--home FOLDER]

The sample dataset at 128 px, whose masks say where each object is. The model is VGG-16 with batch
norm, trained here from scratch: the preset *From scratch, quick* but at 64 px, then its last two
blocks at 128 px. Each test image searches among the train images. If the nearest one has its class,
the hottest tenth of the map on each of the two is compared with its mask. FOLDER may be a workspace
of an earlier run.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks.from_scratch import followed
from benchmarks.timing import interleaved, report, seconds
from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter, ImageRow, Split
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.sample.drawing import draw_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.encoding import Encoder, Encoding
from core.models.batches import load_square
from core.models.devices import choose_device
from core.models.model import WEIGHTS, Model, load_model
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.preprocessing import Preprocessing, normalized
from core.progress import finish
from core.query.region_match import compare_regions, object_lift
from core.training.config import TrainConfig
from core.training.presets import FROM_SCRATCH, PRESETS, SCRATCH_QUICK
from core.training.train import train
from core.workspace import Workspace

NAME, SIDE = "sample", 128
INPUT = Preprocessing(image_size=SIDE)
SHARES = (0.10, 0.25)
"""Smallest and largest share of the image that an object may take to be counted."""

AT_LEAST = 3.0
MOST_SECONDS = 1.5
ROUNDS = 5
START_SIDE = 64
"""VGG halves an image five times and drops what is left over: at 48 px, the preset's own, the last
max-pool never sees the right and lower third. The maps of a model that started so were found to lie
up to a cell too low."""

UPPER_BLOCKS = {
    "trainable_blocks": 2,
    "image_size": SIDE,
    "epochs": 3,
    "batch_size": 32,
    "augment": "off",
    "backbone_learning_rate": 1e-3,
}
"""Settings other than `FROM_SCRATCH` for training the upper blocks at 128 px."""


@dataclass(frozen=True, slots=True)
class MaskedImage:
    """A generated image and where its object is."""

    label: str
    pixels: NDArray[np.uint8]
    """(3, S, S)"""

    inside: NDArray[np.bool_]
    """(S, S)"""


def trained(workspace: Workspace) -> Manifest:
    """Generate the dataset and train unless that is done; return the model's manifest."""
    if not list_datasets(workspace):
        finish(draw_dataset(workspace.home / NAME, size=SIDE))
        source = Source(root=workspace.home / NAME / "images")
        finish(add_folder(workspace, NAME, source, SplitConfig()))
    done = {model.config["network"]["image_size"]: model for model in models_of(workspace)}
    if SIDE not in done:
        if START_SIDE not in done:
            quick = {**PRESETS[SCRATCH_QUICK].settings, "image_size": START_SIDE}
            followed(train(workspace, TrainConfig(dataset=NAME, **quick)))
        weights = backbone_file(workspace, models_of(workspace)[0].id)
        settings = FROM_SCRATCH | UPPER_BLOCKS | {"weights": str(weights)}
        followed(train(workspace, TrainConfig(dataset=NAME, **settings)))
        done = {model.config["network"]["image_size"]: model for model in models_of(workspace)}
    return done[SIDE]


def models_of(workspace: Workspace) -> list[Manifest]:
    """Return the models of a workspace."""
    return list_artifacts(workspace.models)[0]


def backbone_file(workspace: Workspace, model_id: str) -> Path:
    """Write the backbone of a model, all blocks trained, as a weights file; return it."""
    tensors = load_file(workspace.models / model_id / WEIGHTS)
    backbone = {key: tensor for key, tensor in tensors.items() if key.startswith("tail.")}
    path = workspace.home / "backbone.safetensors"
    save_file({key.removeprefix("tail."): tensor for key, tensor in backbone.items()}, path)
    return path


def images_of(workspace: Workspace, split: Split) -> list[MaskedImage]:
    """Return the images of a split with their masks."""
    dataset = open_dataset(workspace, NAME)

    def masked(row: ImageRow) -> MaskedImage:
        with Image.open(workspace.home / NAME / "masks" / row.path) as mask:
            inside = np.asarray(mask) > 0
        return MaskedImage(
            str(row.label),
            load_square(dataset.path_of(row), INPUT),
            inside,
        )

    return [masked(row) for row in dataset.catalog.rows(ImageFilter(splits=(split,)))]


def encoder_of(model: Model) -> Encoder:
    """Return an encoder without flip or whitening."""
    fingerprint = model.manifest.fingerprint
    return Encoder(model, Encoding(model=model.id, model_fingerprint=fingerprint))


def embedded(encoder: Encoder, images: list[MaskedImage]) -> NDArray[np.float32]:
    """Return (N, D) embeddings."""
    pixels = np.stack([image.pixels for image in images])
    parts = [pixels[at : at + 32] for at in range(0, len(pixels), 32)]
    return np.concatenate([encoder.embed(part)[0] for part in parts])


def judge(workspace: Workspace) -> None:
    """Print how many times more often than chance the hottest cells lie in the object."""
    manifest = trained(workspace)
    encoder = encoder_of(load_model(workspace, manifest.id))
    gallery, queries = (images_of(workspace, split) for split in (Split.TRAIN, Split.TEST))
    nearest = (embedded(encoder, queries) @ embedded(encoder, gallery).T).argmax(axis=1)
    matches = [gallery[at] for at in nearest]
    right = [pair for pair in zip(queries, matches, strict=True) if pair[0].label == pair[1].label]
    lifts: dict[str, list[float]] = {"query": [], "match": []}
    for query, match in right:
        made = compare_regions(encoder, query.pixels, match.pixels)
        for name, image, heat in (
            ("query", query, made.query_heat),
            ("match", match, made.match_heat),
        ):
            if SHARES[0] <= image.inside.mean() <= SHARES[1]:
                lifts[name].append(object_lift(heat, image.inside))
    cells = made.query_heat.shape
    print(
        f"Sample dataset at {SIDE} px: {len(right)} of {len(queries)} found an image of the class"
    )
    print(f"  the hottest tenth of a map of {cells[0]} × {cells[1]} cells, in the object, to the")
    print(f"  object's share of the image (1 is chance; limit: at least {AT_LEAST:g})")
    for name, found in lifts.items():
        values = np.array(found)
        print(
            f"  {name}: mean {values.mean():.2f}, median {np.median(values):.2f}, "
            f"{(values >= AT_LEAST).mean():.1%} of {len(values)} reach {AT_LEAST:g}",
            flush=True,
        )


def measure_time() -> None:
    """Print the time of a comparison beside that of a forward pass of one image."""
    config = NetworkConfig(backbone="vgg16", image_size=224)
    torch.manual_seed(0)
    network, device = EmbeddingNetwork(config).eval(), choose_device()
    manifest = Manifest(
        kind="model", id="random", created="", config={}, made_from={}, summary={}, files={}
    )
    encoder = encoder_of(Model(manifest, config, network.to(device.name), (), device))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 224, 224), dtype=np.uint8)

    def forward() -> None:
        with torch.inference_mode():
            network(normalized(torch.from_numpy(pixels[:1]), INPUT).to(device.name))

    measurements = {
        "one image, forward": lambda: seconds(forward),
        "one comparison": lambda: seconds(lambda: compare_regions(encoder, *pixels)),
    }
    interleaved(measurements, 1)  # Warm-up
    medians = interleaved(measurements, ROUNDS)
    report(f"VGG-16 at 224 px, median of {ROUNDS}", medians, MOST_SECONDS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    measure_time()
    with tempfile.TemporaryDirectory() as name:
        judge(Workspace(options.home or Path(name)))


if __name__ == "__main__":
    main()

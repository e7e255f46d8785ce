"""Whether heat maps point at what made images alike, and how long one comparison takes.

    python -m benchmarks.regions [--home FOLDER]

The drawn set at 128 px, whose masks say where each object is. The model is VGG-16 with batch norm,
trained here from nothing: the preset *From scratch, quick* but at 64 px, then its last two blocks
at 128 px. Each test image searches among the train images. Where the nearest one shows the same
thing, the hottest tenth of the map on each of the two is held against that one's mask. The home may
be one in which the training was done before.
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
from benchmarks.yardstick import interleaved, report, seconds
from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.catalog import ImageRow, Split
from core.datasets.filters import ImageFilter
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.sample.drawing import draw_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.encoding import Encoder, Encoding
from core.models.batches import load_square
from core.models.devices import choose_device
from core.models.model import WEIGHTS, Model, load_model
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.preprocessing import normalized
from core.progress import finish
from core.query.region_match import compare_regions, object_lift
from core.training.config import TrainConfig
from core.training.presets import FROM_SCRATCH, SCRATCH_QUICK, find_preset
from core.training.train import train
from core.workspace import Workspace

NAME, SIDE = "drawn", 128
SHARES = (0.10, 0.25)
"""Of the picture, that the objects judged by take."""

AT_LEAST = 3.0
MOST_SECONDS = 1.5
ROUNDS = 5
START_SIDE = 64
"""VGG halves an image five times and drops what is left over: at 48 px, the preset's own, the last
max-pool never sees the right and lower third. The maps of a model that began so were found to lie
up to a place too low."""

UPPER_BLOCKS = {
    "trainable_blocks": 2,
    "image_size": SIDE,
    "epochs": 3,
    "batch_size": 32,
    "augment": "off",
    "backbone_learning_rate": 1e-3,
}
"""What differs from `FROM_SCRATCH` when the upper blocks get used to 128 px."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn image and where its object is."""

    label: str
    pixels: NDArray[np.uint8]
    """(3, S, S)"""

    inside: NDArray[np.bool_]
    """(S, S)"""


def trained(workspace: Workspace) -> Manifest:
    """Draw the set and train, unless that is done; return the model's manifest."""
    if not list_datasets(workspace):
        finish(draw_dataset(workspace.home / NAME, size=SIDE))
        source = Source(root=workspace.home / NAME / "images")
        finish(add_folder(workspace, NAME, source, SplitConfig()))
    done = {model.config["network"]["image_size"]: model for model in models_of(workspace)}
    if SIDE not in done:
        if START_SIDE not in done:
            quick = {**find_preset(SCRATCH_QUICK).settings, "image_size": START_SIDE}
            followed(train(workspace, TrainConfig(dataset=NAME, **quick)))
        weights = trunk_of(workspace, models_of(workspace)[0].id)
        settings = FROM_SCRATCH | UPPER_BLOCKS | {"weights": str(weights)}
        followed(train(workspace, TrainConfig(dataset=NAME, **settings)))
        done = {model.config["network"]["image_size"]: model for model in models_of(workspace)}
    return done[SIDE]


def models_of(workspace: Workspace) -> list[Manifest]:
    """Return the models that there are."""
    return list_artifacts(workspace.models)[0]


def trunk_of(workspace: Workspace, model_id: str) -> Path:
    """Write a model's trunk, of which every block was trained, as a file of weights."""
    tensors = load_file(workspace.models / model_id / WEIGHTS)
    backbone = {key: tensor for key, tensor in tensors.items() if key.startswith("tail.")}
    path = workspace.home / "trunk.safetensors"
    save_file({key.removeprefix("tail."): tensor for key, tensor in backbone.items()}, path)
    return path


def pictures_of(workspace: Workspace, split: Split) -> list[Picture]:
    """Return the images of a split with their masks."""
    dataset = open_dataset(workspace, NAME)

    def picture(row: ImageRow) -> Picture:
        with Image.open(workspace.home / NAME / "masks" / row.path) as mask:
            inside = np.asarray(mask) > 0
        return Picture(str(row.label), load_square(dataset.path_of(row), SIDE), inside)

    return [picture(row) for row in dataset.catalog.rows(ImageFilter(splits=(split,)))]


def encoder_of(model: Model) -> Encoder:
    """Return the plain way to embed."""
    fingerprint = model.manifest.fingerprint
    return Encoder(model, Encoding(model=model.id, model_fingerprint=fingerprint))


def embedded(encoder: Encoder, pictures: list[Picture]) -> NDArray[np.float32]:
    """Return (N, D) embeddings."""
    pixels = np.stack([picture.pixels for picture in pictures])
    parts = [pixels[at : at + 32] for at in range(0, len(pixels), 32)]
    return np.concatenate([encoder.embed(part)[0] for part in parts])


def judge(workspace: Workspace) -> None:
    """Print how much the maps prefer the objects."""
    manifest = trained(workspace)
    encoder = encoder_of(load_model(workspace, manifest.id))
    gallery, queries = (pictures_of(workspace, split) for split in (Split.TRAIN, Split.TEST))
    nearest = (embedded(encoder, queries) @ embedded(encoder, gallery).T).argmax(axis=1)
    matches = [gallery[at] for at in nearest]
    right = [pair for pair in zip(queries, matches, strict=True) if pair[0].label == pair[1].label]
    lifts: dict[str, list[float]] = {"query": [], "match": []}
    for query, match in right:
        made = compare_regions(encoder, query.pixels, match.pixels)
        for name, picture, heat in (
            ("query", query, made.query_heat),
            ("match", match, made.match_heat),
        ):
            if SHARES[0] <= picture.inside.mean() <= SHARES[1]:
                lifts[name].append(object_lift(heat, picture.inside))
    places = made.query_heat.shape
    print(f"The drawn set at {SIDE} px: {len(right)} of {len(queries)} found a picture of the same")
    print(f"  the hottest tenth of a map of {places[0]} × {places[1]} places, in the object beside")
    print(f"  the object's share of the picture (1 is chance, at least {AT_LEAST:g} is wanted)")
    for name, found in lifts.items():
        values = np.array(found)
        print(
            f"  {name}: mean {values.mean():.2f}, median {np.median(values):.2f}, "
            f"{(values >= AT_LEAST).mean():.1%} of {len(values)} reach {AT_LEAST:g}",
            flush=True,
        )


def measure_time() -> None:
    """Print how long a comparison takes, beside a forward pass of one image."""
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
            network(normalized(torch.from_numpy(pixels[:1])).to(device.name))

    ways = {
        "one image, forward": lambda: seconds(forward),
        "one comparison": lambda: seconds(lambda: compare_regions(encoder, *pixels)),
    }
    interleaved(ways, 1)  # Both once before it counts
    medians = interleaved(ways, ROUNDS)
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

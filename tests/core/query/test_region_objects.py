"""Heat maps lie on what made drawn scenes alike: a small network, trained in this test."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from core.artifacts.manifests import Manifest
from core.datasets.sample.drawing import draw
from core.embeddings.encoding import Encoder, Encoding
from core.images.squares import CROP, square_image
from core.models.devices import Device
from core.models.model import Model
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.preprocessing import Preprocessing, normalized
from core.query.region_match import compare_regions, object_lift

SIDE, EPOCHS, BATCH = 128, 8, 16
INPUT = Preprocessing(image_size=SIDE)
CATEGORIES = ("car", "flower", "house", "star")
NUM_TRAIN, NUM_TEST = 30, 8
WIDTHS = (3, 24, 32, 48, 64)


def small_network() -> EmbeddingNetwork:
    """Four convolutions; like VGG's last, each ends in a max-pool, so there are 8 x 8 places."""
    config = NetworkConfig(
        backbone="resnet18", trainable_blocks=0, image_size=SIDE, num_classes=4, dimension=32
    )
    network = EmbeddingNetwork(config)
    layers: list[nn.Module] = []
    for before, after in pairwise(WIDTHS):
        first = before == WIDTHS[0]
        layers += [
            nn.Conv2d(before, after, 5 if first else 3, 2 if first else 1, 2 if first else 1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    network.frozen, network.tail = nn.Sequential(), nn.Sequential(*layers)
    network.project = nn.Linear(WIDTHS[-1], config.dimension, bias=False)
    return network


def learn(network: EmbeddingNetwork, pixels: torch.Tensor, labels: torch.Tensor) -> None:
    steps = EPOCHS * -(-len(pixels) // BATCH)
    optimizer = torch.optim.AdamW(network.trainable_parameters(), weight_decay=5e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    network.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(pixels)).split(BATCH):
            _, scores = network(pixels[batch])
            loss = functional.cross_entropy(scores, labels[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()


@pytest.mark.slow
def test_the_hottest_tenth_lies_on_the_objects_much_more_often_than_chance() -> None:
    numbers = range(NUM_TRAIN + NUM_TEST)
    drawn = {(name, number): draw(name, number) for name in CATEGORIES for number in numbers}
    inside = {key: np.asarray(drawing.mask) > 0 for key, drawing in drawn.items()}
    squares = {
        key: np.asarray(square_image(drawing.image, SIDE, "bilinear", CROP)).transpose(2, 0, 1)
        for key, drawing in drawn.items()
    }
    gallery = [key for key in drawn if key[1] < NUM_TRAIN]
    queries = [key for key in drawn if key[1] >= NUM_TRAIN]
    pixels = normalized(
        torch.from_numpy(np.stack([squares[key] for key in gallery])),
        INPUT,
    )
    network = small_network()
    learn(network, pixels, torch.tensor([CATEGORIES.index(name) for name, _ in gallery]))
    manifest = Manifest(
        kind="model", id="small", created="", config={}, made_from={}, summary={}, files={}
    )
    model = Model(manifest, network.config, network, CATEGORIES, Device("cpu", bfloat16=False))
    encoder = Encoder(model, Encoding(model="small", model_fingerprint=""))

    found, _ = encoder.embed(np.stack([squares[key] for key in queries]))
    known, _ = encoder.embed(np.stack([squares[key] for key in gallery]))
    nearest = (found @ known.T).argmax(axis=1)
    lifts = []
    for query, match in zip(queries, (gallery[at] for at in nearest), strict=True):
        if query[0] == match[0]:
            made = compare_regions(encoder, squares[query], squares[match])
            lifts.append(object_lift(made.query_heat, inside[query]))
            lifts.append(object_lift(made.match_heat, inside[match]))
    assert len(lifts) > len(queries)  # More than half were rightly retrieved
    assert np.mean(lifts) > 1.5  # 1 is chance

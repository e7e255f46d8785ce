"""Five training steps of each case, in one process or in several: `… FOLDER`."""

import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file

from core.models.devices import Device
from core.models.network import EmbeddingNetwork
from core.training.config import TrainConfig
from core.training.inputs import Inputs, prefetch
from core.training.loop import Epoch, steps_of, train_batch
from core.training.setup import network_config, open_fabric, set_up
from core.training.views import values_of
from tests.factories.rows import image_row

NUM_IMAGES, NUM_STEPS = 40, 5

CASES = {"sgd": ("sgd", "none"), "sgd-supcon": ("sgd", "supcon"), "adamw": ("adamw", "none")}
"""Name → optimizer and metric loss."""


def main(folder: str) -> None:
    """Train; the first process writes weights and losses."""
    torch.set_num_threads(1)
    fabric = open_fabric(Device("cpu", bfloat16=False))
    for name, (optimizer, metric) in CASES.items():
        train(fabric, Path(folder) / name, optimizer, metric)


def train(fabric: Fabric, out: Path, optimizer: str, metric: str) -> None:
    """Train one case."""
    config = TrainConfig(
        dataset="none",
        image_size=32,
        batch_size=8,
        metric_loss=metric,
        batch_norm=False,  # It would see a different batch in each process
        samples_per_class=4 if metric != "none" else 0,
    )
    torch.manual_seed(0)
    network = EmbeddingNetwork(network_config(config, 4))
    draw = np.random.default_rng(0)
    shape, _ = values_of(network, config.image_size)
    features = np.abs(draw.normal(size=(NUM_IMAGES, *shape))).astype(np.float16)
    labels = np.arange(NUM_IMAGES) % 4
    usable = np.ones(NUM_IMAGES, np.bool_)
    inputs = Inputs((features,), labels, labels, usable)
    rows = [image_row(number) for number in range(NUM_IMAGES)]
    setup = set_up(config, Path(), fabric, network, inputs, rows)
    if optimizer == "sgd":
        parameters = [p for p in setup.module.parameters() if p.requires_grad]
        setup.optimizer = torch.optim.SGD(parameters, lr=0.01)
    setup.module.train()
    losses = []
    for batch in islice(prefetch(inputs, steps_of(setup, 0)), NUM_STEPS):
        loss, _ = train_batch(setup, batch, Epoch(0))
        losses.append(float(torch.as_tensor(fabric.all_reduce(torch.tensor(loss)))))
    if fabric.is_global_zero:
        trained = {n: p.detach().contiguous() for n, p in network.named_parameters()}
        save_file(trained, out.with_suffix(".safetensors"))
        out.with_suffix(".json").write_text(json.dumps(losses))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Settings of trainings that take a moment, with the fixture `small_networks`."""

from typing import Any

TINY: dict[str, Any] = {
    "weights": "none",
    "trainable_blocks": 5,
    "backbone": "mobilenet_v3_large",
    "image_size": 32,
    "batch_size": 8,
}

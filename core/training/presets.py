"""Training presets: settings that go well together, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.models.pretrained import NO_WEIGHTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """Named settings, and when to use them."""

    label: str
    """Name for users."""

    explanation: str
    """What it does and what for, in a line or two."""

    settings: Mapping[str, Any]
    """Fields of `TrainConfig` that differ from their defaults."""


FROM_SCRATCH: dict[str, Any] = {
    "backbone": "vgg16_bn",
    "weights": NO_WEIGHTS,
    "trainable_blocks": 5,
    "learning_rate": 2e-3,
    "backbone_learning_rate": 2e-3,
    "weight_decay": 5e-2,
    "label_smoothing": 0.1,
    "augment": "light",
}
"""Training from scratch: batch norm, nothing frozen, one learning rate. The values come from trials
on the sample dataset and on Caltech-101."""

CLASSIC, PLAIN, SCRATCH, SCRATCH_QUICK = "classic", "plain", "scratch", "scratch_quick"
INSTANT, STARTER = "instant", "starter"

HEAD_ONLY: dict[str, Any] = {
    "backbone": "efficientnet_lite0",
    "trainable_blocks": 0,
    "epochs": 30,
    "batch_size": 256,
    "learning_rate": 3e-3,
    "label_smoothing": 0.1,
    "dropout": 0.2,
}
"""Training of the head on features of the starter backbone, computed once. The values come from
trials on Caltech-101."""

PRESETS = {
    INSTANT: Preset(
        label="Instant",
        explanation="EfficientNet-Lite0, all frozen, with weights that are installed with the app: "
        "one pass over the images, then the embedding and the classifier train in seconds.",
        settings=HEAD_ONLY,
    ),
    STARTER: Preset(
        label="Starter, fine-tuned",
        explanation="EfficientNet-Lite0 with its last two blocks trainable, 10 epochs: more "
        "accurate than Instant, in half an hour on two cores for 10,000 images.",
        settings={
            "backbone": "efficientnet_lite0",
            "trainable_blocks": 2,
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "backbone_learning_rate": 3e-4,
            "label_smoothing": 0.1,
            "dropout": 0.2,
            "augment": "light",
        },
    ),
    "quick": Preset(
        label="Quick look",
        explanation="A small ResNet-18 at 128 pixels for 3 epochs: in a minute or two you see "
        "whether your classes can be told apart.",
        settings={
            "backbone": "resnet18",
            "image_size": 128,
            "epochs": 3,
            "batch_size": 32,
        },
    ),
    CLASSIC: Preset(
        label="Classic",
        explanation="VGG-16 with ImageNet's weights, all frozen but its last block, 10 epochs "
        "at 224 pixels.",
        settings={},
    ),
    "best": Preset(
        label="Best retrieval",
        explanation="ResNet-50, two blocks train, and beside the classifier a loss that "
        "gathers each class in the embedding space. Takes several times as long.",
        settings={
            "backbone": "resnet50",
            "trainable_blocks": 2,
            "epochs": 20,
            "batch_size": 64,
            "metric_loss": "supcon",
            "samples_per_class": 4,
            "label_smoothing": 0.1,
            "augment": "light",
            "views": 4,
            "patience": 5,
        },
    ),
    PLAIN: Preset(
        label="Plain",
        explanation="The baseline that others are compared with: VGG-16 with ImageNet's "
        "weights, all of it frozen, only the 128-d embedding and the classifier learn by "
        "cross-entropy, for 10 epochs on images that are resized and nothing else.",
        settings={"trainable_blocks": 0},
    ),
    SCRATCH: Preset(
        label="From scratch",
        explanation="No weights needed: VGG-16 with batch norm learns everything from your "
        "images, at 64 pixels for 20 epochs. Wants some thousands of images.",
        settings=FROM_SCRATCH | {"image_size": 64, "epochs": 20, "batch_size": 64},
    ),
    SCRATCH_QUICK: Preset(
        label="From scratch, quick",
        explanation="No weights needed: VGG-16 with batch norm at 48 pixels for 8 epochs, in "
        "minutes. Best for the sample dataset and for a first look.",
        settings=FROM_SCRATCH | {"image_size": 48, "epochs": 8, "batch_size": 32},
    ),
}

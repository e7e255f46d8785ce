"""Training presets: settings that go well together, by name."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from core.models.backbones import find_backbone
from core.models.pretrained import NO_WEIGHTS
from core.training.config import TrainConfig
from core.training.losses import LOSSES

USUAL_PER_CLASS = 4
"""Images of each class in a batch by default, for losses that compare images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """Named settings, and when to use them."""

    label: str
    """Name for users."""

    explanation: str
    """What it does and what for, in one sentence."""

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
    "image_size": 256,
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 2e-3,
    "label_smoothing": 0.2,
    "dropout": 0.5,
}
"""Training of the head on features of the starter backbone, computed once. The values come from
trials on Caltech-101: at 256 px instead of 224, recall@1 is 0.952 (0.951), mAP@10 0.927 (0.923) and
accuracy 0.957 (0.952), for 1.3 times the pixels (means of 3 splits)."""

PRESETS = {
    INSTANT: Preset(
        label="Instant",
        explanation="Trains a head on frozen EfficientNet-Lite0 features in seconds, without a "
        "download.",
        settings=HEAD_ONLY,
    ),
    STARTER: Preset(
        label="Starter, fine-tuned",
        explanation="Fine-tunes the last block of EfficientNet-Lite0; more accurate than Instant, "
        "about 15 min for 10,000 images on two cores with bfloat16.",
        settings={
            "backbone": "efficientnet_lite0",
            "trainable_blocks": 1,
            "image_size": 256,
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "backbone_learning_rate": 3e-4,
            "label_smoothing": 0.2,
            "dropout": 0.4,
            "augment": "light",
        },
    ),
    "quick": Preset(
        label="Quick look",
        explanation="Fine-tunes ResNet-18 at 128 px for 3 epochs, to check in a minute or two "
        "whether the classes are separable.",
        settings={
            "backbone": "resnet18",
            "image_size": 128,
            "epochs": 3,
            "batch_size": 32,
        },
    ),
    CLASSIC: Preset(
        label="Classic (VGG-16)",
        explanation="Fine-tunes the last block of VGG-16, pre-trained on ImageNet, for 10 epochs.",
        settings={},
    ),
    "best": Preset(
        label="Best retrieval",
        explanation="Fine-tunes two blocks of ResNet-50 with a supervised contrastive loss; takes "
        "several times as long.",
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
        explanation="Trains a head on frozen VGG-16 features with cross-entropy: the baseline.",
        settings={"trainable_blocks": 0},
    ),
    SCRATCH: Preset(
        label="From scratch",
        explanation="Trains VGG-16-BN from random weights at 64 px for 20 epochs; needs "
        "thousands of images.",
        settings=FROM_SCRATCH | {"image_size": 64, "epochs": 20, "batch_size": 64},
    ),
    SCRATCH_QUICK: Preset(
        label="From scratch, quick",
        explanation="Trains VGG-16-BN from random weights at 48 px for 8 epochs, in minutes.",
        settings=FROM_SCRATCH | {"image_size": 48, "epochs": 8, "batch_size": 32},
    ),
}


def fitted(settings: Mapping[str, Any], chosen: Collection[str]) -> dict[str, Any]:
    """Return a training's settings with defaults that fit its backbone, weights and loss.

    Args:
        settings: Fields of `TrainConfig`, of a preset and of the user.
        chosen: Names of those that the user chose, which stay.

    Raises:
        ValueError: There is no such backbone.
    """
    defaults = {each.name: each.default for each in fields(TrainConfig)}
    values: dict[str, Any] = {n: value for n, value in defaults.items() if value is not MISSING}
    values |= settings
    backbone = find_backbone(values["backbone"])
    from_scratch = values["weights"] == NO_WEIGHTS
    blocks = backbone.num_blocks if from_scratch else values["trainable_blocks"]
    fitting = {
        "trainable_blocks": min(blocks, backbone.num_blocks),
        "image_size": backbone.nearest_size(values["image_size"]),
    }
    loss = LOSSES.get(values["metric_loss"])
    if loss and loss.compares_images and not values["samples_per_class"]:
        fitting["samples_per_class"] = USUAL_PER_CLASS
    return values | {name: value for name, value in fitting.items() if name not in chosen}

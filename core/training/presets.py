"""Settings that go well together, by name, for forms and command lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import WorkbenchError
from core.models.pretrained import NO_WEIGHTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """What differs from the defaults of `TrainConfig`, and what it is good for."""

    name: str
    label: str
    """As people call it."""

    explanation: str
    """What it does and what for, in a line or two."""

    settings: Mapping[str, Any]

    @property
    def needs_weights(self) -> bool:
        """Whether it begins with pre-trained weights."""
        return self.settings.get("weights") != NO_WEIGHTS


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
"""For a network that knows nothing: batch norm, nothing frozen, one rate for all. The values come
from trials on the drawn set and on Caltech-101."""

PLAIN = "plain"

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="quick",
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
        Preset(
            name="classic",
            label="Classic",
            explanation="VGG-16 with ImageNet's weights, all frozen but its last block, 10 epochs "
            "at 224 pixels.",
            settings={},
        ),
        Preset(
            name="best",
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
        Preset(
            name=PLAIN,
            label="Plain",
            explanation="The baseline that others are held against: VGG-16 with ImageNet's "
            "weights, all of it frozen, only the 128-d embedding and the classifier learn by "
            "cross-entropy, for 10 epochs on images that are resized and nothing else.",
            settings={"trainable_blocks": 0},
        ),
        Preset(
            name="scratch",
            label="From scratch",
            explanation="No weights needed: VGG-16 with batch norm learns everything from your "
            "images, at 64 pixels for 20 epochs. Wants some thousands of images.",
            settings=FROM_SCRATCH | {"image_size": 64, "epochs": 20, "batch_size": 64},
        ),
        Preset(
            name="scratch_quick",
            label="From scratch, quick",
            explanation="No weights needed: VGG-16 with batch norm at 48 pixels for 8 epochs, in "
            "minutes. Best for the drawn set and for a first look.",
            settings=FROM_SCRATCH | {"image_size": 48, "epochs": 8, "batch_size": 32},
        ),
    )
}
CLASSIC, SCRATCH = "classic", "scratch"
SCRATCH_QUICK = "scratch_quick"


def find_preset(name: str) -> Preset:
    """Return the preset of that name.

    Raises:
        WorkbenchError: There is none; the sentence lists them.
    """
    try:
        return PRESETS[name]
    except KeyError as error:
        raise WorkbenchError(
            f"There is no preset “{name}”.", f"Choose one of {', '.join(PRESETS)}."
        ) from error

"""What a user chooses before training, frozen once chosen."""

from dataclasses import dataclass
from typing import Any

from core.embedder.backbones import BACKBONES, find_backbone

IMAGENET = "imagenet"
NO_WEIGHTS = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """How to train. The defaults are the classic recipe: the last block of ImageNet's VGG-16.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    dataset: str
    """Name of the dataset; only its train images are learnt from."""

    backbone: str = "vgg16"
    """vgg16, or vgg16_bn (with batch norm, for training from scratch)."""

    weights: str = IMAGENET
    """imagenet (as torchvision publishes them), none (from scratch), or a file of them."""

    trainable_blocks: int = 1
    """Blocks of the trunk that train, counted from the top; 1 is conv5_1 to conv5_3."""

    image_size: int = 224
    """Side of the square that the network sees, in pixels."""

    dimension: int = 128
    """Length of an embedding."""

    epochs: int = 10
    """Passes over the train images; 0 keeps the start weights, as a baseline."""

    batch_size: int = 16
    """Images in one step."""

    learning_rate: float = 1e-3
    """AdamW's largest step size for the embedding and the classifier (one-cycle schedule)."""

    trunk_learning_rate: float = 1e-4
    """The same for the trunk's blocks that train; pre-trained ones want smaller steps."""

    weight_decay: float = 1e-2
    """AdamW's pull towards zero; PyTorch's default."""

    label_smoothing: float = 0.0
    """Share of each target spread over the other classes."""

    augment: bool = False
    """Flip, shift and recolour the train images at random; only where nothing is frozen."""

    seed: int = 0
    """Fixes the start weights of new layers, the order of images and the augmentation."""

    def __post_init__(self) -> None:
        find_backbone(self.backbone)
        for name, low, high in (
            ("trainable_blocks", 0, len(BACKBONES[self.backbone].block_starts)),
            ("image_size", 32, 512),
            ("dimension", 8, 4096),
            ("epochs", 0, 1000),
            ("batch_size", 2, 1024),
            ("learning_rate", 1e-7, 1),
            ("trunk_learning_rate", 0, 1),
            ("weight_decay", 0, 1),
            ("label_smoothing", 0, 0.9),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {value}")
        if self.weights == NO_WEIGHTS and self.num_frozen_blocks:
            raise ValueError(
                "without pre-trained weights every block must train: a frozen random trunk "
                f"learns nothing (trainable_blocks is {self.trainable_blocks})"
            )
        if self.augment and self.num_frozen_blocks:
            raise ValueError("augment needs every block to train: a frozen block's output is kept")

    @property
    def num_frozen_blocks(self) -> int:
        """Blocks of the trunk that never change, counted from the bottom."""
        return len(BACKBONES[self.backbone].block_starts) - self.trainable_blocks


SCRATCH: dict[str, Any] = {
    "backbone": "vgg16_bn",
    "weights": NO_WEIGHTS,
    "trainable_blocks": 5,
    "image_size": 48,
    "epochs": 8,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "trunk_learning_rate": 2e-3,
    "weight_decay": 5e-2,
    "label_smoothing": 0.1,
    "augment": True,
}
"""What differs from the classic recipe when there are no pre-trained weights: small images, batch
norm, nothing frozen. The values come from trials on the drawn set and on Caltech-101."""

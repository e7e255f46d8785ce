"""Settings of a training."""

from dataclasses import dataclass
from enum import StrEnum

from core.models.backbones import (
    BACKBONES,
    DIMENSIONS,
    IMAGE_SIZES,
    boundary,
    check_image_size,
    find_backbone,
)
from core.models.pretrained import NO_WEIGHTS, PRETRAINED, current_weights
from core.options import bounded, check_fields, one_of, suggested
from core.training.augment_config import OFF, PRESETS, AugmentConfig
from core.training.losses import LOSSES, NO_METRIC_LOSS


class Schedule(StrEnum):
    """Course of the learning rate from the first step to the last."""

    ONE_CYCLE = "one_cycle"
    """Up for 30 % of the steps, then down to almost zero (Smith & Topin 2018)."""

    COSINE = "cosine"
    """Up for 5 % of the steps, then down along a cosine (Loshchilov & Hutter 2017)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Settings of a training. The defaults train the last block of ImageNet's VGG-16.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    dataset: str
    """Name of the dataset; the model is trained on its train images."""

    backbone: str = suggested("vgg16", BACKBONES)
    """Pre-trained network; any model of timm, by its name there."""

    weights: str = PRETRAINED
    """Initial weights: pretrained (published), none (from scratch), or a weights file."""

    trainable_blocks: int = 1
    """Trainable blocks of the backbone, counted from the top; all without pre-trained weights."""

    image_size: int = bounded(224, *IMAGE_SIZES)
    """Side of the square that the network sees, in pixels."""

    dimension: int = bounded(128, *DIMENSIONS)
    """Number of embedding dimensions."""

    batch_norm: bool = True
    """Normalize embeddings over the batch before they are scaled to unit length."""

    metric_loss: str = one_of(NO_METRIC_LOSS, (NO_METRIC_LOSS, *LOSSES))
    """Loss that compares the embeddings of a batch, added to cross-entropy."""

    metric_loss_weight: float = bounded(0.5, 0, 1)
    """Weight of the metric loss; 1 leaves cross-entropy out."""

    samples_per_class: int = bounded(0, 0, 64)
    """Images of each class in a batch, as metric losses need it; 0 draws batches at random."""

    epochs: int = bounded(10, 0, 1000)
    """Passes over the train images; 0 keeps the initial weights, as a baseline."""

    batch_size: int = bounded(16, 2, 1024)
    """Images in one step."""

    schedule: str = one_of(Schedule.ONE_CYCLE.value, tuple(Schedule))
    """Course of the learning rate: one_cycle, or cosine."""

    learning_rate: float = bounded(1e-3, 1e-7, 1)
    """Peak learning rate of the head (AdamW)."""

    backbone_learning_rate: float = bounded(1e-4, 0, 1)
    """Peak learning rate of the backbone; pre-trained layers need smaller steps."""

    weight_decay: float = bounded(1e-2, 0, 1)
    """AdamW's weight decay; the default is PyTorch's."""

    label_smoothing: float = bounded(0.0, 0, 0.9)
    """Label smoothing of the cross-entropy, as in PyTorch; 0 disables it."""

    dropout: float = bounded(0.0, 0, 0.9)
    """Dropout probability of the backbone's pooled features."""

    max_gradient_norm: float = bounded(0.0, 0, 1000)
    """Max. gradient norm; 0 disables clipping."""

    patience: int = bounded(0, 0, 1000)
    """Epochs without a better validation mAP@10 before training stops; 0 disables it."""

    augment: str = one_of("off", PRESETS)
    """Augmentation of train images: off, light (flip, shift, color) or strong (also crop, rotate,
    erase)."""

    views: int = bounded(2, 1, 16)
    """Cached views of each image if blocks are frozen: the image and its augmented versions."""

    seed: int = bounded(0, 0, (1 << 32) - 1)
    """Seed of the head's initial weights, the order of images and the augmentation."""

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "weights", current_weights(self.weights))
        backbone = find_backbone(self.backbone)
        boundary(backbone, self.trainable_blocks)
        check_image_size(backbone, self.image_size)
        if self.weights == NO_WEIGHTS and self.num_frozen_blocks:
            raise ValueError(
                "without pre-trained weights every block must train: a frozen random backbone "
                f"learns nothing (trainable_blocks is {self.trainable_blocks})"
            )
        compares = self.metric_loss != NO_METRIC_LOSS and LOSSES[self.metric_loss].compares_images
        if compares and not 2 <= self.samples_per_class <= self.batch_size // 2:
            raise ValueError(
                f"samples_per_class must be in 2..{self.batch_size // 2} for {self.metric_loss}, "
                f"got {self.samples_per_class}"
            )
        if self.samples_per_class and self.batch_size % self.samples_per_class:
            raise ValueError(
                f"batch_size must be a multiple of samples_per_class, "
                f"got {self.batch_size} and {self.samples_per_class}"
            )

    @property
    def augmentation(self) -> AugmentConfig:
        """Return the settings of the augmentation."""
        return PRESETS[self.augment]

    @property
    def num_views(self) -> int:
        """Return the cached views of each train image; 1 if images are augmented in each step."""
        return self.views if self.augmentation != OFF and self.num_frozen_blocks else 1

    @property
    def num_frozen_blocks(self) -> int:
        """Return the number of frozen blocks of the backbone."""
        return find_backbone(self.backbone).num_blocks - self.trainable_blocks

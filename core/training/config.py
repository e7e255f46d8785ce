"""What a user chooses before training, frozen once chosen."""

from dataclasses import dataclass
from enum import StrEnum

from core.models.backbones import BACKBONES, find_backbone
from core.models.pretrained import IMAGENET, NO_WEIGHTS
from core.training.augment_config import OFF, PRESETS, AugmentConfig
from core.training.losses import NO_METRIC_LOSS, find_loss


class Schedule(StrEnum):
    """How the learning rate goes from the first step to the last."""

    ONE_CYCLE = "one_cycle"
    """Up for 30 % of the steps, then down to next to nothing (Smith & Topin 2018)."""

    COSINE = "cosine"
    """Up for 5 % of the steps, then down along a cosine (Loshchilov & Hutter 2017)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """How to train. The defaults are the classic recipe: the last block of ImageNet's VGG-16.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    dataset: str
    """Name of the dataset; only its train images are learnt from."""

    backbone: str = "vgg16"
    """The trunk, as torchvision calls it."""

    weights: str = IMAGENET
    """imagenet (as torchvision publishes them), none (from scratch), or a file of them."""

    trainable_blocks: int = 1
    """Blocks of the trunk that train, counted from the top; 1 is conv5_1 to conv5_3."""

    image_size: int = 224
    """Side of the square that the network sees, in pixels."""

    dimension: int = 128
    """Length of an embedding."""

    batch_norm: bool = True
    """Normalize embeddings over the batch before they are scaled to unit length."""

    metric_loss: str = NO_METRIC_LOSS
    """Added to cross-entropy: a loss that compares the embeddings of a batch with each other."""

    metric_loss_weight: float = 0.5
    """Its share of the whole loss; 1 leaves the classifier out."""

    samples_per_class: int = 0
    """Images of each class in a batch, as metric losses want it; 0 draws at random."""

    epochs: int = 10
    """Passes over the train images; 0 keeps the start weights, as a baseline."""

    batch_size: int = 16
    """Images in one step."""

    schedule: Schedule = Schedule.ONE_CYCLE
    """How the learning rate rises and falls."""

    learning_rate: float = 1e-3
    """AdamW's largest step size for the embedding and the classifier."""

    backbone_learning_rate: float = 1e-4
    """The same for the trunk's blocks that train; pre-trained ones want smaller steps."""

    weight_decay: float = 1e-2
    """AdamW's pull towards zero; PyTorch's default."""

    label_smoothing: float = 0.0
    """Share of each target spread over the other classes."""

    max_gradient_norm: float = 0.0
    """Longest gradient; a longer one is shortened. 0 takes every one as it is."""

    patience: int = 0
    """Epochs without a better validation mAP@10 after which it ends early; 0 never does."""

    augment: str = "off"
    """How much train images change at random: off, light (flip, shift, color) or strong (also cut,
    turn, erase)."""

    views: int = 2
    """Where blocks are frozen: how many changed views of each image are kept, the first unchanged.
    Each costs a pass over the images and room on the disk."""

    seed: int = 0
    """Fixes the start weights of new layers, the order of images and the augmentation."""

    def __post_init__(self) -> None:
        find_backbone(self.backbone)
        for name, low, high in (
            ("trainable_blocks", 0, BACKBONES[self.backbone].num_blocks),
            ("image_size", 32, 512),
            ("dimension", 8, 4096),
            ("epochs", 0, 1000),
            ("batch_size", 2, 1024),
            ("learning_rate", 1e-7, 1),
            ("backbone_learning_rate", 0, 1),
            ("weight_decay", 0, 1),
            ("label_smoothing", 0, 0.9),
            ("metric_loss_weight", 0, 1),
            ("samples_per_class", 0, 64),
            ("max_gradient_norm", 0, 1000),
            ("patience", 0, 1000),
            ("views", 1, 16),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {value}")
        if self.weights == NO_WEIGHTS and self.num_frozen_blocks:
            raise ValueError(
                "without pre-trained weights every block must train: a frozen random trunk "
                f"learns nothing (trainable_blocks is {self.trainable_blocks})"
            )
        if self.augment not in PRESETS:
            raise ValueError(f"augment must be one of {', '.join(PRESETS)}, got {self.augment}")
        compares = (
            self.metric_loss != NO_METRIC_LOSS and find_loss(self.metric_loss).compares_images
        )
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
    def _compares_samples(self) -> bool:
        return self.metric_loss != NO_METRIC_LOSS and find_loss(self.metric_loss).compares_images

    @property
    def augmentation(self) -> AugmentConfig:
        """How train images are changed."""
        return PRESETS[self.augment]

    @property
    def num_views(self) -> int:
        """Views of each train image that are kept; 1 where images are changed as they are used."""
        return self.views if self.augmentation != OFF and self.num_frozen_blocks else 1

    @property
    def num_frozen_blocks(self) -> int:
        """Blocks of the trunk that never change, counted from the bottom."""
        return BACKBONES[self.backbone].num_blocks - self.trainable_blocks

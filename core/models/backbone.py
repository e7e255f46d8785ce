"""`Backbone`: the facts of a pre-trained network without its classifier."""

from dataclasses import dataclass

from core.images.squares import CROP
from core.models.preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN


@dataclass(frozen=True, kw_only=True, slots=True)
class Backbone:
    """A pre-trained network without its classifier: a sequence of layers, cut into blocks."""

    name: str
    """torchvision's name, timm's with its tag, or that of a package of weights."""

    label: str
    """Name for users."""

    explanation: str
    """When to choose it, in one line."""

    gmacs: float
    """Billions of multiplications and additions for an image at 224 px; 0 if unknown."""

    block_starts: tuple[int, ...]
    """Index of each block's first layer; a block ends where the resolution drops next."""

    num_layers: int
    channels: int
    """Output channels of the last block."""

    weights_file: str = ""
    """File of torchvision's IMAGENET1K_V1, whose name ends in the first 8 digits of its SHA-256;
    in a package or a hub repository, the file's name there."""

    weights_mb: int = 0
    """Size of that file; 0 if unknown."""

    timm_name: str = ""
    """Name of the architecture in timm, which builds it; "" for torchvision."""

    hub: str = ""
    """Repository of the weights on the Hugging Face hub, for a backbone of timm."""

    package: str = ""
    """Python package with the weights, installed beside the app."""

    sha256: str = ""
    """SHA-256 of the package's file."""

    prefix: str = "features."
    """Start of the backbone's keys in torchvision's whole network."""

    head: str = "classifier."
    """Start of the keys of the layers after the backbone there."""

    pooled_side: int = 1
    """Side of the grid that its own pooling averages to; 1 averages over the whole image."""

    image_size: int = 224
    """Side of the square that the weights were trained for, in pixels."""

    size_step: int = 1
    """The side of the square must be a multiple of this: the patch of a transformer."""

    mean: tuple[float, ...] = IMAGENET_MEAN
    deviation: tuple[float, ...] = IMAGENET_DEVIATION
    """Of the pixels in [0, 1], by which the input is normalized."""

    interpolation: str = "bilinear"
    """How images are scaled."""

    fit: str = CROP
    """How images become squares."""

    @property
    def num_blocks(self) -> int:
        """Return the number of blocks; 1 if it cannot be cut, so that all of it trains or none."""
        return len(self.block_starts)

    def nearest_size(self, image_size: int) -> int:
        """Return the side nearest to this one of the squares that it reads, in pixels."""
        return max(1, round(image_size / self.size_step)) * self.size_step

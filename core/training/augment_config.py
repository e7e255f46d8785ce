"""Settings of the augmentation; importing them does not import torch."""

from dataclasses import dataclass

from core.options import bounded, check_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """How much train images change at random. The defaults flip, shift and recolor a little.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    flip: float = bounded(0.5, 0, 1)
    """Share of images that are mirrored left to right."""

    shift: float = bounded(1 / 8, 0, 0.5)
    """Largest shift, as a share of the side; the border is mirrored (He et al. 2016 pad 4 of
    32)."""

    smallest_crop: float = bounded(1.0, 0.05, 1)
    """Smallest crop that is enlarged, as a share of the area; 1 crops nothing."""

    largest_crop: float = bounded(1.0, 0.05, 1)
    """Largest crop; the area is drawn uniformly between the two."""

    stretch: float = bounded(1.0, 1, 3)
    """Largest ratio of a crop's sides, either way; 4/3 is usual (Szegedy et al. 2015)."""

    rotation: float = bounded(0.0, 0, 180)
    """Largest rotation to either side, in degrees; the border is mirrored."""

    brightness: float = bounded(0.2, 0, 1)
    """Largest change of brightness, in deviations of ImageNet's pixels."""

    contrast: float = bounded(0.2, 0, 1)
    """Largest change of contrast, as a share."""

    saturation: float = bounded(0.0, 0, 1)
    """Largest change of saturation, as a share; 1 reaches from gray to double."""

    erasing: float = bounded(0.0, 0, 1)
    """Share of images that lose a rectangle (Random Erasing, Zhong et al. 2020)."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.smallest_crop > self.largest_crop:
            raise ValueError(
                f"smallest_crop must not exceed largest_crop ({self.largest_crop}), "
                f"got {self.smallest_crop}"
            )

    @property
    def resamples(self) -> bool:
        """Return whether pixels are interpolated: crops, stretches or rotations."""
        return self.smallest_crop < 1 or self.stretch > 1 or self.rotation > 0

    @property
    def recolors(self) -> bool:
        """Return whether colors change."""
        return max(self.brightness, self.contrast, self.saturation) > 0


OFF = AugmentConfig(flip=0, shift=0, brightness=0, contrast=0)
LIGHT = AugmentConfig()
STRONG = AugmentConfig(
    shift=0,
    smallest_crop=0.35,
    stretch=4 / 3,
    rotation=10,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    erasing=0.25,
)
PRESETS = {"off": OFF, "light": LIGHT, "strong": STRONG}
"""Strong is for training from scratch on thousands of images; it needs more epochs."""

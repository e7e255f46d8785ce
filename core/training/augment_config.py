"""What of a train image may change at random; nothing here needs torch."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """How much train images change. The defaults flip, shift and recolor a little.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    flip: float = 0.5
    """Share of images that are mirrored left to right."""

    shift: float = 1 / 8
    """Largest shift, as a share of the side; the border is mirrored (He et al. 2016 pad 4 of
    32)."""

    smallest_crop: float = 1.0
    """Smallest part that is cut out and enlarged, as a share of the area; 1 cuts nothing."""

    largest_crop: float = 1.0
    """Largest part that is cut out; the area is drawn evenly between the two."""

    stretch: float = 1.0
    """Largest ratio of a cut's sides, either way; 4/3 is usual (Szegedy et al. 2015)."""

    rotation: float = 0.0
    """Largest turn to either side, in degrees; the border is mirrored."""

    brightness: float = 0.2
    """Largest change of brightness, in deviations of ImageNet's pixels."""

    contrast: float = 0.2
    """Largest change of contrast, as a share."""

    saturation: float = 0.0
    """Largest change of saturation, as a share; 1 reaches from gray to double."""

    erasing: float = 0.0
    """Share of images that lose a rectangle (Random Erasing, Zhong et al. 2020)."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("flip", 0, 1),
            ("shift", 0, 0.5),
            ("smallest_crop", 0.05, 1),
            ("largest_crop", 0.05, 1),
            ("stretch", 1, 3),
            ("rotation", 0, 180),
            ("brightness", 0, 1),
            ("contrast", 0, 1),
            ("saturation", 0, 1),
            ("erasing", 0, 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {value}")
        if self.smallest_crop > self.largest_crop:
            raise ValueError(
                f"smallest_crop must not exceed largest_crop ({self.largest_crop}), "
                f"got {self.smallest_crop}"
            )

    @property
    def resamples(self) -> bool:
        """Whether pixels fall between pixels: cuts, stretches or turns."""
        return self.smallest_crop < 1 or self.stretch > 1 or self.rotation > 0

    @property
    def recolors(self) -> bool:
        """Whether colors change."""
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
"""For forms. Strong is for training from scratch on thousands of images; it wants more epochs."""

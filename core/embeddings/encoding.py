"""`Encoding` and `Encoder`: how images and queries become embeddings, in the same way.

Shapes, in this file: B images, S pixels a side, D embedding dimensions, C classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings.config import Precision
from core.embeddings.unit_rows import check_unit_rows, unit
from core.embeddings.whitening import Whitening, read_whitening
from core.models.model import Model, Outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """How images were embedded, and queries have to be."""

    model: str
    """Id of the model."""

    model_fingerprint: str

    flip: bool = False
    """Whether embeddings are averaged over the image and its mirror image."""

    precision: Precision = Precision.FLOAT32
    """Precision of the backbone."""

    whitening: Whitening | None = None
    """Applied last."""

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the whitening into a folder, and return the settings for the manifest."""
        if self.whitening is not None:
            self.whitening.write(folder)
        return {
            "flip": self.flip,
            "precision": str(self.precision),
            "whiten": self.whitening is not None,
        }


def read_encoding(
    folder: Path, made_from: Mapping[str, str], settings: Mapping[str, Any]
) -> Encoding:
    """Read an encoding that `Encoding.write` saved.

    Args:
        folder: Of the artifact, whose checksums were verified.
        made_from: Of the artifact's manifest, which names the model.
        settings: What `write` returned; old manifests lack it, which means the defaults.
    """
    return Encoding(
        model=made_from["model"],
        model_fingerprint=made_from["model_fingerprint"],
        flip=settings.get("flip", False),
        precision=Precision(settings.get("precision", Precision.FLOAT32)),
        whitening=read_whitening(folder) if settings.get("whiten", False) else None,
    )


@dataclass(frozen=True, slots=True)
class Encoder:
    """A model with an encoding."""

    model: Model
    encoding: Encoding

    def embed(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Embed and classify a batch.

        Args:
            pixels: (B, 3, S, S) uint8, as `batches.load_square` returns them.

        Raises:
            WorkbenchError: An embedding is zero or not finite.
        """
        return self.embed_async(pixels)()

    def embed_async(self, pixels: NDArray[np.uint8]) -> Callable[[], Outputs]:
        """Start `embed`, and return a function that waits for it and returns its result.

        Only a GPU computes in the meantime.
        """
        bfloat16 = self.encoding.precision == Precision.BFLOAT16
        plain = self.model.embed_async(pixels, bfloat16=bfloat16)
        if self.encoding.flip:
            mirrored = self.model.embed_async(
                np.ascontiguousarray(pixels[..., ::-1]), bfloat16=bfloat16
            )

        def wait() -> Outputs:
            embeddings, probabilities = plain()
            if self.encoding.flip:
                flipped, flipped_probabilities = mirrored()
                embeddings = unit(embeddings + flipped)
                probabilities = np.mean([probabilities, flipped_probabilities], axis=0)
            if self.encoding.whitening is not None:
                embeddings = unit(self.encoding.whitening.transform(embeddings))
            check_unit_rows(embeddings)
            return embeddings, probabilities

        return wait

"""How an image becomes an embedding: the same way when it is indexed and when it is searched by.

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
    """What an image has gone through, and a query must go through to be compared with it."""

    model: str
    """Id of the model."""

    model_fingerprint: str

    flip: bool = False
    """Whether it is the mean of the image's and its mirror image's embedding."""

    precision: Precision = Precision.FLOAT32
    """What the trunk computes in."""

    whitening: Whitening | None = None
    """What the embedding goes through last."""

    def write(self, folder: Path) -> dict[str, Any]:
        """Save in `folder` what is too large for a manifest; return the rest, for the manifest."""
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
    """Read what `Encoding.write` has saved and returned.

    Args:
        folder: Of the artifact, whose checksums were verified.
        made_from: Which model, as the artifact's manifest says.
        settings: What `write` returned; where the manifest, from before there was a choice, has
            none of it, the plain encoding is meant.
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
    """A model that embeds images in one way."""

    model: Model
    encoding: Encoding

    def embed(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Embed and classify a batch.

        Args:
            pixels: (B, 3, S, S) uint8, as `preprocess.to_square` makes them.

        Raises:
            WorkbenchError: An embedding is zero or not finite.
        """
        return self.embed_async(pixels)()

    def embed_async(self, pixels: NDArray[np.uint8]) -> Callable[[], Outputs]:
        """Begin what `embed` does; what is returned waits for it, and returns or raises as `embed`.

        A graphics card computes meanwhile; a processor has done so.
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
                others, also = mirrored()
                embeddings = unit(embeddings + others)
                probabilities = np.mean([probabilities, also], axis=0)
            if self.encoding.whitening is not None:
                embeddings = unit(self.encoding.whitening.transform(embeddings))
            check_unit_rows(embeddings)
            return embeddings, probabilities

        return wait

"""Format of a bundle: a zip of an index, its embeddings and model, and thumbnails.

Entries are stored without compression, so a bundle unpacks to its own size. They are `bundle.json`
(the version and checksums), `images.jsonl` (a `BundleImage` per line), `images/ID.jpg`, and the
folders `model`, `embeddings` and `index` as in a workspace, each with its manifest.
"""

from dataclasses import dataclass

from core.datasets.columns import Split
from core.datasets.names import check_text

FORMAT, VERSION = "image retrieval bundle", 1
DESCRIPTION, IMAGES = "bundle.json", "images.jsonl"
KINDS = ("model", "embeddings", "index")
"""The artifacts in a bundle, each made from those before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleImage:
    """An image in a bundle.

    Raises:
        WorkbenchError: The label contains characters that cannot be shown.
        ValueError: Another value is invalid.
    """

    id: int
    """Catalog id, also in the embeddings and the index."""

    path: str
    """Path relative to the root of the exported dataset."""

    label: str | None
    split: str | None
    sha256: str
    """Of the thumbnail."""

    def __post_init__(self) -> None:
        if type(self.id) is not int or not 0 < self.id < 1 << 63:
            raise ValueError(f"an image's id is {self.id}")
        if not isinstance(self.path, str) or not isinstance(self.sha256, str):
            raise ValueError(f"image {self.id} has no path or no checksum")
        if self.label is not None:
            check_text("label", str(self.label))
        if self.split is not None:
            Split(self.split)


def thumbnail_entry(image_id: int) -> str:
    """Return the name of a thumbnail in the zip."""
    return f"images/{image_id}.jpg"

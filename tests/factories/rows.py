"""Catalog rows of images without files."""

from core.datasets.columns import ImageRow, Split


def image_row(
    number: int,
    label: str | None = "red",
    split: str | None = Split.TRAIN,
    content: int | None = None,
) -> ImageRow:
    """The row of the image of that number; rows with one content are copies of each other."""
    return ImageRow(
        id=number,
        root=0,
        path=f"{number}.png",
        label=label,
        split=split,
        width=32,
        height=32,
        size_bytes=100,
        modified_ns=0,
        sha256=f"{number if content is None else content:064x}",
    )

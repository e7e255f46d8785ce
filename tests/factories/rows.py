"""Catalog rows for tests that need no files."""

from core.datasets.columns import ImageRow, Split


def train_row(number: int) -> ImageRow:
    """Return the row of a train image."""
    return ImageRow(
        id=number,
        root=0,
        path=f"{number}.png",
        label="red",
        split=Split.TRAIN,
        width=32,
        height=32,
        size_bytes=100,
        modified_ns=0,
        sha256=f"{number:064x}",
        problem=None,
        excluded=0,
        added_s=0,
    )

"""Sentences about the annotations of a source, for the page and the command line."""

from core.datasets.annotations.annotated import Annotated

MAX_NAME = 80
"""Most characters of a path in an example."""


def source_of_labels(annotated: Annotated) -> str:
    """Return where annotations come from, such as “labels.csv (recognized)”; empty without them."""
    if annotated.pattern:
        return "file names"
    if not annotated.files:
        return ""
    more = len(annotated.files) - 1
    files = annotated.files[0] + (f" and {more:,} more" if more else "")
    return f"{files} (recognized)" if annotated.is_recognized else files


def sentences(annotated: Annotated) -> list[str]:
    """Return what annotations leave open: rows without an image, images without a row, notes.

    Of boxes the first sentence says how many there are, and which class an image gets.
    """
    found = []
    if boxes := annotated.num_boxes:
        what = "box" if boxes == 1 else "boxes"
        found.append(f"{boxes:,} {what}; an image gets the class whose boxes cover the most area.")
    num_images = len(annotated.images) + len(annotated.without)
    if unused := len(annotated.unused):
        rows = f"{unused:,} of {annotated.num_rows:,} rows name no image of this source"
        found.append(f"{rows}, such as {annotated.unused[0][:MAX_NAME]}.")
    if without := len(annotated.without):
        missing = "are not annotated" if boxes else "have no row"
        what = "do not match the pattern" if annotated.pattern else missing
        example = annotated.without[0][-MAX_NAME:]
        found.append(f"{without:,} of {num_images:,} images {what}, such as {example}.")
    if count := annotated.num_problems:
        what = f"{count:,} problems, such as" if count > 1 else "1 problem:"
        found.append(f"{what} {annotated.problems[0]}")
    return [*found, *annotated.notes]

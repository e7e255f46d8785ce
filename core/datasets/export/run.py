"""Export of images with their labels, splits and tags: complete or not at all.

The columns of tables are in `listing.py`, the layout of trees in `tree.py` and `names.py`.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.artifacts.folders import draft, publish
from core.datasets import curation
from core.datasets.annotations.objects import OBJECTS, as_objects
from core.datasets.columns import ALL_IMAGES, ImageFilter, ImageRow, Order
from core.datasets.export.annotated import write_annotated
from core.datasets.export.listing import (
    ANNOTATED,
    FILE_NAME,
    ZIPS,
    Export,
    Format,
    Record,
    csv_table,
    describe_export,
    parquet_table,
    record_of,
    stem_of,
    suffix_of,
)
from core.datasets.export.names import LEFT_OUT, TreeNames
from core.datasets.export.tree import (
    CHUNK,
    REASON,
    list_left_out,
    open_tables,
    open_tree,
    read_original,
)
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.files import FULL_DISK, folder_bytes
from core.net.object_cache import fetch_ahead
from core.progress import Progress, Work
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOptions:
    """Which images to export, and in which format."""

    format: Format
    images: ImageFilter = ALL_IMAGES
    order: Order = Order.ADDED
    """Order of the rows of tables; in a tree also of images with the same name."""


def export_images(workspace: Workspace, dataset: Dataset, options: ExportOptions) -> Work[Export]:
    """Export images to a new folder in the workspace's `exports`.

    It is named `<dataset>-<YYYYMMDD>-<format>`, by the date in UTC, and numbered if necessary.
    Trees contain the readable images; left-out.csv lists the others.

    Raises:
        WorkbenchError: No images are selected or readable, or the disk is full.
    """
    yield Progress(0, 0, "choosing images")
    ids = dataset.catalog.ids(options.images, options.order)
    if not ids:
        raise WorkbenchError("There is no such image to export.", "Choose a wider view.")
    suffix = suffix_of(options.format)
    name = f"{dataset.name}{suffix}" if suffix else ""
    try:
        with draft(workspace.exports) as folder:
            num_images, num_left_out = yield from _write(dataset, ids, options, folder, name)
            yield Progress(len(ids), len(ids), "writing to disk")
            if hasattr(os, "sync"):
                os.sync()  # Once, in place of once an image
            manifest = publish(
                folder,
                kind="export",
                stem=f"{stem_of(dataset.name)}-{datetime.now(UTC):%Y%m%d}-{options.format}",
                config={**asdict(options.images), "order": options.order},
                made_from={
                    "dataset": dataset.name,
                    "dataset_fingerprint": dataset.catalog.fingerprint,
                },
                summary={
                    "format": options.format,
                    "file": name,
                    "num_images": num_images,
                    "num_left_out": num_left_out,
                    "size_bytes": folder_bytes(folder),
                },
            )
    except OSError as error:
        reason = "the disk is full" if error.errno in FULL_DISK else error.strerror or error
        raise WorkbenchError(
            f"The export could not be written: {reason}.",
            "Check the free disk space and permissions, or export fewer images or no copies.",
        ) from error
    return describe_export(workspace, manifest)


def _write(
    dataset: Dataset, ids: Sequence[int], options: ExportOptions, folder: Path, name: str
) -> Work[tuple[int, int]]:
    """Write images into a folder; return the numbers of those written and of those left out."""
    if options.format in (Format.CSV, Format.PARQUET):
        return (yield from _write_table(dataset, ids, options.format, folder / name)), 0
    if options.format in ANNOTATED:
        return (yield from write_annotated(dataset, ids, options.format, folder / name))
    return (yield from _write_tree(dataset, ids, options, folder, name))


def _records(
    dataset: Dataset, ids: Sequence[int], *, with_boxes: bool = False
) -> Iterator[tuple[ImageRow, Record]]:
    """Yield images in the order of `ids`, without those that were removed meanwhile."""
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        rows = dataset.catalog.rows_by_id(chunk)
        tags = curation.tags_of(dataset.catalog, chunk)
        boxes = dataset.catalog.boxes_of(chunk) if with_boxes else {}
        for row in (rows[image_id] for image_id in chunk if image_id in rows):
            record = record_of(dataset, row, tags.get(row.id, ()))
            if row.id in boxes:
                record[OBJECTS] = as_objects(boxes[row.id], (row.width, row.height))
            yield row, record


def _write_table(dataset: Dataset, ids: Sequence[int], form: Format, path: Path) -> Work[int]:
    """Write a row for each image; return the number of rows."""
    num_images = 0
    with (csv_table if form == Format.CSV else parquet_table)(path) as write:
        for start in range(0, len(ids), CHUNK):
            yield Progress(start, len(ids), "writing rows")
            chunk = ids[start : start + CHUNK]
            records = [record for _, record in _records(dataset, chunk)]
            write(records)
            num_images += len(records)
    return num_images


def _write_tree(
    dataset: Dataset, ids: Sequence[int], options: ExportOptions, folder: Path, archive: str
) -> Work[tuple[int, int]]:
    """Write images in class folders, and tables; return the numbers of written and skipped ones."""
    names = TreeNames((row[0], row[1]) for row in dataset.catalog.class_counts(options.images))
    packed = folder / ".tables" if options.format in ZIPS else folder
    packed.mkdir(exist_ok=True)
    left_out: list[Record] = []
    num_images = 0
    with open_tree(folder, options.format, archive) as add:
        with open_tables(packed, options.format) as add_row:
            rows = _records(dataset, ids, with_boxes=options.format == Format.JSON_LINES)
            records = fetch_ahead(rows, lambda pair: dataset.path_of(pair[0]))
            for done, (image, record) in enumerate(records):
                yield Progress(done, len(ids), "exporting images")
                original = dataset.path_of(image)
                to_link = options.format == Format.LINKS
                content, reason = read_original(original, image, to_link=to_link)
                if reason:
                    left_out.append({"id": image.id, "path": image.path, REASON: reason})
                    continue
                split, name = names.place(image)
                add(f"{split}/{name}".lstrip("/"), original, content)
                add_row(split, {FILE_NAME: name} | record)
                num_images += 1
        list_left_out(left_out, num_images, packed / LEFT_OUT)
        if packed != folder:
            for table in sorted(each for each in packed.rglob("*") if each.is_file()):
                add(table.relative_to(packed).as_posix(), table, table.read_bytes())
            shutil.rmtree(packed)
    return num_images, len(left_out)

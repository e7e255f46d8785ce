"""Import of a folder of images as a new dataset, and its splits."""

from dataclasses import dataclass, replace
from pathlib import Path

from core.artifacts.folders import draft
from core.datasets.catalog import Catalog
from core.datasets.columns import Split
from core.datasets.curation import assign
from core.datasets.importing.reading import read_files, scanned_files
from core.datasets.layout import Labels, find_files, recognize
from core.datasets.registry import (
    CATALOG,
    Dataset,
    Root,
    describe_dataset,
    open_dataset,
    publish_dataset,
    require_free_name,
)
from core.datasets.splits import SplitConfig, stratified
from core.progress import Progress, Work
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Source of the images of a new dataset."""

    root: Path
    """An existing folder; it may be inside the draft of the dataset."""

    kind: str = "folder"
    """drawn, caltech101, folder or zip."""

    left_out: tuple[str, ...] = ()
    """Class folders to ignore."""

    labels: Labels = Labels.AUTO
    """Which folder names an image's class."""


def add_folder(
    workspace: Workspace, name: str, source: Source, splits: SplitConfig
) -> Work[Dataset]:
    """Import the images under a folder as dataset `name`; complete or not at all.

    Raises:
        MissingError: The folder is not there.
        WorkbenchError: It contains no images, or the name is taken.
    """
    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        resolved = replace(source, root=source.root.resolve())
        yield from fill(folder, resolved, splits)
        return publish_dataset(workspace, folder, name)


def add_sample(
    workspace: Workspace, name: str, splits: SplitConfig, *, per_class: int, seed: int
) -> Work[Dataset]:
    """Generate the sample dataset (12 classes) and import it as dataset `name`."""
    from core.datasets.sample import drawing

    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        yield from drawing.draw_dataset(folder, per_class=per_class, seed=seed)
        yield from fill(folder, Source(root=folder / "images", kind="drawn"), splits)
        return publish_dataset(workspace, folder, name)


def fill(folder: Path, source: Source, splits: SplitConfig) -> Work[None]:
    """Write the catalog and the description of a new dataset into its draft."""
    yield Progress(0, 0, "looking for images")
    folders = find_files(source.root, frozenset(source.left_out))
    layout = recognize(folders, source.labels)
    files = list(scanned_files(0, folders, layout))
    found = yield from read_files([source.root], files)
    catalog = Catalog(folder / CATALOG)
    catalog.create()
    catalog.write(new=found)
    _complete_splits(catalog, splits)
    root = Root(path=source.root, layout=layout)
    describe_dataset(folder, roots=[root], source=source.kind, left_out=source.left_out)


def resplit(workspace: Workspace, name: str, config: SplitConfig) -> None:
    """Split a dataset again, which makes its models stale."""
    catalog = open_dataset(workspace, name).catalog
    labeled = [(row.id, row.label) for row in catalog.rows() if row.label is not None]
    assign(catalog, stratified(labeled, config), "split anew: {}")


def _complete_splits(catalog: Catalog, config: SplitConfig) -> None:
    """Split a new dataset; splits that its folders name stay, and train supplies missing ones."""
    rows = [(row.id, row.label, row.split) for row in catalog.rows() if row.label is not None]
    present = {split for _, _, split in rows if split}
    missing = replace(
        config,
        validation=0.0 if Split.VALIDATION in present else config.validation,
        test=0.0 if Split.TEST in present else config.test,
        train_per_class=0,
    )
    candidates = [
        (image_id, label) for image_id, label, split in rows if split in (None, Split.TRAIN)
    ]
    catalog.set_splits(dict(stratified(candidates, missing if present else config)))

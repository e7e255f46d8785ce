"""Recognition of a layout from the tree of a source: splits and the level of classes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from core.datasets.file_search import FoundFolder
from core.datasets.folder_names import Use, key_of, read_split_name
from core.datasets.layout import AS_RECOGNIZED, Labels, Layout, Reading, readable, without_plain
from core.datasets.split_folders import Node, Uses, classes_of, split_folders
from core.datasets.wrappers import below_wrappers, find_wrappers
from core.errors import WorkbenchError

MAX_NAMED = 8
"""Most folders that an error names."""

Parts = tuple[str, ...]

AS_ON_DISK = Layout(labels=Labels.TOP)


def recognize(folders: Sequence[FoundFolder], reading: Reading = AS_RECOGNIZED) -> Layout:
    """Return how to read folders: what the reading says, else what their names mean.

    Raises:
        WorkbenchError: The reading names a folder that is not at the level of the splits.
    """
    prefix, top = below_wrappers(_tree(folders))
    wrappers = frozenset(find_wrappers(top, prefix))
    layout = Layout(
        labels=Labels.TOP,
        skipped=len(prefix),
        wrappers=wrappers,
        loose=reading.loose,
        links=reading.links,
    )
    top = _tree(folders, layout)
    level, uses = _find_splits(top)
    chosen = _chosen(reading, top, level)
    if level == 0 and any(use.as_split for use in chosen.values()):
        uses |= _uses_of_others(top, uses | chosen)
    splits = {key_of(readable(name)): use for name, use in (uses | chosen).items()}
    layout = replace(layout, splits=tuple(splits.items()), split_level=level)
    labels = reading.labels
    if labels == Labels.AUTO:
        labels = _which_folder(_class_places(folders, layout))
    return replace(layout, labels=labels)


def _tree(folders: Iterable[FoundFolder], layout: Layout = AS_ON_DISK) -> Node:
    """Return the tree of the folders that say something."""
    root = Node()
    for folder in folders:
        node = root
        for name in layout.names_of(folder.parts):
            node = node.children.setdefault(name, Node())
        node.num_images += len(folder.files)
    return root


def _find_splits(top: Node) -> tuple[int, Uses]:
    """Return the level of the folders that name splits below `top`, and the use of each."""
    uses = split_folders(top.children)
    if uses:
        return 0, uses | _uses_of_others(top, uses)
    below: Uses = {}
    for child in top.children.values():
        own = split_folders(child.children) if len(child.children) > 1 else {}
        named = {name: read_split_name(name) for name in child.children}
        if not own and not all(named.values()):
            return 0, _unlabeled(top.children)
        below |= own or {name: read.use for name, read in named.items() if read}
    if len({use for use in below.values() if use.as_split}) > 1:  # Such as cat/train and cat/test
        return 1, below
    return 0, _unlabeled(top.children)


def _unlabeled(nodes: Mapping[str, Node]) -> Uses:
    """Return folders beside classes that are called like those of unlabeled images."""
    named = {name: read_split_name(name) for name in nodes}
    return {
        name: read.use
        for name, read in named.items()
        if read and read.use == Use.UNLABELED and not read.rest
    }


def _uses_of_others(top: Node, uses: Uses) -> Uses:
    """Return the use of the folders beside splits."""
    classes = classes_of(uses, top.children)
    beside = {name: node for name, node in top.children.items() if name not in uses}
    are_classes = bool(classes & set(map(key_of, beside)))
    others = {}
    for name, node in beside.items():
        known = [key_of(child) in classes for child in node.children]
        has_classes = bool(known) and sum(known) * 2 >= len(known)
        without = Use.CLASS if are_classes and not node.children else Use.UNLABELED
        others[name] = Use.RANDOM if has_classes else without
    return others


def _chosen(reading: Reading, top: Node, level: int) -> Uses:
    """Return the uses that a reading gives to folders.

    Raises:
        WorkbenchError: There is no such folder.
    """
    nodes = [top] if level == 0 else list(top.children.values())
    names = {key_of(readable(name)): name for node in nodes for name in node.children}
    for wanted, _ in reading.folders:
        if key_of(wanted) not in names:
            known = ", ".join(readable(name) for name in list(names.values())[:MAX_NAMED]) or "none"
            raise WorkbenchError(
                f"There is no folder “{wanted[:80]}” beside the splits.", f"Folders there: {known}."
            )
    return {names[key_of(wanted)]: use for wanted, use in reading.folders}


def _class_places(folders: Iterable[FoundFolder], layout: Layout) -> Iterator[Parts]:
    """Yield the names of the folders of images that may name a class, for each folder."""
    for folder in folders:
        use = layout.use_of(folder.parts)
        if use in (Use.UNLABELED, Use.SKIP):
            continue
        names, level = layout.names_of(folder.parts), layout.split_level
        if use is not None and use != Use.CLASS:
            names = names[:level] + names[level + 1 :]
        yield without_plain(names)


def _which_folder(places: Iterable[Parts]) -> Labels:
    """Return LEAF if classes are below the top folders, such as animals/cat; else TOP."""
    named = [parts for parts in places if parts]
    if not named:
        return Labels.NONE
    if any(len(parts) == 1 for parts in named):
        return Labels.TOP
    below: dict[str, set[str]] = {}
    for top, second, *_ in named:
        below.setdefault(top, set()).add(second)
    return Labels.LEAF if any(len(names) > 1 for names in below.values()) else Labels.TOP

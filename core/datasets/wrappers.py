"""Wrappers: folders that say nothing, because they only hold others that do."""

from collections.abc import Iterator
from typing import NamedTuple

from core.datasets.folder_names import key_of, read_split_name
from core.datasets.split_folders import Node, Uses, split_folders

Parts = tuple[str, ...]


def below_wrappers(root: Node) -> tuple[Parts, Node]:
    """Return the folder below those that only contain the next one, and its parts."""
    parts: Parts = ()
    node = root
    while len(node.children) == 1:
        [(name, child)] = node.children.items()
        is_again = bool(parts) and key_of(name) == key_of(parts[-1])
        if (_is_class(child) and not is_again) or split_folders(node.children):
            break
        parts, node = (*parts, name), child
    return parts, node


def _is_class(lone: Node) -> bool:
    """Return whether a folder beside no other one is a class, in spite of folders in it."""
    below = sum(child.total() for child in lone.children.values())
    return not lone.children or (
        bool(lone.num_images) and (len(lone.children) == 1 or lone.num_images >= below)
    )


class _Container(NamedTuple):
    """Folders around splits."""

    paths: list[Parts]
    """The folder, and those below it that only contain the next one."""

    node: Node
    """The last of them, which contains the splits."""

    uses: Uses


def find_wrappers(top: Node, prefix: Parts) -> Iterator[str]:
    """Yield the paths of folders that repeat their parent's name, or contain the splits again.

    Args:
        top: The folder that contains classes or splits.
        prefix: Its parts.
    """
    around = {name: _container((*prefix, name), node) for name, node in top.children.items()}
    uses = {use for each in around.values() if each for use in each.uses.values()}
    beside = [read_split_name(name) for name, each in around.items() if not each]
    uses |= {read.use for read in beside if read}
    for name, node in top.children.items():
        path, container = (*prefix, name), around[name]
        if container and len({use for use in uses if use.as_split}) > 1:
            yield from map("/".join, container.paths)
            path, node = container.paths[-1], container.node
        elif _is_copy(name, node, top, prefix):
            yield "/".join(path)
        else:
            yield from _repeated(path, node)
        for child, below in node.children.items():
            if read_split_name(child):
                yield from _repeated((*path, child), below)


def _container(path: Parts, node: Node) -> _Container | None:
    """Return the folders around splits with classes, None if there are no splits below `path`."""
    paths = [path]
    while not (uses := split_folders(node.children)):
        if len(node.children) != 1:
            return None
        [(name, child)] = node.children.items()
        if not child.children:
            return None
        node, path = child, (*path, name)
        paths.append(path)
    have_classes = any(node.children[name].children for name in uses)
    return _Container(paths, node, uses) if have_classes else None


def _is_copy(name: str, node: Node, top: Node, prefix: Parts) -> bool:
    """Return whether a folder contains again what is beside it, as in flowers/flowers/rose."""
    if not prefix or key_of(name) != key_of(prefix[-1]) or not node.children:
        return False
    beside = {key_of(other) for other in top.children} - {key_of(name)}
    return {key_of(each) for each in node.children} <= beside


def _repeated(parts: Parts, node: Node) -> Iterator[str]:
    """Yield the paths of the folders below one that only repeat its name."""
    while len(node.children) == 1:
        [(name, child)] = node.children.items()
        if not _is_same(name, parts[-1]):
            return
        parts, node = (*parts, name), child
        yield "/".join(parts)


def _is_same(name: str, parent: str) -> bool:
    """Return whether a folder says the same as its parent, such as train/train_images."""
    read, above = read_split_name(name), read_split_name(parent)
    is_same_split = read is not None and read == above
    return key_of(name) == key_of(parent) or is_same_split

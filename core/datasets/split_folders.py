"""Folders beside each other that name splits, told from classes that are called so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.datasets.folder_names import SplitName, Use, key_of, read_split_name

Uses = dict[str, Use]


@dataclass(slots=True)
class Node:
    """A folder of the tree that contains images, itself or below."""

    num_images: int = 0
    """Number of images directly in it."""

    children: "dict[str, Node]" = field(default_factory=dict)

    def total(self) -> int:
        """Return the number of images in it and below."""
        return self.num_images + sum(child.total() for child in self.children.values())


def split_folders(nodes: Mapping[str, Node]) -> Uses:
    """Return the use of those of some folders beside each other that name splits.

    It is empty if they are classes, one of which may be called like a split.
    """
    named = {name: read for name in nodes if (read := read_split_name(name))}
    splits = {name: read for name, read in named.items() if read.use != Use.UNLABELED}
    others = {name: node for name, node in nodes.items() if name not in named}
    chosen = splits if not others else _beside_others(splits, nodes, others)
    if not chosen or (len(nodes) == 1 and not _is_lone_split(nodes, chosen)):
        return {}
    if _num_uses(chosen) == 1 and len({read.rest for read in chosen.values()}) > 1:
        return {}  # Such as bullet_train and steam_train
    # Where some folders are splits, others that are called so are, too: holdout beside seg_train
    return {
        name: read.use for name, read in named.items() if not read.is_abbreviation or not others
    }


def _beside_others(
    splits: Mapping[str, SplitName], nodes: Mapping[str, Node], others: Mapping[str, Node]
) -> dict[str, SplitName]:
    """Return the splits among folders of which some have other names."""
    groups: dict[tuple[str, ...], dict[str, SplitName]] = {}
    for name, read in splits.items():
        if not read.is_abbreviation:
            groups.setdefault(read.rest, {})[name] = read
    if not groups:
        return {}
    rest, group = max(groups.items(), key=lambda item: (_num_uses(item[1]), not item[0]))
    classes = classes_of(group, nodes)
    if _num_uses(group) > 1:
        is_most = bool(classes) and len(others) <= len(group) + 1
        return group if is_most or len(others) == 1 else {}
    return group if not rest and _is_lone_split_of(group, classes, nodes, others) else {}


def classes_of(splits: Iterable[str], nodes: Mapping[str, Node]) -> set[str]:
    """Return the keys of the folders in those of splits."""
    return {key_of(child) for name in splits for child in nodes[name].children}


def _is_lone_split_of(
    group: Iterable[str], classes: set[str], nodes: Mapping[str, Node], others: Mapping[str, Node]
) -> bool:
    """Return whether folders are one split and not classes, by what is beside them."""
    if classes & {key_of(name) for name in others}:  # Such as cats, dogs and test/cats
        return True
    shared = [classes & {key_of(child) for child in node.children} for node in others.values()]
    if len(others) == 1 and shared[0]:
        return True
    fit = all(both or not node.children for both, node in zip(shared, others.values(), strict=True))
    num_beside = sum(node.total() for node in others.values())
    return len(classes) > 1 and fit and num_beside < sum(nodes[name].total() for name in group)


def _num_uses(splits: Mapping[str, SplitName]) -> int:
    return len({read.use for read in splits.values()})


def _is_lone_split(nodes: Mapping[str, Node], splits: Mapping[str, SplitName]) -> bool:
    """Return whether a folder beside no other one is a split: it may also be a class or wrapper."""
    [(name, read)] = splits.items()
    if read.rest:
        return read.use == Use.TRAIN and bool(nodes[name].children)
    return not read.is_abbreviation

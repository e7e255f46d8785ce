"""Layout of a root whose tree has grown: what was read before stays, new split folders count."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from core.datasets.file_search import FoundFolder
from core.datasets.folder_names import Use, key_of
from core.datasets.layout import Layout, Reading, readable
from core.datasets.recognition import recognize

Parts = tuple[str, ...]


def extended_layout(
    layout: Layout, folders: Sequence[FoundFolder], known: Collection[Parts]
) -> Layout:
    """Return how to read a root now: as before, with the splits that new folders name.

    Args:
        layout: How it was read before.
        folders: Its folders as they are now.
        known: Parts of the folders with images that were read before.
    """
    reading = Reading(labels=layout.labels, loose=layout.loose, links=layout.links)
    now = recognize(folders, reading)
    before = dict(layout.splits)
    used = {_key_at(now, parts) for parts in known}
    new = {key: use for key, use in now.splits if key not in before and key not in used}
    if not new:
        return layout
    merged = replace(now, splits=tuple((dict(now.splits) | before).items()))
    # If it reads known folders in another way, only the new splits are added
    added = replace(layout, splits=tuple((before | new).items()), split_level=now.split_level)
    wrapped = replace(added, wrappers=layout.wrappers | now.wrappers)
    for candidate in (merged, wrapped, added):
        if all(_is_read_alike(parts, layout, candidate) for parts in known):
            return candidate
    return layout


def new_folders(
    layout: Layout, folders: Sequence[FoundFolder], known: Collection[Parts]
) -> dict[str, tuple[Use, int]]:
    """Return the folders at the level of the splits that were not there before.

    Returns:
        Name → use and number of image files.
    """
    used = {_key_at(layout, parts) for parts in known}
    found: dict[str, tuple[Use, int]] = {}
    for folder in folders:
        use = layout.use_of(folder.parts)
        if use not in (None, Use.SKIP) and _key_at(layout, folder.parts) not in used:
            name = readable(layout.names_of(folder.parts)[layout.split_level])
            found[name] = (use, found.get(name, (use, 0))[1] + len(folder.files))
    return found


def _key_at(layout: Layout, parts: Parts) -> str | None:
    """Return the key of the folder at the level of the splits; None if `parts` do not reach it."""
    names = layout.names_of(parts)
    has_name = len(names) > layout.split_level
    return key_of(readable(names[layout.split_level])) if has_name else None


def _is_read_alike(parts: Parts, before: Layout, now: Layout) -> bool:
    is_held = before.holds(parts)
    is_same = before.place(parts).label == now.place(parts).label
    return is_held == now.holds(parts) and (is_same or not is_held)

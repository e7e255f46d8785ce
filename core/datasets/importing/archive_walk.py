"""Going through an archive: its images, then the links between them, or the archives inside it."""

import os
import posixpath
import tempfile
from functools import partial
from pathlib import Path
from typing import BinaryIO

from core.datasets.importing.archive_budget import Budget
from core.datasets.importing.archive_entries import (
    is_archive_name,
    parts_of,
    printable,
    stem_of_archive,
    why_skipped,
    why_too_deep,
    why_too_large,
)
from core.datasets.importing.archive_member import DAMAGED, Kind, Member, damaged
from core.datasets.importing.archive_members import read_members
from core.datasets.importing.archive_sink import Level, Sink, is_annotation
from core.datasets.tally import Reason
from core.errors import WorkbenchError
from core.progress import Progress, Work

MAX_NESTED = 2
"""Most archives around an image; the publisher's archive of Caltech-101 has two."""

STEPS = 1000
"""Steps of the progress through an archive."""

PIECE = 1 << 20


def walk(
    stream: BinaryIO, sink: Sink, budget: Budget, encoding: str = "", space: Path | None = None
) -> Work[None]:
    """Give the images of an archive to a sink.

    If there are none, those of the archives inside it are given, each in a folder named after it.
    `space` is a folder for temporary copies of these.

    Raises:
        WorkbenchError: It is no archive, or is encrypted, damaged, unsafe or too large.
    """
    budget.check_archive()
    with tempfile.TemporaryDirectory(prefix=".inner-", dir=space) as temporary:
        yield from _walk(stream, Level(budget.label, ""), sink, budget, encoding, Path(temporary))


def _walk(
    stream: BinaryIO, level: Level, sink: Sink, budget: Budget, encoding: str, temporary: Path
) -> Work[None]:
    note = f"unpacking {level.label}" if level.depth else "unpacking images"
    for member in read_members(stream, level.label, budget, encoding):
        if sink.is_full:
            return
        yield Progress(round(member.done * STEPS), STEPS, note)
        _take(member, level, sink, budget, temporary)
    yield Progress(STEPS, STEPS, note)
    _resolve_links(level, sink, budget)
    yield from _walk_inner(level, sink, budget, encoding, temporary)


def _walk_inner(
    level: Level, sink: Sink, budget: Budget, encoding: str, temporary: Path
) -> Work[None]:
    """Give the images of the archives inside one that holds none itself.

    One that cannot be read is skipped, unless that leaves no image.
    """
    is_allowed = not level.taken and level.depth < MAX_NESTED
    num_before, errors = sink.num_images, []
    for path, file in level.inner:
        num_images = sink.num_images
        start = f"{path.rpartition('/')[0]}/".lstrip("/") + f"{_stem(path)}/"
        inner = Level(printable(posixpath.basename(path)), start, level.depth + 1)
        try:
            if is_allowed:
                with file.open("rb") as opened:
                    yield from _walk(opened, inner, sink, budget, encoding, temporary)
        except WorkbenchError as error:
            if sink.num_images > num_images:
                raise
            errors.append(error)
        if sink.num_images == num_images and not inner.inner:
            sink.skipped.skip(printable(path), Reason.INNER)
        file.unlink()
    if errors and sink.num_images == num_before:
        raise errors[0]


def _stem(path: str) -> str:
    return stem_of_archive(posixpath.basename(path))


def _take(member: Member, level: Level, sink: Sink, budget: Budget, temporary: Path) -> None:
    """Give a member to the sink, or remember it, or note why it is skipped."""
    parts = parts_of(member.name, level.label)
    path = level.start + "/".join(parts)
    reason = why_skipped(parts)
    if member.kind == Kind.OTHER:
        sink.skipped.skip(printable(path), Reason.SPECIAL)
    elif member.kind == Kind.LINK and reason not in (Reason.SYSTEM, Reason.HIDDEN):
        level.links.append((path, member))
    elif reason == Reason.OTHER and is_archive_name(path) and member.num_bytes:
        _keep_inner(path, member, level, sink, budget, temporary)
    elif reason == Reason.OTHER and is_annotation(parts, member):
        budget.spend(member.num_bytes)
        sink.annotate(path, partial(_read, member))
    elif reason is not None:
        sink.skipped.skip(printable(path), reason)
    else:
        _take_image(path, parts, member, level, sink, budget)


def _take_image(
    path: str, parts: tuple[str, ...], member: Member, level: Level, sink: Sink, budget: Budget
) -> None:
    if member.is_locked:
        advice = "Remove the password, or unpack it and import the folder."
        raise WorkbenchError(f"{level.label} is encrypted with a password.", advice)
    level.times_named[path] += 1
    if (number := level.times_named[path]) > 1:
        sink.reject(f"{path} ({number})", "It is in the archive more than once.")
    elif problem := member.problem or why_too_large(member.num_bytes) or why_too_deep(parts):
        sink.reject(path, problem)
    else:
        budget.spend(member.num_bytes)
        if sink.add(path, partial(_read, member)):
            level.taken[path] = None


def _read(member: Member) -> bytes:
    with member.open() as packed:
        return packed.read(member.num_bytes + 1)  # Past the end zipfile checks the CRC


def _keep_inner(
    path: str, member: Member, level: Level, sink: Sink, budget: Budget, temporary: Path
) -> None:
    """Copy an archive inside another one to a temporary file, in case there are no images."""
    if level.taken or member.problem or member.is_locked or sink.is_full:
        sink.skipped.skip(printable(path), Reason.INNER)
        return
    budget.spend(member.num_bytes)
    handle, name = tempfile.mkstemp(dir=temporary)
    try:
        with os.fdopen(handle, "wb") as file, member.open() as packed:
            left = member.num_bytes
            while left > 0 and (piece := packed.read(min(PIECE, left))):
                if sink.is_full:
                    return
                left -= len(piece)
                file.write(piece)
            packed.read(1)
    except DAMAGED as error:
        raise damaged(level.label) from error
    level.inner.append((path, Path(name)))


def _resolve_links(level: Level, sink: Sink, budget: Budget) -> None:
    """Give the images that links lead to to the sink once more, under the paths of the links."""
    if not level.links:
        return
    below: dict[str, list[str]] = {}
    for path in level.taken:
        folder = path
        while (folder := posixpath.dirname(folder)) and len(folder) >= len(level.start):
            below.setdefault(folder, []).append(path)
    for path, link in level.links:
        target = _target_of(path.removeprefix(level.start), link)
        if target is None:
            sink.skipped.skip(printable(path), Reason.OUTSIDE)
        elif f"{path}/".startswith(f"{level.start}{target}/") or target == ".":
            sink.skipped.skip(printable(path), Reason.LOOP)
        else:
            whole = level.start + target
            known = [whole] if whole in level.taken else below.get(whole, [])
            copies = [(each, path + each.removeprefix(whole)) for each in known]
            _copy(path, [pair for pair in copies if _is_image(pair[1], level)], sink, budget)


def _copy(path: str, copies: list[tuple[str, str]], sink: Sink, budget: Budget) -> None:
    if not copies:
        sink.skipped.skip(printable(path), Reason.BROKEN)
    for original, copy in copies:
        if sink.is_full:
            return
        budget.add_entries(1)
        content = sink.content(original)
        budget.spend(len(content))
        sink.add(copy, partial(bytes, content))


def _is_image(path: str, level: Level) -> bool:
    parts = path.removeprefix(level.start).split("/")
    return why_skipped(parts) is None and not why_too_deep(parts)


def _target_of(path: str, link: Member) -> str | None:
    """Return the path in the archive that a link leads to, or None if it leads out of it."""
    above = "" if link.is_hard else posixpath.dirname(path)
    target = posixpath.normpath(posixpath.join(above, link.target)) if link.target else ".."
    is_outside = target.startswith(("/", "../")) or target == ".." or "\0" in target
    return None if is_outside else target

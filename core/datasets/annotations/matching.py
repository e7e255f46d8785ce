"""Matching of the paths in an annotation file with the images of a source."""

import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from core.datasets.annotations.annotation import Annotation
from core.datasets.annotations.merging import Merged, Problems
from core.datasets.image_names import is_image_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """Annotations by the images that they mean."""

    images: Mapping[str, Annotation]
    """Path of an image of the source → its annotation."""

    unused: tuple[str, ...]
    """Paths of the annotation file that name no image, or several."""

    problems: Problems


class Tier(IntEnum):
    """How a path of an annotation file leads to an image, the surest first."""

    EXACT = 0
    """It is that of the image, or its end."""

    LONGER = 1
    """It ends with that of the image, such as an absolute one."""

    COMMON = 2
    """Both end with the same parts, and begin with others."""


class Find(NamedTuple):
    """The images that a path may mean."""

    tier: Tier
    images: list[str]
    """One, none, or several."""

    starts: tuple[str, str] = ("", "")
    """What is before the common end: in the path, and in that of the image."""


NOTHING = Find(Tier.EXACT, [])


def match(annotations: Mapping[str, Annotation], paths: Iterable[str], folder: str = "") -> Matches:
    """Return annotations by the images that their paths mean.

    A path is relative to the annotation file's folder or to the root, or its last parts name one
    image only. Paths that lead elsewhere count if most lead elsewhere in the same way: else one of
    an image that is not there would mean another image of that name.

    Args:
        annotations: Path as the file has it → annotation.
        paths: Paths of the images, relative to the root.
        folder: Folder of the annotation file, relative to the root.
    """
    index = _Index(paths)
    finds = {named: index.find(named, folder) for named in annotations}
    counts = Counter(find.tier for find in finds.values() if len(find.images) == 1)
    starts = Counter(find.starts for find in finds.values() if find.tier == Tier.COMMON)
    usual, num_usual = starts.most_common(1)[0] if starts else (None, 0)
    is_used = {
        Tier.EXACT: True,
        Tier.LONGER: counts[Tier.LONGER] > counts[Tier.EXACT],
        Tier.COMMON: num_usual > counts[Tier.EXACT] + counts[Tier.LONGER],
    }
    merged, problems = Merged(), Problems()
    unused = []
    for named, annotation in annotations.items():
        find = finds[named]
        is_kept = is_used[find.tier] and (find.tier != Tier.COMMON or find.starts == usual)
        found = find.images if is_kept else []
        if len(found) == 1:
            if problem := merged.add(found[0], annotation):
                problems.add(problem)
            continue
        unused.append(named)
        if found:
            problems.add(f"{named} may be {found[0]} or {found[1]}; write the path in full.")
    return Matches(images=merged.images, unused=tuple(unused), problems=problems)


def _plain(path: str) -> str:
    """Return a path with forward slashes, without parts that say nothing."""
    return posixpath.normpath(path.removeprefix("file://").replace("\\", "/"))


def _key(path: str) -> str:
    """Return a path in a form that is equal if only case or Unicode composition differ."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


class _Index:
    """The images of a source by path and by its last parts."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._exact = dict.fromkeys(paths)
        self._composed: dict[str, list[str]] = {}
        for path in self._exact:
            self._composed.setdefault(unicodedata.normalize("NFC", path), []).append(path)
        self._ends: dict[tuple[int, bool], dict[str, list[str]]] = {}

    def find(self, named: str, folder: str) -> Find:
        """Return the images that a path may mean."""
        if not folder and named in self._exact:
            return Find(Tier.EXACT, [named])
        plain = _plain(named)
        for start in dict.fromkeys((folder, "")):
            path = posixpath.normpath(posixpath.join(start, plain))
            if path in self._exact:
                return Find(Tier.EXACT, [path])
            if found := self._composed.get(unicodedata.normalize("NFC", path)):
                return Find(Tier.EXACT, found)
        wanted = _key(plain).strip("/").split("/")
        name = wanted[-1]
        return self._find_by_end(wanted, is_whole=bool(name) and is_image_name(name))

    def _find_by_end(self, wanted: list[str], *, is_whole: bool) -> Find:
        """Return the images whose path has the most last parts in common with a path.

        Without `is_whole` the path has no extension, and images of any extension fit.
        """
        if wanted[-1] not in self._by_end(1, is_whole=is_whole):
            return NOTHING
        best, found = 0, list[str]()
        for count in range(1, len(wanted) + 1):
            longer = self._by_end(count, is_whole=is_whole).get("/".join(wanted[-count:]))
            if not longer:
                break
            best, found = count, longer
        image = _key(found[0]).split("/")
        if best == len(wanted):
            return Find(Tier.EXACT, found)
        if best == len(image):
            return Find(Tier.LONGER, found)
        is_name_only = best == 1 and len(found) > 1
        starts = ("/".join(wanted[:-best]), "/".join(image[:-best]))
        return NOTHING if is_name_only else Find(Tier.COMMON, found, starts)

    def _by_end(self, count: int, *, is_whole: bool) -> dict[str, list[str]]:
        """Return the last `count` parts of paths → the images; made when it is first needed."""
        if (count, is_whole) not in self._ends:
            ends: dict[str, list[str]] = {}
            for path in self._exact:
                key = _key(path) if is_whole else posixpath.splitext(_key(path))[0]
                parts = key.rsplit("/", count)
                if len(parts) >= count:
                    ends.setdefault("/".join(parts[-count:]), []).append(path)
            self._ends[count, is_whole] = ends
        return self._ends[count, is_whole]

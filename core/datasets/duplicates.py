"""Images that a dataset has twice: the same bytes, or look-alikes; and which of them to keep."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.datasets.catalog import Catalog, Split
from core.datasets.filters import STATUS_SQL, ImageStatus
from core.datasets.schema import connect

COLUMNS = "id, label, split, width * height, sha256"
SAME = (
    f"SELECT {COLUMNS} FROM images WHERE {STATUS_SQL[ImageStatus.USABLE]} AND sha256 IN "
    f"(SELECT sha256 FROM images WHERE {STATUS_SQL[ImageStatus.USABLE]} GROUP BY sha256 "
    "HAVING COUNT(*) > 1) ORDER BY id"
)
ALIKE = (
    f"SELECT {COLUMNS}, leader, leader_bits FROM images "
    f"WHERE {STATUS_SQL[ImageStatus.USABLE]} AND leader IS NOT NULL ORDER BY id"
)
NAMED = (
    f"SELECT {COLUMNS} FROM images WHERE {STATUS_SQL[ImageStatus.USABLE]} "
    "AND id IN (SELECT value FROM json_each(?))"
)
REPRESENTATIVES = (
    "SELECT id, IFNULL(leader, id), sha256 FROM images "
    "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)
KEPT_FIRST = {Split.TEST: 0, Split.VALIDATION: 1, Split.TRAIN: 2, None: 3}
"""Of twins in several splits the tested one stays: what is tested with remains the same, and the
training does without one image."""


class Kind(StrEnum):
    """In what way images are duplicates."""

    EXACT = "exact"
    """The same bytes."""

    NEAR = "near"
    """Other bytes that look alike: scaled, re-encoded, cropped a little, taken a moment later."""

    MODEL = "model"
    """Other bytes, and similar to a model only; `core/quality/near_duplicates.py` finds them."""


@dataclass(frozen=True, slots=True)
class DuplicateImage:
    """An image that has duplicates."""

    id: int
    label: str | None
    split: str | None
    num_pixels: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Group:
    """Images that are duplicates of each other; the one to keep comes first."""

    kind: Kind
    members: tuple[DuplicateImage, ...]
    num_bits: int
    """Most bits of 256 in which a perceptual hash differs from that of the group's leader."""

    similarity: float = 1.0
    """Least cosine similarity of the embeddings that linked them; 1 where none were compared."""

    @property
    def is_leaking(self) -> bool:
        """Whether they are in several splits, as when what is tested with was trained on."""
        return len({member.split for member in self.members if member.split}) > 1

    @property
    def conflicting(self) -> bool:
        """Whether the labels contradict each other."""
        return len({member.label for member in self.members if member.label}) > 1


def find_groups(catalog: Catalog) -> list[Group]:
    """Return the groups of duplicates among the images in use, the most harmful first.

    Leaks between splits come first, then contradicting labels, then exact before near ones, then
    the most alike. An image excluded, or a copy of another in the same near group, is not listed.
    """
    with connect(catalog.path) as connection:
        same = [DuplicateImage(*row) for row in connection.execute(SAME)]
        alike = [(DuplicateImage(*row[:5]), row[5], row[6]) for row in connection.execute(ALIKE)]
    groups = [group_duplicates(Kind.EXACT, members, 0) for members in _by_content(same).values()]
    led: dict[int, list[tuple[DuplicateImage, int]]] = defaultdict(list)
    for member, representative, bits in alike:
        led[representative].append((member, bits))
    for members in led.values():
        contents = _by_content(member for member, _ in members).values()
        bits = max(bits for _, bits in members)
        groups.append(
            group_duplicates(Kind.NEAR, [min(copies, key=_rank) for copies in contents], bits)
        )
    return sorted((group for group in groups if len(group.members) > 1), key=severity)


def representatives(catalog: Catalog, ids: Iterable[int]) -> dict[int, int]:
    """Return for each image the one that stands for it and its duplicates; itself if it has none.

    Images that are in no group of look-alikes are grouped by their bytes alone: perceptual hashes
    are known once the dataset was checked.
    """
    of_content: dict[str, int] = {}
    found: dict[int, int] = {}
    with connect(catalog.path) as connection:
        wanted = [str(sorted(set(ids)))]
        for image_id, representative, sha256 in connection.execute(REPRESENTATIVES, wanted):
            found[image_id] = of_content.setdefault(sha256, representative)
    return found


def proposal(group: Group, keep: int | None = None) -> tuple[int, ...]:
    """Return the ids to exclude so that one image of a group is left.

    Args:
        group: The duplicates.
        keep: The id of the one to keep. Without it that is the first, but where labels contradict
            each other nothing is proposed: only a person can tell which is right.
    """
    if keep is None and group.conflicting:
        return ()
    kept = group.members[0].id if keep is None else keep
    return tuple(member.id for member in group.members if member.id != kept)


def read_duplicates(catalog: Catalog, ids: Iterable[int]) -> dict[int, DuplicateImage]:
    """Return what is known of images by id; those that are not in use are left out."""
    with connect(catalog.path) as connection:
        rows = connection.execute(NAMED, [str(sorted(set(ids)))])
        return {row[0]: DuplicateImage(*row) for row in rows}


def group_duplicates(
    kind: Kind, members: Iterable[DuplicateImage], num_bits: int, similarity: float = 1.0
) -> Group:
    """Return a group with the one to keep first."""
    return Group(kind, tuple(sorted(members, key=_rank)), num_bits, similarity)


def _by_content(members: Iterable[DuplicateImage]) -> dict[str, list[DuplicateImage]]:
    found: dict[str, list[DuplicateImage]] = defaultdict(list)
    for member in members:
        found[member.sha256].append(member)
    return found


def _rank(member: DuplicateImage) -> tuple[int, int, int]:
    """Order twins by how much is lost without them."""
    split = Split(member.split) if member.split else None
    return KEPT_FIRST[split], -member.num_pixels, member.id


def severity(group: Group) -> tuple[bool, bool, int, int, float, int]:
    """Order groups: leaks first, then contradicting labels, then by how sure it is."""
    kind = list(Kind).index(group.kind)
    sure = kind, group.num_bits, -group.similarity
    return not group.is_leaking, not group.conflicting, *sure, group.members[0].id

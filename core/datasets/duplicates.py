"""Duplicates in a dataset: images with the same bytes or a similar look, and which one to keep."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.datasets.catalog import Catalog
from core.datasets.columns import ImageStatus, Split

COLUMNS = "id, label, split, width * height, sha256"
EXACT = (
    f"SELECT {COLUMNS} FROM images WHERE {ImageStatus.USABLE.sql} AND sha256 IN "
    f"(SELECT sha256 FROM images WHERE {ImageStatus.USABLE.sql} GROUP BY sha256 "
    "HAVING COUNT(*) > 1) ORDER BY id"
)
NEAR = (
    f"SELECT {COLUMNS}, representative, representative_bits FROM images "
    f"WHERE {ImageStatus.USABLE.sql} AND representative IS NOT NULL ORDER BY id"
)
BY_ID = (
    f"SELECT {COLUMNS} FROM images WHERE {ImageStatus.USABLE.sql} "
    "AND id IN (SELECT value FROM json_each(?))"
)
REPRESENTATIVES = (
    "SELECT id, IFNULL(representative, id), sha256 FROM images "
    "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)
KEPT_FIRST = {Split.TEST: 0, Split.VALIDATION: 1, Split.TRAIN: 2, None: 3}
"""Of duplicates in several splits the test image is kept, so that the test set stays the same and
training loses an image instead."""


class Kind(StrEnum):
    """In what way images are duplicates."""

    EXACT = "exact"
    """The same bytes."""

    NEAR = "near"
    """Different bytes with similar perceptual hashes: scaled, re-encoded, cropped a little."""

    MODEL = "model"
    """Different bytes with similar embeddings only; see `core/quality/near_duplicates.py`."""


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
    """Most bits of 256 in which a perceptual hash differs from the representative's."""

    similarity: float = 1.0
    """Lowest cosine similarity of the embeddings that linked them; 1 without embeddings."""

    @property
    def is_leaking(self) -> bool:
        """Whether they are in several splits, so that a model is tested on what it learned from."""
        return len({member.split for member in self.members if member.split}) > 1

    @property
    def conflicting(self) -> bool:
        """Whether they have different labels."""
        return len({member.label for member in self.members if member.label}) > 1


def find_groups(catalog: Catalog) -> list[Group]:
    """Return the groups of duplicates among the usable images, the most harmful first.

    Leakage between splits comes first, then conflicting labels, then exact before near duplicates,
    then by similarity. Of exact duplicates within a near group only one is listed there.
    """
    exact = [DuplicateImage(*row) for row in catalog.select(EXACT)]
    near = [(DuplicateImage(*row[:5]), row[5], row[6]) for row in catalog.select(NEAR)]
    groups = [group_duplicates(Kind.EXACT, members, 0) for members in _by_content(exact).values()]
    represented: dict[int, list[tuple[DuplicateImage, int]]] = defaultdict(list)
    for member, representative, bits in near:
        represented[representative].append((member, bits))
    for members in represented.values():
        contents = _by_content(member for member, _ in members).values()
        bits = max(bits for _, bits in members)
        groups.append(
            group_duplicates(Kind.NEAR, [min(copies, key=_rank) for copies in contents], bits)
        )
    return sorted((group for group in groups if len(group.members) > 1), key=severity)


def representatives(catalog: Catalog, ids: Iterable[int]) -> dict[int, int]:
    """Return image id → id of the representative of its duplicates; its own if it has none.

    Images without a near-duplicate group are grouped by their bytes alone, as all are until the
    dataset's images were decoded.
    """
    of_content: dict[str, int] = {}
    found: dict[int, int] = {}
    parameters = [str(sorted(set(ids)))]
    for image_id, representative, sha256 in catalog.select(REPRESENTATIVES, parameters):
        found[image_id] = of_content.setdefault(sha256, representative)
    return found


def proposal(group: Group, keep: int | None = None) -> tuple[int, ...]:
    """Return the ids to exclude so that one image of a group is left: `keep`, or the first.

    Without `keep` nothing is proposed for conflicting labels, because only a person can tell which
    one is right.
    """
    if keep is None and group.conflicting:
        return ()
    kept = group.members[0].id if keep is None else keep
    return tuple(member.id for member in group.members if member.id != kept)


def read_duplicates(catalog: Catalog, ids: Iterable[int]) -> dict[int, DuplicateImage]:
    """Return image id → image of those that are usable."""
    rows = catalog.select(BY_ID, [str(sorted(set(ids)))])
    return {row[0]: DuplicateImage(*row) for row in rows}


def group_duplicates(
    kind: Kind, members: Iterable[DuplicateImage], num_bits: int, similarity: float = 1.0
) -> Group:
    """Return a group with the image to keep first."""
    return Group(kind, tuple(sorted(members, key=_rank)), num_bits, similarity)


def severity(group: Group) -> tuple[bool, bool, int, int, float, int]:
    """Return a sort key: leakage first, then conflicting labels, then by similarity."""
    kind = list(Kind).index(group.kind)
    certainty = kind, group.num_bits, -group.similarity
    return not group.is_leaking, not group.conflicting, *certainty, group.members[0].id


def _by_content(members: Iterable[DuplicateImage]) -> dict[str, list[DuplicateImage]]:
    found: dict[str, list[DuplicateImage]] = defaultdict(list)
    for member in members:
        found[member.sha256].append(member)
    return found


def _rank(member: DuplicateImage) -> tuple[int, int, int]:
    """Return a sort key: the image whose exclusion would lose most comes first."""
    split = Split(member.split) if member.split else None
    return KEPT_FIRST[split], -member.num_pixels, member.id

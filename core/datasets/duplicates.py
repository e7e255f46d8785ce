"""Images that a dataset has twice: the same bytes, or look-alikes; and which of them to keep."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.datasets.catalog import Catalog, Split
from core.datasets.filters import STANDING_SQL, Standing
from core.datasets.schema import connect

COLUMNS = "id, label, split, width * height, sha256"
SAME = (
    f"SELECT {COLUMNS} FROM images WHERE {STANDING_SQL[Standing.USABLE]} AND sha256 IN "
    f"(SELECT sha256 FROM images WHERE {STANDING_SQL[Standing.USABLE]} GROUP BY sha256 "
    "HAVING COUNT(*) > 1) ORDER BY id"
)
ALIKE = (
    f"SELECT {COLUMNS}, leader, leader_bits FROM images "
    f"WHERE {STANDING_SQL[Standing.USABLE]} AND leader IS NOT NULL ORDER BY id"
)
NAMED = (
    f"SELECT {COLUMNS} FROM images WHERE {STANDING_SQL[Standing.USABLE]} "
    "AND id IN (SELECT value FROM json_each(?))"
)
LEADERS = (
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
class Twin:
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
    twins: tuple[Twin, ...]
    num_bits: int
    """Most bits of 256 in which a perceptual hash differs from that of the group's leader."""

    similarity: float = 1.0
    """Least cosine similarity of the embeddings that linked them; 1 where none were compared."""

    @property
    def leaks(self) -> bool:
        """Whether they are in several splits, as when what is tested with was trained on."""
        return len({twin.split for twin in self.twins if twin.split}) > 1

    @property
    def conflicting(self) -> bool:
        """Whether the labels contradict each other."""
        return len({twin.label for twin in self.twins if twin.label}) > 1


def find_groups(catalog: Catalog) -> list[Group]:
    """Return the groups of duplicates among the images in use, the most harmful first.

    Leaks between splits come first, then contradicting labels, then exact before near ones, then
    the most alike. An image excluded, or a copy of another in the same near group, is not listed.
    """
    with connect(catalog.path) as connection:
        same = [Twin(*row) for row in connection.execute(SAME)]
        alike = [(Twin(*row[:5]), row[5], row[6]) for row in connection.execute(ALIKE)]
    groups = [group_twins(Kind.EXACT, twins, 0) for twins in _by_content(same).values()]
    led: dict[int, list[tuple[Twin, int]]] = defaultdict(list)
    for twin, leader, bits in alike:
        led[leader].append((twin, bits))
    for members in led.values():
        contents = _by_content(twin for twin, _ in members).values()
        bits = max(bits for _, bits in members)
        groups.append(group_twins(Kind.NEAR, [min(copies, key=_rank) for copies in contents], bits))
    return sorted((group for group in groups if len(group.twins) > 1), key=harm)


def leaders(catalog: Catalog, ids: Iterable[int]) -> dict[int, int]:
    """Return for each image the one that stands for it and its duplicates; itself if it has none.

    Images that are in no group of look-alikes are grouped by their bytes alone: perceptual hashes
    are known once the dataset was checked.
    """
    of_content: dict[str, int] = {}
    found: dict[int, int] = {}
    with connect(catalog.path) as connection:
        wanted = [str(sorted(set(ids)))]
        for image_id, leader, sha256 in connection.execute(LEADERS, wanted):
            found[image_id] = of_content.setdefault(sha256, leader)
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
    kept = group.twins[0].id if keep is None else keep
    return tuple(twin.id for twin in group.twins if twin.id != kept)


def read_twins(catalog: Catalog, ids: Iterable[int]) -> dict[int, Twin]:
    """Return what is known of images by id; those that are not in use are left out."""
    with connect(catalog.path) as connection:
        rows = connection.execute(NAMED, [str(sorted(set(ids)))])
        return {row[0]: Twin(*row) for row in rows}


def group_twins(kind: Kind, twins: Iterable[Twin], num_bits: int, similarity: float = 1.0) -> Group:
    """Return a group with the one to keep first."""
    return Group(kind, tuple(sorted(twins, key=_rank)), num_bits, similarity)


def _by_content(twins: Iterable[Twin]) -> dict[str, list[Twin]]:
    found: dict[str, list[Twin]] = defaultdict(list)
    for twin in twins:
        found[twin.sha256].append(twin)
    return found


def _rank(twin: Twin) -> tuple[int, int, int]:
    """Order twins by how much is lost without them."""
    split = Split(twin.split) if twin.split else None
    return KEPT_FIRST[split], -twin.num_pixels, twin.id


def harm(group: Group) -> tuple[bool, bool, int, int, float, int]:
    """Order groups: leaks first, then contradicting labels, then by how sure it is."""
    kind = list(Kind).index(group.kind)
    sure = kind, group.num_bits, -group.similarity
    return not group.leaks, not group.conflicting, *sure, group.twins[0].id

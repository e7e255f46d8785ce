"""What is asked on the Query page: as one value, and as an address carries it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.images.cropping import WHOLE, Crop
from core.indexes.store import MAX_MATCHES
from core.query.fusion import Blend
from core.query.search import Wanted
from state import view as views
from state.view import Parameters

MAX_IMAGES = 16
"""Images of one query; more are a batch."""

USUAL = Wanted(fold=True)
FILTER_FIELDS = ("class", "split", "tag", "text")
FIELDS = (
    *("image", "without", "blend", "liked", "unliked", "shows"),
    *("k", "least", "twins", *FILTER_FIELDS),
)
"""What an address may carry of a question. An upload is in no address: it is on nobody's disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryImage:
    """One image of a query: an upload, or an image of the dataset."""

    image_id: int | None = None
    """Catalog id; None for an upload."""

    digest: str = ""
    """SHA-256 of an upload's bytes; empty for an image of the dataset."""

    crop: Crop = WHOLE
    """The part of it that is meant."""

    is_wanted: bool = True
    """False where it shows what the matches are not to be like."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked of an index."""

    images: tuple[QueryImage, ...] = ()
    blend: Blend = Blend.MEAN
    liked: tuple[int, ...] = ()
    """Catalog ids of matches that more like them are wanted of."""

    unliked: tuple[int, ...] = ()
    """Catalog ids of matches that fewer like them are wanted of."""

    label: str = ""
    """The category that the query shows, where somebody says so; matches are judged by it."""

    wanted: Wanted = field(default_factory=lambda: USUAL)

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to search by."""
        return bool(self.liked) or any(image.is_wanted for image in self.images)

    @property
    def own_ids(self) -> frozenset[int]:
        """Catalog ids that are no answer: the query's own, and what is not wanted."""
        return frozenset(
            [*self.unliked, *(i.image_id for i in self.images if i.image_id is not None)]
        )

    def of(self, images: Iterable[QueryImage]) -> "Question":
        """Return a new question by other images, sought in the same way."""
        return Question(images=tuple(images)[:MAX_IMAGES], blend=self.blend, wanted=self.wanted)

    def with_images(self, images: Iterable[QueryImage]) -> "Question":
        """Return the question with more images, each once."""
        together = dict.fromkeys([*self.images, *images])
        return replace(self, images=tuple(together)[:MAX_IMAGES])

    def changed(self, place: int, image: QueryImage | None) -> "Question":
        """Return the question with another image in that place, or without the one there."""
        images = [*self.images[:place], *([image] if image else []), *self.images[place + 1 :]]
        return replace(self, images=tuple(images))

    def judged(self, ids: Iterable[int], *, liked: bool) -> "Question":
        """Return the question with these matches liked or not liked, whatever was said before."""
        judged = tuple(dict.fromkeys(ids))
        more = tuple(i for i in self.liked if i not in judged)
        less = tuple(i for i in self.unliked if i not in judged)
        return replace(
            self,
            liked=(*more, *judged) if liked else more,
            unliked=less if liked else (*less, *judged),
        )

    def unjudged(self, image_id: int) -> "Question":
        """Return the question with nothing said of a match any more."""
        return replace(
            self,
            liked=tuple(i for i in self.liked if i != image_id),
            unliked=tuple(i for i in self.unliked if i != image_id),
        )

    def showing(self, label: str) -> "Question":
        """Return the question with what its query shows, or with nothing said of it."""
        return replace(self, label=label)

    def wanting(self, **fields: object) -> "Question":
        """Return the question with other wishes for its matches."""
        return replace(self, wanted=replace(self.wanted, **fields))  # type: ignore[arg-type]


def to_parameters(question: Question) -> Parameters:
    """Return a question as an address carries it; what is as usual is left out."""
    wanted, usual = question.wanted, USUAL
    of_dataset = [image for image in question.images if image.image_id is not None]
    filters = views.to_parameters(views.View(images=wanted.images))
    named: dict[str, str | list[str]] = {
        "image": [_image_text(image) for image in of_dataset if image.is_wanted],
        "without": [_image_text(image) for image in of_dataset if not image.is_wanted],
        "blend": "" if question.blend == Blend.MEAN else str(question.blend),
        "liked": [str(i) for i in question.liked],
        "unliked": [str(i) for i in question.unliked],
        "shows": question.label,
        "k": "" if wanted.k == usual.k else str(wanted.k),
        "least": "" if wanted.min_similarity == -1 else f"{wanted.min_similarity:g}",
        "twins": "" if wanted.fold else "apart",
        **{name: filters[name] for name in FILTER_FIELDS if name in filters},
    }
    return {name: value for name, value in named.items() if value}


def from_parameters(parameters: Mapping[str, Sequence[str]]) -> Question:
    """Return the question that an address names; what makes no sense in it is as usual."""
    k = next(iter(_ids(parameters.get("k", ())[:1])), USUAL.k)
    filters = {name: parameters.get(name, ()) for name in FILTER_FIELDS}
    blend = next(iter(parameters.get("blend", ())), "")
    return Question(
        images=(
            *_images(parameters.get("image", ()), is_wanted=True),
            *_images(parameters.get("without", ()), is_wanted=False),
        )[:MAX_IMAGES],
        blend=Blend(blend) if blend in set(Blend) else Blend.MEAN,
        liked=tuple(dict.fromkeys(_ids(parameters.get("liked", ())))),
        unliked=tuple(dict.fromkeys(_ids(parameters.get("unliked", ())))),
        label=next(iter(parameters.get("shows", ())), ""),
        wanted=Wanted(
            k=min(k, MAX_MATCHES),
            min_similarity=_similarity(parameters.get("least", ())),
            fold=parameters.get("twins", [""])[:1] != ["apart"],
            images=views.from_parameters(filters).images,
        ),
    )


def _image_text(image: QueryImage) -> str:
    return " ".join(filter(None, [str(image.image_id), image.crop.key]))


def _images(texts: Sequence[str], *, is_wanted: bool) -> list[QueryImage]:
    images = []
    for text in texts:
        number, _, crop = text.partition(" ")
        for image_id in _ids([number]):
            images.append(QueryImage(image_id=image_id, crop=_crop(crop), is_wanted=is_wanted))
    return list(dict.fromkeys(images))


def _crop(text: str) -> Crop:
    """Read `Crop.key`."""
    try:
        turns, left, top, right, bottom, angle = text.split()
        return Crop(
            left=float(left),
            top=float(top),
            right=float(right),
            bottom=float(bottom),
            turns=int(turns),
            angle=float(angle),
        )
    except ValueError:
        return WHOLE


def _ids(texts: Sequence[str]) -> list[int]:
    return [int(text) for text in texts if text.isdecimal() and 0 < len(text) < 19 and int(text)]


def _similarity(texts: Sequence[str]) -> float:
    try:
        value = float(next(iter(texts), "-1"))
    except ValueError:
        return -1.0
    return value if -1 <= value <= 1 else -1.0

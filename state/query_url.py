"""The query of the Query page as the parameters of its address."""

from collections.abc import Mapping, Sequence

from core.images.cropping import WHOLE, Crop
from core.indexes.store import MAX_MATCHES
from core.query.fusion import Fusion
from core.query.query import DEFAULT_OPTIONS, MAX_IMAGES, Query, QueryImage, SearchOptions
from state import view as views
from state.view import Parameters

FILTER_FIELDS = ("class", "split", "tag", "text")
FIELDS = (
    *("image", "negative_image", "combine", "positive", "negative", "label"),
    *("k", "min_similarity", "duplicates", *FILTER_FIELDS),
)
"""Parameters of a query. An upload has none: it is not on disk."""

OLD_FIELDS = {
    "without": "negative_image",
    "blend": "combine",
    "liked": "positive",
    "unliked": "negative",
    "shows": "label",
    "least": "min_similarity",
    "twins": "duplicates",
}
"""Parameter in addresses of release 0.1.0 → its name now."""

EACH = "each"
"""Value of `duplicates`: every duplicate is a match of its own."""


def read_parameters(parameters: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the values of each field, given all parameters of an address, old names included."""
    named = {name: list(parameters.get(name, ())) for name in FIELDS}
    for old, name in OLD_FIELDS.items():
        named[name] += parameters.get(old, ())
    named["duplicates"] = [EACH if value == "apart" else value for value in named["duplicates"]]
    return named


def to_parameters(query: Query) -> Parameters:
    """Return a query as parameters; default values are left out."""
    options, usual = query.options, DEFAULT_OPTIONS
    of_dataset = [image for image in query.images if image.image_id is not None]
    filters = views.to_parameters(views.View(images=options.images))
    named: dict[str, str | list[str]] = {
        "image": [_image_text(image) for image in of_dataset if image.is_positive],
        "negative_image": [_image_text(image) for image in of_dataset if not image.is_positive],
        "combine": "" if query.fusion == Fusion.MEAN else str(query.fusion),
        "positive": [str(i) for i in query.positives],
        "negative": [str(i) for i in query.negatives],
        "label": query.label,
        "k": "" if options.k == usual.k else str(options.k),
        "min_similarity": "" if options.min_similarity == -1 else f"{options.min_similarity:g}",
        "duplicates": "" if options.deduplicate else EACH,
        **{name: filters[name] for name in FILTER_FIELDS if name in filters},
    }
    return {name: value for name, value in named.items() if value}


def from_parameters(parameters: Mapping[str, Sequence[str]]) -> Query:
    """Return the query of an address; values that make no sense become the default."""
    named = read_parameters(parameters)
    k = next(iter(_ids(named["k"][:1])), DEFAULT_OPTIONS.k)
    fusion = next(iter(named["combine"]), "")
    return Query(
        images=(
            *_images(named["image"], is_positive=True),
            *_images(named["negative_image"], is_positive=False),
        )[:MAX_IMAGES],
        fusion=Fusion(fusion) if fusion in set(Fusion) else Fusion.MEAN,
        positives=tuple(dict.fromkeys(_ids(named["positive"]))),
        negatives=tuple(dict.fromkeys(_ids(named["negative"]))),
        label=next(iter(named["label"]), ""),
        options=SearchOptions(
            k=min(k, MAX_MATCHES),
            min_similarity=_similarity(named["min_similarity"]),
            deduplicate=named["duplicates"][:1] != [EACH],
            images=views.from_parameters({name: named[name] for name in FILTER_FIELDS}).images,
        ),
    )


def _image_text(image: QueryImage) -> str:
    return " ".join(filter(None, [str(image.image_id), image.crop.key]))


def _images(texts: Sequence[str], *, is_positive: bool) -> list[QueryImage]:
    images = []
    for text in texts:
        number, _, crop = text.partition(" ")
        for image_id in _ids([number]):
            images.append(QueryImage(image_id=image_id, crop=_crop(crop), is_positive=is_positive))
    return list(dict.fromkeys(images))


def _crop(text: str) -> Crop:
    """Read `Crop.key`."""
    try:
        turns, *numbers = text.split()
        left, top, right, bottom, angle = map(float, numbers)
        return Crop(left=left, top=top, right=right, bottom=bottom, turns=int(turns), angle=angle)
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

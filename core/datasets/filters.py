"""Text forms of image filters: command-line options, URL fields, manifest settings, descriptions.

The filters themselves are in `columns.py`. No query is run here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from core.datasets.columns import FILTERS, ImageFilter


def filter_as_arguments(images: ImageFilter) -> list[str]:
    """Return the command-line options for these images, each as one word."""
    return [f"--{option}={text}" for option, texts in as_texts(images).items() for text in texts]


def as_texts(images: ImageFilter) -> dict[str, list[str]]:
    """Return option → texts of every filter that is set."""
    texts = {kind.option: kind.texts(getattr(images, name)) for name, kind in FILTERS.items()}
    return {option: values for option, values in texts.items() if values}


def from_texts(texts: Mapping[str, Sequence[str]], *, lenient: bool = False) -> ImageFilter:
    """Return the filter of which `as_texts` made these; missing options keep their default.

    If `lenient`, texts without a meaning are ignored.

    Raises:
        ValueError: A text has no meaning.
    """
    values: dict[str, Any] = {}
    for name, kind in FILTERS.items():
        try:
            values[name] = kind.read(texts.get(kind.option, ()))
        except ValueError:
            if not lenient:
                raise
    return ImageFilter(**values)


def parts_of(images: ImageFilter) -> list[tuple[str, ImageFilter]]:
    """Return a description of each part of a filter, and the filter without that part."""
    return [
        (text, images.having(**{name: left}))
        for name, kind in FILTERS.items()
        if (value := getattr(images, name)) != kind.default
        for text, left in kind.parts(value)
    ]


def as_settings(images: ImageFilter) -> dict[str, Any]:
    """Return the fields that differ from the default, as JSON for a manifest."""
    return {
        field.name: list(value) if isinstance(value, tuple) else str(value)
        for field in fields(images)
        if (value := getattr(images, field.name)) != field.default
    }


def read_settings(settings: Mapping[str, Any]) -> ImageFilter:
    """Return the filter of which `as_settings` made these."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else type(FILTERS[name].default)(value)
        for name, value in settings.items()
    }
    return ImageFilter(**values)

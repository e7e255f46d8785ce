"""The options that say which usable images are meant, for every verb that takes some."""

import argparse

from core.datasets.catalog import Split
from core.datasets.filters import NO_SPLIT, ImageFilter, read_range


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser one option for each field of a filter, but whether images take part."""
    for name, choices in (("class", None), ("split", [*Split, NO_SPLIT]), ("tag", None)):
        parser.add_argument(
            f"--{name}",
            dest=f"{name}_names",
            action="append",
            default=[],
            choices=choices,
            metavar=name.upper(),
            help=f"only images of this {name}; may be given again for one more",
        )
    parser.add_argument("--text", default="", help="only images whose path contains this")
    for name, meaning in (("side", "longest side in pixels"), ("aspect", "width / height")):
        parser.add_argument(f"--{name}", default="", metavar="LOW-HIGH", help=meaning)


def read_image_options(options: argparse.Namespace) -> ImageFilter:
    """Build the filter from what was given on the command line.

    Raises:
        ValueError: A range is none.
    """
    side = read_range(options.side)
    return ImageFilter(
        labels=tuple(options.class_names),
        splits=tuple(options.split_names),
        tags=tuple(options.tag_names),
        text=options.text,
        side=side and (int(side[0]), int(side[1])),
        aspect=read_range(options.aspect),
    )

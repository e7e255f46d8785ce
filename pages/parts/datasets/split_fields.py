"""Fields of a split into train, validation and test."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.splits import SplitConfig
from core.options import bounds_of, default_of
from pages.parts.components import config_fields

PROTOCOL = 30
"""Train images of each class in most work on Caltech-101."""


def split_fields(key: str) -> SplitConfig | None:
    """Draw the fields of a split and return it, or None with an error if it is impossible."""
    fixed = st.toggle(
        "Fixed train size",
        key=f"{key}-fixed",
        help="The same number of train images per class, such as the 30 usual for Caltech-101.",
    )
    grid = st.grid(4 if fixed else 3, min_column_width=110, vertical_alignment="bottom")
    validation = _percent("validation", grid.cell(), key, help="Selects the best epoch.")
    test = _percent("test", grid.cell(), key, help="Only for evaluation.")
    seed = config_fields.number(
        SplitConfig,
        "seed",
        "Seed",
        key=f"{key}-seed",
        place=grid.cell(),
        help="Seed of the random assignment.",
    )
    per_class = 0
    if fixed:
        per_class = config_fields.number(
            SplitConfig,
            "train_per_class",
            "Train images",
            key=f"{key}-per-class",
            place=grid.cell(),
            min_value=1,
            value=PROTOCOL,
            help="Train images of each class.",
        )
    try:
        return SplitConfig(
            validation=validation / 100,
            test=test / 100,
            train_per_class=int(per_class),
            seed=int(seed),
        )
    except ValueError:
        st.error(
            "Give the rest to validation, test or both."
            if validation + test == 0
            else "Leave at least 10 % for training."
        )
        return None


def _percent(name: str, place: DeltaGenerator, key: str, *, help: str) -> int:
    """Draw the field of a share, and return it in percent."""
    numbers = (*bounds_of(SplitConfig, name), default_of(SplitConfig, name))
    low, high, default = (round(100 * number) for number in numbers)
    label = f"{name.capitalize()}, %"
    percent: int = place.number_input(label, low, high, default, key=f"{key}-{name}", help=help)
    return percent

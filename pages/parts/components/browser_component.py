"""Components whose HTML, CSS and JavaScript lie beside the module that mounts them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st


def component(
    name: str,
    folder: Path,
    html: str,
    scripts: Sequence[str],
    style: str | None = None,
    *,
    isolate_styles: bool = True,
) -> Any:
    """Register a component and return the function that mounts it.

    `scripts` and `style` are files in `folder`. The scripts are joined, since the code of a
    component is one file.
    """

    def read(file: str) -> str:
        return (folder / file).read_text(encoding="utf-8")

    return st.components.v2.component(
        name,
        html=html,
        css=read(style) if style else None,
        js="\n".join(read(script) for script in scripts),
        isolate_styles=isolate_styles,
    )


def ignore() -> None:
    """Do nothing: a state or a trigger is part of the result only if it has a callback."""

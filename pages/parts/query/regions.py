"""Component for similarity maps: two images with heat maps, and the regions that match a location.

All data is sent once; pointing and clicking need no server.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pages.parts.components.browser_component import component

if TYPE_CHECKING:
    from core.query.region_match import RegionComparison

STEPS = 32767
"""Steps on either side of zero, in two bytes; one byte is too coarse for the numbers shown."""

HTML = """
<div class="regions">
  <p class="explained">
    Point at a region to see its matches in the other image; click to pin it.
  </p>
  <div class="pair"></div>
  <div class="bar">
    <span class="legend">lower <canvas width="128" height="1"></canvas> higher</span>
    <label class="strength">Opacity <input type="range" min="0" max="100" value="75"></label>
    <button class="release" type="button" disabled>Show all</button>
  </div>
  <p class="said" role="status"></p>
</div>
<template>
  <figure>
    <figcaption><b></b> <span hidden>bright square: model input</span></figcaption>
    <div class="frame">
      <img alt="" draggable="false">
      <div class="square"><canvas></canvas><div class="places" role="group"></div></div>
    </div>
  </figure>
</template>
"""

_MOUNT = component(
    "workbench_regions",
    Path(__file__).parent,
    HTML,
    ("regions.js", "regions_paint.js"),
    "regions.css",
)


def regions(comparison: "RegionComparison", query_src: str, match_src: str, *, key: str) -> None:
    """Show which regions make two images similar.

    Args:
        comparison: The comparison of the two.
        query_src: The query as a data URI. The heat map covers what the network sees of it:
            all of it, or its central square.
        match_src: The match, likewise.
        key: Widget key; another pair with the same key replaces this one.
    """
    matrix, greatest = _as_steps(comparison.matrix)
    _MOUNT(
        key=key,
        data={
            "similarity": comparison.similarity,
            "rows": comparison.matrix.shape[0],
            "columns": comparison.matrix.shape[1],
            "matrix": base64.b64encode(matrix).decode("ascii"),
            "greatest": greatest,
            "squashed": comparison.squashed,
            "sides": [
                {"name": "query", "src": query_src, "heat": comparison.query_heat.ravel().tolist()},
                {"name": "match", "src": match_src, "heat": comparison.match_heat.ravel().tolist()},
            ],
        },
    )


def _as_steps(values: NDArray[np.float32]) -> tuple[bytes, float]:
    """Return the values as two-byte steps of the largest magnitude, and that magnitude."""
    greatest = float(np.abs(values).max())
    steps = np.rint(values * (STEPS / greatest)) if greatest else values
    return steps.astype("<i2").tobytes(), greatest

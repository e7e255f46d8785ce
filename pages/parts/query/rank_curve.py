"""Small chart of a query's precision over rank."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts.components.charts import TRAIN_COLOR
from pages.parts.components.plot import plot

HEIGHT = 72
MARGIN = {"l": 30, "r": 6, "t": 6, "b": 18}


def draw(precision: NDArray[np.float64], key: str) -> None:
    """Show precision@k over k.

    Args:
        precision: (K,) in [0, 1].
        key: Widget key.
    """
    figure = go.Figure(
        go.Scatter(
            x=np.arange(1, len(precision) + 1),
            y=precision.round(4),
            mode="lines",
            line={"color": TRAIN_COLOR, "width": 2},
            fill="tozeroy",
            hovertemplate="precision@%{x}: %{y:.2f}<extra></extra>",
        )
    )
    figure.update_layout(
        margin=MARGIN,
        showlegend=False,
        xaxis={"range": [1, len(precision)], "tickvals": [1, len(precision)], "showgrid": False},
        yaxis={"range": [0, 1.02], "tickvals": [0, 1], "showgrid": False},
    )
    plot(figure, key=key, height=HEIGHT)

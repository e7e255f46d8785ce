"""Form of the engine that embeds: this machine or a Ray cluster."""

import os

import streamlit as st

from core.embeddings.engine import (
    LOCAL,
    RAY_ADDRESS,
    Engine,
    EngineConfig,
    is_ray_address,
    is_ray_installed,
)
from core.options import field_docs
from pages.parts.components import config_fields

ENGINES = {Engine.LOCAL: "This machine", Engine.RAY: "Ray cluster"}
DOCS = field_docs(EngineConfig)
INSTALL = "pip install -r requirements-scale.txt"


def choose() -> EngineConfig | None:
    """Draw the choice of the engine if Ray is installed; return None while it is invalid."""
    configured = os.environ.get(RAY_ADDRESS, "")
    if not is_ray_installed():
        if configured:
            st.caption(f"{RAY_ADDRESS} is set, but Ray is not installed: `{INSTALL}`.")
        else:
            st.caption(f"Embeds on this machine; for a Ray cluster, `{INSTALL}`.")
        return LOCAL
    engine = Engine(
        st.segmented_control(
            "Engine",
            list(Engine),
            default=Engine.LOCAL,
            required=True,
            format_func=ENGINES.__getitem__,
            key="indexes-engine",
            help=DOCS["engine"],
        )
    )
    if engine == Engine.LOCAL:
        return LOCAL
    address = st.text_input(
        "Address",
        key="indexes-ray-address",
        placeholder=configured if is_ray_address(configured) else "Ray of this machine",
        help=DOCS["address"],
    )
    grid = st.grid(2, min_column_width=130)
    cpus = config_fields.number(
        EngineConfig, "worker_cpus", "CPUs per worker", key="indexes-ray-cpus", place=grid
    )
    gpus = config_fields.number(
        EngineConfig, "worker_gpus", "GPUs per worker", key="indexes-ray-gpus", place=grid, step=0.5
    )
    st.caption("Each node needs the workspace and the image folders at the same paths.")
    return config_fields.build(
        EngineConfig, engine=engine, address=address.strip(), worker_cpus=cpus, worker_gpus=gpus
    )

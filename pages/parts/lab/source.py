"""What an index is made of: the chosen dataset's images, embedded by a model."""

from dataclasses import dataclass

import streamlit as st

from core.artifacts import Manifest
from core.lineage import Lineage
from pages.parts.text import plain
from state import session


@dataclass(frozen=True, slots=True)
class Source:
    """What a job is to index, measure or advise for."""

    dataset: str
    model: str
    embeddings: Manifest | None
    """Its embeddings, if they are there and fit the dataset as it is now."""

    @property
    def arguments(self) -> list[str]:
        """The options that mean it; what is not embedded yet is embedded first."""
        return ["--dataset", self.dataset, "--model", self.model]


def choose(dataset: str, lineage: Lineage) -> Source:
    """Draw the choice of the model that embeds the dataset's images."""
    chosen = session.selection()
    ids = [model.id for model in lineage.models]
    at = ids.index(chosen.model) if chosen.model in ids else 0
    model = st.selectbox(
        "Model",
        ids,
        index=at,
        key=f"indexes-model-{chosen.model}",
        help="What embeds the images, and later the queries.",
    )
    wanted = {"dataset": dataset, "model": model}
    embeddings = next(
        (
            made
            for made in lineage.embeddings
            if wanted.items() <= made.made_from.items() and not lineage.stale_reason(made)
        ),
        None,
    )
    if embeddings is None:
        st.caption(
            f"Not embedded by {plain(model)} as it is now: that comes first, and what was "
            "embedded before is not embedded again."
        )
    else:
        count, dimension = embeddings.summary["count"], embeddings.summary["dimension"]
        st.caption(f"{count:,} images are embedded in {dimension} dimensions.")
    return Source(dataset, model, embeddings)

"""Label proposals for unlabeled images, cached for all tabs until the dataset changes."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from state import resources
from state.cache_keys import BY_CONTENT, BY_REVISION

if TYPE_CHECKING:
    from core.embeddings.files import Embeddings
    from core.labeling.proposals import LabelProposals


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_REVISION)
def proposals(index: Manifest, dataset: Dataset) -> "LabelProposals":
    """Return the proposals for the images of an index.

    Raises:
        MissingError: The embeddings of the index were deleted.
        DamagedArtifactError: One of their files was changed.
    """
    from core.labeling.proposals import propose_labels

    return propose_labels(_embeddings(index), dataset.catalog)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_CONTENT)
def representatives(index: Manifest, dataset: Dataset, count: int) -> NDArray[np.int64]:
    """Return the catalog ids of at most `count` typical unlabeled images that differ.

    Raises:
        MissingError: The embeddings of the index were deleted.
        DamagedArtifactError: One of their files was changed.
    """
    from core.labeling import proposals as labeling

    embeddings = _embeddings(index)
    rows = embeddings.rows_of(proposals(index, dataset).unlabeled)
    return embeddings.image_ids[labeling.representatives(embeddings.vectors, rows, count)]


def _embeddings(index: Manifest) -> "Embeddings":
    from core.embeddings.files import open_embeddings

    return open_embeddings(resources.workspace(), index.made_from["embeddings"])

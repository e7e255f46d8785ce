"""What the Home page shows of a dataset: some of its images, its best model, what is stale."""

import random

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.catalog import Catalog
from core.datasets.coded import read_ids
from core.lineage.graph import Lineage
from state.cache_keys import BY_REVISION

MEASURE = "map_at_10"


@st.cache_data(max_entries=20, show_spinner=False, hash_funcs=BY_REVISION)
def some_images(catalog: Catalog, count: int) -> list[int]:
    """Return ids of random images, the same ones until the dataset changes."""
    ids = read_ids(catalog)
    places = random.Random(0).sample(range(len(ids)), min(count, len(ids)))
    return [int(image_id) for image_id in ids[places]]


def best_evaluation(dataset: str, lineage: Lineage) -> Manifest | None:
    """Return the evaluation of a model or index with the highest mAP@10, up to date if any is."""
    return _best(
        [m for m in lineage.evaluations_of(dataset) if not _is_baseline(m, lineage)], lineage
    )


def baseline_of(dataset: str, lineage: Lineage) -> Manifest | None:
    """Return the best evaluation of a baseline, or of a backbone without training."""
    evaluations = lineage.evaluations_of(dataset)
    return _best([each for each in evaluations if _is_baseline(each, lineage)], lineage)


def stale_kinds(index: Manifest, lineage: Lineage) -> list[str]:
    """Return which kinds of artifacts around an index are stale."""
    model, maps = lineage.model(index.made_from["model"]), lineage.maps_of(index)
    evaluations = [  # Also those of its earlier versions
        each
        for each in lineage.evaluations_of(index.made_from["dataset"])
        if each.made_from.get("index") == index.id
    ]
    chain = [*([model] if model else []), index, *evaluations[:1], *maps[:1]]
    return [each.kind for each in chain if lineage.stale_reason(each)]


def can_rebuild(index: Manifest, lineage: Lineage) -> bool:
    """Return whether a rebuild of all that is stale around an index can succeed."""
    model = lineage.model(index.made_from["model"])
    if model is None or index.made_from["dataset"] not in lineage.datasets:
        return False
    return not lineage.stale_reason(model) or bool(
        {"train", "backbone_model"} & model.config.keys()
    )


def _is_baseline(evaluation: Manifest, lineage: Lineage) -> bool:
    model = lineage.model(evaluation.made_from.get("model"))
    is_untrained = model is not None and "backbone_model" in model.config
    return "baseline" in evaluation.summary or is_untrained


def _best(evaluations: list[Manifest], lineage: Lineage) -> Manifest | None:
    def rank(evaluation: Manifest) -> tuple[bool, float]:
        return not lineage.stale_reason(evaluation), evaluation.summary.get(MEASURE, 0.0)

    return max(evaluations, key=rank, default=None)

"""The verdict on a query in one line: predicted class, kNN vote, out-of-distribution score."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.query.ood import OOD_BELOW, OutOfDistribution
from core.query.result import QueryResult
from pages.parts.components.text import plain

TOP_CLASSES = 5
NOTHING = "No prediction: the model has no classifier and the neighbors are unlabeled."
HELD_OUT = {"validation": "the validation split", "test": "the test split"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """Classes with their shares, from one source."""

    name: str
    """Before the class in the line; empty for the classifier of this dataset."""

    title: str
    shares: Sequence[tuple[str, float]]
    """Highest first."""


def show(result: QueryResult, model: Manifest, dataset: Dataset, place: DeltaGenerator) -> None:
    """Show the verdict in `place`, and the most likely classes in a popover."""
    predictions = predictions_of(result, model, dataset)
    with place.container(
        horizontal=True, vertical_alignment="center", gap="small", key="query-verdict"
    ):
        line, help_text = _line(predictions, result.out_of_distribution)
        st.markdown(line, width="content", help=help_text)
        if predictions:
            with st.popover("Top classes", type="tertiary", key="query-top-classes"):
                for prediction in predictions:
                    _classes(prediction)


def predictions_of(result: QueryResult, model: Manifest, dataset: Dataset) -> list[Prediction]:
    """Return the predictions there are.

    The vote is first if the model was trained on another dataset, whose classes it predicts.
    """
    trained_on = model.made_from["dataset"]
    is_own = trained_on == dataset.name
    of = "" if is_own else f" ({trained_on or 'imported model'})"
    by_model = Prediction("" if is_own else "classifier", f"Classifier{of}", result.prediction)
    by_vote = Prediction("kNN vote", "kNN vote", result.vote)
    both = (by_model, by_vote) if is_own else (by_vote, by_model)
    return [prediction for prediction in both if prediction.shares]


def _line(
    predictions: Sequence[Prediction], score: OutOfDistribution | None
) -> tuple[str, str | None]:
    """Return the line in Markdown, and its help."""
    facts = [
        f"{prediction.name} **{plain(label)}** {share:.0%}".strip()
        for prediction in predictions
        for label, share in prediction.shares[:1]
    ] or [NOTHING]
    if len({prediction.shares[0][0] for prediction in predictions}) > 1:
        facts.append(":orange[:material/compare_arrows: classifier and kNN disagree]")
    if score is None:
        return " · ".join(facts), None
    held_out = HELD_OUT.get(score.held_out, "the dataset's own images")
    share = f"{100 - OOD_BELOW:.0f} %"
    help_text = f"Out of distribution: top-1 similarity below that of {share} of {held_out}."
    return " · ".join([*facts, *_distribution(score)]), help_text


def _distribution(score: OutOfDistribution) -> list[str]:
    similarity = f"top-1 similarity {score.similarity:.3f}"
    lower = f"{similarity} (lower than {100 - score.percentile:.0f}% of held-out images)"
    if score.is_out_of_distribution:
        return [":red-badge[Out of distribution]", lower]
    if score.is_borderline:
        return [":orange-badge[Borderline]", lower]
    return [":green-badge[In distribution]", f"{similarity} (held-out median {score.median:.3f})"]


def _classes(prediction: Prediction) -> None:
    st.markdown(f"**{plain(prediction.title)}**")
    for label, share in prediction.shares[:TOP_CLASSES]:
        st.progress(min(max(share, 0.0), 1.0), text=f"{plain(label)} · {share:.1%}")

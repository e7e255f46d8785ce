"""Names and definitions of the measures, with their sources."""

MEASURES_AT_K = {
    "map": (
        "mAP",
        "Mean average precision of the first k results: precision at the rank of each relevant "
        "result, averaged; 1 is the best ranking (Manning, Raghavan & Schütze 2008, 8.4).",
    ),
    "recall": (
        "recall",
        "Share of queries with a relevant result among the first k, as in metric learning "
        "(Musgrave, Belongie & Lim 2020).",
    ),
    "precision": (
        "precision",
        "Share of relevant results among the first k (Manning, Raghavan & Schütze 2008, 8.4).",
    ),
    "ndcg": (
        "nDCG",
        "Discounted cumulative gain: a relevant result counts 1/log2(rank + 1), divided by the "
        "best possible sum (Järvelin & Kekäläinen 2002).",
    ),
    "knn_accuracy": (
        "kNN accuracy",
        "Share of queries whose class is the most frequent among the first k results; the nearest "
        "wins among equally frequent classes (Cover & Hart 1967).",
    ),
}
"""Measures at k: base of the name → (display name, definition)."""

OTHER_MEASURES = {
    "map_at_r": (
        "mAP@R",
        "Average precision of the first R results, with R relevant images in the gallery; harder "
        "than mAP@10 (Musgrave, Belongie & Lim 2020).",
    ),
    "r_precision": (
        "R-precision",
        "Share of relevant results among the first R, with R relevant images in the gallery "
        "(Manning, Raghavan & Schütze 2008, 8.4).",
    ),
    "mrr": ("MRR", "Mean reciprocal rank of the first relevant result (Voorhees 1999)."),
    "classifier_accuracy": (
        "classifier accuracy",
        "Share of queries whose class the model's classifier predicts, without a search.",
    ),
}
"""Other measures: name → (display name, definition)."""

DEFINITIONS = {f"{name}@k": text for name, text in MEASURES_AT_K.values()} | dict(
    OTHER_MEASURES.values()
)
"""Display name → definition of every measure."""


def name_of(measure: str) -> str:
    """Return the display name of a measure: mAP@10 for `map_at_10`."""
    if measure in OTHER_MEASURES:
        return OTHER_MEASURES[measure][0]
    base, _, k = measure.rpartition("_at_")
    return f"{MEASURES_AT_K[base][0]}@{k}" if base in MEASURES_AT_K else measure


def definition_of(measure: str) -> str:
    """Return the definition of a measure with its source; "" if it is unknown."""
    base = measure.rpartition("_at_")[0]
    return OTHER_MEASURES.get(measure, MEASURES_AT_K.get(base, ("", "")))[1]


def curve_of(measures: list[str], base: str) -> list[tuple[int, str]]:
    """Return (k, measure) of the measures at k with this base, by k."""
    at_k = [name for name in measures if name.rpartition("_at_")[0] == base]
    return sorted((int(k), name) for name in at_k if (k := name.rpartition("_at_")[2]).isdigit())

"""What people call each measure, and what it says, with its source."""

BASES = {
    "map": (
        "mAP",
        "Mean average precision of the first k: of each hit's rank, the share of hits down to it; "
        "1 if nothing could be ranked better (Manning, Raghavan & Schütze 2008, 8.4).",
    ),
    "recall": (
        "recall",
        "Share of queries with a hit among the first k, as metric learning counts it "
        "(Musgrave, Belongie & Lim 2020).",
    ),
    "precision": (
        "precision",
        "Share of hits among the first k (Manning, Raghavan & Schütze 2008, 8.4).",
    ),
    "ndcg": (
        "nDCG",
        "A hit counts 1/log2(rank + 1), over the best that could be gained "
        "(Järvelin & Kekäläinen 2002).",
    ),
    "knn_accuracy": (
        "kNN accuracy",
        "Share of queries whose class most of the first k have; of as many, the nearest's "
        "(Cover & Hart 1967).",
    ),
}
"""Of the measures at k."""

WHOLE = {
    "map_at_r": (
        "mAP@R",
        "Average precision of the first R, with R the images that could be found; harder than "
        "mAP@10 (Musgrave, Belongie & Lim 2020).",
    ),
    "r_precision": (
        "R-precision",
        "Share of hits among the first R, with R the images that could be found "
        "(Manning, Raghavan & Schütze 2008, 8.4).",
    ),
    "mrr": ("MRR", "One over the rank of the first hit (Voorhees 1999)."),
    "classifier_accuracy": (
        "classifier accuracy",
        "Share of queries whose class the model's own classifier names; no search is involved.",
    ),
}
"""Of the others."""

MEANINGS = {f"{name}@k": meaning for name, meaning in BASES.values()} | dict(WHOLE.values())
"""What people call each measure → what it says."""


def name_of(measure: str) -> str:
    """Return what people call a measure: `map_at_10` is mAP@10."""
    if measure in WHOLE:
        return WHOLE[measure][0]
    base, _, k = measure.rpartition("_at_")
    return f"{BASES[base][0]}@{k}" if base in BASES else measure


def meaning_of(measure: str) -> str:
    """Return what a measure says, in a sentence with its source; "" for one that is not known."""
    base = measure.rpartition("_at_")[0]
    return WHOLE.get(measure, BASES.get(base, ("", "")))[1]


def curve_of(measures: list[str], base: str) -> list[tuple[int, str]]:
    """Return (k, measure) of the measures at k of one kind, by k."""
    found = [name for name in measures if name.rpartition("_at_")[0] == base]
    return sorted((int(k), name) for name in found if (k := name.rpartition("_at_")[2]).isdigit())

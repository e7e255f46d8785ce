"""Titles and one-sentence descriptions of the checks."""

from core.quality.config import Check

OVERVIEW = "Overview"
TITLES: dict[str, str] = {
    OVERVIEW: OVERVIEW,
    Check.LABEL_ISSUES: "Label issues",
    Check.OUTLIERS: "Outliers",
    Check.NEAR_DUPLICATES: "Near-duplicates",
    Check.LEAKAGE: "Split leakage",
    Check.REPRESENTATIVENESS: "Representativeness",
    Check.CLUSTERS: "Clusters",
}
MEANINGS = {
    Check.LABEL_ISSUES: "Images for which neighbors and a linear classifier predict another class.",
    Check.OUTLIERS: "Images by mean cosine distance to their 10 nearest neighbors; outliers lie "
    "beyond the upper quartile by 1.5 interquartile ranges.",
    Check.NEAR_DUPLICATES: "Different files with nearly the same embedding that perceptual hashes "
    "do not find.",
    Check.LEAKAGE: "Copies and near-duplicates in several splits, which inflate test metrics.",
    Check.REPRESENTATIVENESS: "Images by cosine similarity to the mean of their class; atypical "
    "ones lie below the lower quartile by 1.5 interquartile ranges.",
    Check.CLUSTERS: "Groups of similar images by HDBSCAN, without labels; the most mixed first.",
}
FINDS = {
    Check.LABEL_ISSUES: (":material/label_off:", "Images whose neighbors have another class"),
    Check.OUTLIERS: (":material/scatter_plot:", "Images that are like no other"),
    Check.NEAR_DUPLICATES: (":material/content_copy:", "Images with nearly the same embedding"),
    Check.LEAKAGE: (":material/call_split:", "Duplicates in different splits"),
    Check.REPRESENTATIVENESS: (":material/star:", "The most and least typical images of a class"),
    Check.CLUSTERS: (":material/bubble_chart:", "Groups of similar images, without labels"),
}
"""Check → icon, and what it finds in a few words."""

NOUNS = {
    Check.LABEL_ISSUES: "image",
    Check.OUTLIERS: "outlier",
    Check.REPRESENTATIVENESS: "atypical",
    Check.CLUSTERS: "cluster",
}
"""What is counted; groups otherwise."""


def count_of(check: Check, count: int) -> str:
    """Return a number of what a check finds, such as 57 outliers."""
    noun = NOUNS.get(check, "group")
    return f"{count:,} {noun}{'s' if count != 1 and check != Check.REPRESENTATIVENESS else ''}"

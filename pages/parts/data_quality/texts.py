"""Titles and explanations of the checks."""

from core.quality.config import Check

TITLES = {
    Check.LABEL_ISSUES: ":material/label_off: Wrong labels",
    Check.OUTLIERS: ":material/scatter_plot: Outliers",
    Check.NEAR_DUPLICATES: ":material/content_copy: Near-duplicates",
    Check.LEAKAGE: ":material/call_split: Leaks",
    Check.REPRESENTATIVENESS: ":material/star: Typical",
    Check.CLUSTERS: ":material/bubble_chart: Clusters",
}
MEANINGS = {
    Check.LABEL_ISSUES: "Images whose label their neighbors and the rest of their class make "
    "improbable. The percentage is the doubt: at 50 % what is suggested is as probable as the "
    "label, at 100 % it is certain. Open one to see its neighbors.",
    Check.OUTLIERS: "Images that are like no other: broken, odd, or of something that belongs "
    "elsewhere. The distance is the mean cosine distance to the 10 nearest; 0 has others just "
    "like it.",
    Check.NEAR_DUPLICATES: "Other files that the model finds nearly the same, and perceptual "
    "hashes do not: another crop, angle or moment. Copies and look-alikes by hash are on the "
    "Datasets page, under Duplicates.",
    Check.LEAKAGE: "Images that are in several splits, as the same file or nearly the same: what "
    "is measured on them is flattered. The framed image stays, the tested one first.",
    Check.REPRESENTATIVENESS: "How like each image is to the mean of all others of its class, as "
    "cosine similarity: the least typical are often wrong, the most typical are good examples.",
    Check.CLUSTERS: "Groups of images that lie near each other whatever their labels say, by "
    "HDBSCAN. Those come first that mix most images of other classes. Images in no cluster are "
    "left out.",
}

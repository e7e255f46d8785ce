"""Upgrades from version 1 (release 0.1.0): new names of kinds, settings, facts and files.

The functions take and return plain JSON, so that an artifact can be upgraded without the packages
that made it.
"""

from collections.abc import Mapping
from typing import Any

KINDS = {"finders": "analysis"}

SETTINGS = {
    "trunk": "backbone_model",
    "trunk_learning_rate": "backbone_learning_rate",
    "metric_weight": "metric_loss_weight",
    "images_per_class": "samples_per_class",
    "clip_norm": "max_gradient_norm",
    "lists": "nlist",
    "links": "m",
    "neighbours": "neighbors",
    "least_cluster": "min_cluster_size",
    "standing": "status",
}
"""Old → new names of settings, at any depth of a config."""

FACTS = {
    "neighbour_recall_at_10": "index_recall_at_10",
    "num_categories": "num_classes",
    "neighbours": "neighbors",
    "kept": "preserved",
    "find_s": "analyze_s",
    "lists": "nlist",
    "num_answered": "num_searched",
    "advice": "recommendation",
}
"""Old → new names at the top of a summary; deeper keys may be names of users, such as classes."""

RECOMMENDATION = {
    "asked": "budget",
    "kept": "is_met",
    "why": "reason",
    "chosen": "index",
    "tried": "candidates",
}
"""Old → new names in the recommendation of an index."""

VALUES = {"baseline": {"colour": "color", "trunk": "backbone"}}
"""Setting → old → new values."""

FACT_VALUES = {
    "baseline": {
        "colour histogram": "color histogram",
        "raw trunk": "backbone features",
        "plain recipe": "plain preset",
    }
}
"""Fact of a summary → old → new values."""

FILES = {
    "neighbours.npy": "neighbors.npy",
    "kept.npy": "preserved.npy",
    "categories.csv": "classes.csv",
    "answers.csv": "results.csv",
    "answers.parquet": "results.parquet",
}

JOB_FIELDS = {"about": "dataset"}


def upgrade_manifest(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a manifest of version 1 with today's names, and the files to rename: old → new."""
    renamed = {old: new for old, new in FILES.items() if old in content["files"]}
    return {
        **content,
        "kind": KINDS.get(content["kind"], content["kind"]),
        "config": upgrade_settings(content["config"]),
        "summary": _upgrade_summary(content["summary"]),
        "files": {renamed.get(name, name): checksum for name, checksum in content["files"].items()},
    }, renamed


def upgrade_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of version 1, such as those of a run, with today's names and values."""
    return _with_values(_renamed(settings, SETTINGS), VALUES)


def upgrade_job(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job record of version 1 with today's field names."""
    return {JOB_FIELDS.get(name, name): value for name, value in record.items()}


def _upgrade_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    upgraded = {FACTS.get(name, name): value for name, value in summary.items()}
    for name, names in (
        ("intervals", FACTS),
        ("images", SETTINGS),
        ("recommendation", RECOMMENDATION),
    ):
        if isinstance(upgraded.get(name), Mapping):
            upgraded[name] = _renamed(upgraded[name], names)
    return _with_values(upgraded, FACT_VALUES)


def _with_values(
    content: Mapping[str, Any], values: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return a mapping with other values for some keys."""
    changed = {
        name: of.get(content[name], content[name]) for name, of in values.items() if name in content
    }
    return {**content, **changed}


def _renamed(content: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a mapping with some keys renamed, also in mappings inside it."""
    return {
        names.get(name, name): _renamed(value, names) if isinstance(value, Mapping) else value
        for name, value in content.items()
    }

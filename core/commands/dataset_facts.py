"""What the verbs say of a dataset."""

from core.commands.command import Result
from core.datasets.registry import Dataset


def dataset_facts(dataset: Dataset) -> Result:
    """Return what scripts are told of a dataset."""
    catalog = dataset.catalog
    return {
        "name": dataset.name,
        "num_images": catalog.count(),
        "num_classes": len(catalog.labels()),
        "num_problems": len(catalog.problems()),
        "left_out": list(dataset.left_out),
    }


def describe_dataset(result: Result) -> str:
    """Say what a dataset holds."""
    return (
        f"Dataset {result['name']}: {result['num_images']} images, "
        f"{result['num_classes']} classes, {result['num_problems']} unreadable files."
    )

"""What a verb of the headless command is."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.artifacts.manifests import Manifest
from core.progress import Progress, Work
from core.workspace import Workspace

Result = dict[str, Any]

STARTING = Progress(0, 0, "starting")
"""Said before what a verb needs is imported, which takes seconds."""


@dataclass(frozen=True, slots=True)
class Command:
    """One verb."""

    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Workspace, argparse.Namespace], Work[Result]]
    describe: Callable[[Result], str]
    """The result as a sentence for a person."""


def artifact_facts(manifest: Manifest) -> Result:
    """Return what scripts are told of an artifact."""
    return {"id": manifest.id, **manifest.summary}


def describe_artifact(result: Result) -> str:
    """Say what was made, and its measurements."""
    numbers = [f"{name} {value:.4g}" for name, value in result.items() if isinstance(value, float)]
    return "\n".join([result["id"], *numbers])

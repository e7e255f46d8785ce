"""`Command`: one verb of the headless command, declared once, with the facts of its job."""

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.artifacts.manifests import Manifest
from core.options import add_options
from core.progress import Progress, Work
from core.workspace import Workspace

Result = dict[str, Any]

STARTING = Progress(0, 0, "starting")
"""First step of a verb whose imports take seconds; before it a verb only reads its options."""


class Lane(StrEnum):
    """Queue of jobs that run one after the other; the lanes run side by side."""

    COMPUTE = "compute"
    FILES = "import"
    """Imports and exports."""


Option = tuple[str, Mapping[str, Any]]
"""Name of a command-line option or positional argument, and its settings in argparse."""


def option(name: str, explanation: str, **settings: Any) -> Option:
    """Declare an option (`--name`) or a positional argument (`name`)."""
    if settings.get("choices"):  # argparse quotes the members of an enum by their repr
        settings["choices"] = [str(choice) for choice in settings["choices"]]
    return name, {"help": explanation, **settings}


def choice(
    name: str, explanation: str, values: type[StrEnum], default: StrEnum | None = None
) -> Option:
    """Declare an option with a value of an enum; it is required if it has no default."""
    required = default is None
    return option(name, explanation, choices=list(values), default=default, required=required)


def artifact_facts(manifest: Manifest) -> Result:
    """Return the result of a verb that makes an artifact."""
    return {"id": manifest.id, **manifest.summary}


def export_facts(path: Path, **what: str) -> Result:
    """Return the result of a verb that exports an artifact: what it is of, and the file."""
    return {**what, "path": str(path), "size_bytes": path.stat().st_size}


def describe_artifact(result: Result) -> str:
    """Return the id of an artifact and its measurements, one a line."""
    numbers = [f"{name} {value:.4g}" for name, value in result.items() if isinstance(value, float)]
    return "\n".join([result["id"], *numbers])


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One verb: what it is called, takes, does and makes. Command line, jobs and pages read it."""

    name: str
    help: str
    run: Callable[[Workspace, argparse.Namespace], Work[Result]]
    describe: Callable[[Result], str] = describe_artifact
    """Returns the result as text for a terminal."""

    configs: tuple[type, ...] = ()
    """Config dataclasses whose fields are options of the verb."""

    options: tuple[Option, ...] = ()
    """Further options."""

    makes: str = ""
    """What a tab of the app selects when its job ends: a dataset, or an artifact of this kind."""

    result_key: str = "id"
    """The key of the result that names what was made."""

    adds_images: bool = False
    """Whether it may add images to a dataset, which a `verify` job then decodes."""

    lane: Lane = Lane.COMPUTE
    title: str = ""
    """Title of its job; {name} is the value of the option --name, empty where it has none."""

    old_names: tuple[str, ...] = ()
    """What the verb was called in the release before."""

    old_options: Mapping[str, str] = field(default_factory=dict)
    """Old → new names of options, such as --lists → --nlist."""

    old_values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Option → old → new values."""

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of the verb to its parser."""
        for config in self.configs:
            add_options(parser, config)
        for name, settings in self.options:
            parser.add_argument(name, **settings)

    def title_of(self, arguments: Sequence[str]) -> str:
        """Return the title of the job that runs the verb with these arguments."""
        defaults = {
            each.name: each.default
            for config in self.configs
            for each in fields(config)
            if each.default is not MISSING
        }
        return self.title.format_map(defaultdict(str, defaults | read_values(arguments)))


def read_values(arguments: Sequence[str]) -> dict[str, str]:
    """Return option → value of `--option value` pairs, the options as identifiers."""
    return {
        name.removeprefix("--").replace("-", "_"): value
        for name, value in pairwise(arguments)
        if name.startswith("--")
    }

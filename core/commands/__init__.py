"""The verbs of the headless command, from every module of this package, and their parser.

A verb imports torch, faiss and other large packages when it runs, so that the command line starts
fast.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import core
from core.commands import (
    dataset_import,
    datasets,
    evaluation,
    index_benchmark,
    indexes,
    jobs,
    maps,
    models,
    pipeline,
    quality,
    query,
    training,
)
from core.commands.command import Command

MODULES = (
    pipeline,
    dataset_import,
    datasets,
    training,
    models,
    indexes,
    index_benchmark,
    query,
    evaluation,
    maps,
    quality,
    jobs,
)
COMMANDS = {command.name: command for module in MODULES for command in module.COMMANDS}
"""Verb → command, in the order of the help."""


def find_command(verb: str) -> Command | None:
    """Return the command that has this name now or had it in the release before."""
    by_old_name = (each for each in COMMANDS.values() if verb in each.old_names)
    return COMMANDS.get(verb) or next(by_old_name, None)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Image retrieval on the command line."
    )
    parser.add_argument("--version", action="version", version=core.__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, command in COMMANDS.items():
        verb = verbs.add_parser(name, help=command.help, description=command.help)
        verb.add_argument("--home", type=Path, help="The workspace; default $WORKBENCH_HOME.")
        verb.add_argument("--json", action="store_true", help="Print the result as JSON.")
        verb.add_argument("--events", type=Path, help=argparse.SUPPRESS)
        command.add_to(verb)
    return parser


def replace_old_names(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Replace names of the release before by today's: of the verb, its options and their values.

    Return the arguments with today's names, and a sentence for each name that was replaced.
    """
    command = find_command(arguments[0]) if arguments else None
    if command is None:
        return list(arguments), []
    replaced, previous = [command.name], ""
    changes = [(arguments[0], command.name)]
    for argument in arguments[1:]:
        is_option = argument.startswith("--")
        name, equals, value = argument.partition("=") if is_option else ("", "", argument)
        new_name = command.old_options.get(name, name)
        new_value = command.old_values.get(new_name or previous, {}).get(value, value)
        changes += [(name, new_name), (value, new_value)]
        replaced.append(f"{new_name}{equals}{new_value}")
        previous = new_name
    return replaced, [
        f"`{old}` is now `{new}`; the old name will be removed in the next release."
        for old, new in changes
        if old != new
    ]

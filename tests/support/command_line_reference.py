"""The verbs in docs/command-line.md: `python -m tests.support.command_line_reference`."""

import argparse
import functools
from collections.abc import Iterator
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path

from core.commands import COMMANDS, build_parser
from core.commands.command import Command

FILTERS = ("--class", "--split", "--tag", "--text", "--side", "--aspect")
"""Options that several verbs share; explained once."""

COMMON = ("--help", "--home", "--json")
DOCUMENT = Path(__file__).parents[2] / "docs" / "command-line.md"
START = "## Verbs\n"


def reference() -> str:
    """Return the verbs, their options and the renamed ones."""
    verbs = {name: parser for name, parser in _parsers().items() if name in COMMANDS}
    lines = [f"| [`{name}`](#{name}) | {COMMANDS[name].help} |" for name in verbs]
    parts = [START + "\n| Verb | |\n|---|---|\n" + "\n".join(lines)]
    parts += ["\n".join(_section(COMMANDS[name], parser)) for name, parser in verbs.items()]
    return "\n\n".join([*parts, "\n".join(_renamed())]) + "\n"


def visible_options(verb: str) -> set[str]:
    """Return the long options of a verb but those of every verb."""
    actions = _parsers()[verb]._actions
    shown = (action for action in actions if action.help is not argparse.SUPPRESS)
    return {name for action in shown for name in action.option_strings} - {"-h", *COMMON}


@functools.cache
def _parsers() -> dict[str, argparse.ArgumentParser]:
    actions = build_parser()._actions
    [verbs] = (action for action in actions if isinstance(action, argparse._SubParsersAction))
    parsers: dict[str, argparse.ArgumentParser] = verbs.choices
    return parsers


def _section(command: Command, parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    own = [action for action in actions if action.option_strings[-1:] not in _listed(COMMON)]
    filters = [action for action in own if action.option_strings[-1:] in _listed(FILTERS)]
    rest = [action for action in own if action not in filters]
    needed = " ".join(_usage(action) for action in rest if action.required)
    yield f"### `{command.name}`\n\n{command.help}\n"
    yield f"```sh\npython -m core {command.name} {needed}".rstrip() + "\n```"
    if rest:
        yield "\n| Option | Meaning |\n|---|---|"
    for action in sorted(rest, key=lambda action: not action.required):
        yield f"| {_names(action)} | {_meaning(command, action)} |"
    if filters:
        names = ", ".join(f"`{action.option_strings[-1]}`" for action in filters)
        yield f"| {names} | [filters](#filters) |"


def _listed(names: tuple[str, ...]) -> list[list[str]]:
    return [[name] for name in names]


def _usage(action: argparse.Action) -> str:
    return " ".join([*action.option_strings[:1], _value(action)]).strip()


def _value(action: argparse.Action) -> str:
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return ""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return metavar.replace("_", "-") if action.option_strings else metavar


def _names(action: argparse.Action) -> str:
    names = [f"{name} {_value(action)}".strip() for name in action.option_strings]
    return ", ".join(f"`{name}`" for name in names or [_value(action)])


def _meaning(command: Command, action: argparse.Action) -> str:
    text = str(action.help or "").replace("%%", "%").replace("|", "\\|").rstrip(".")
    facts = []
    if action.choices:
        facts.append("one of " + ", ".join(f"`{choice}`" for choice in action.choices))
    default = _default(command, action)
    if action.required and action.option_strings:
        facts.append("required")
    elif not any(default is nothing for nothing in (None, False, "", argparse.SUPPRESS)):
        facts.append(f"default `{default.value if isinstance(default, Enum) else default}`")
    return text + (f" ({'; '.join(facts)})" if facts else "")


def _default(command: Command, action: argparse.Action) -> object:
    """Return the default of an option, of a config's field if it is one."""
    declared = [field for config in command.configs for field in fields(config)]
    defaults = {field.name: field.default for field in declared if field.default is not MISSING}
    return defaults.get(action.dest, action.default)


def _renamed() -> Iterator[str]:
    yield "## Renamed in 0.2.0\n"
    yield "The old names work until the next release and print the new one on stderr.\n"
    yield "| Verb | Old | New |\n|---|---|---|"
    for name, command in COMMANDS.items():
        pairs = [(old, name) for old in command.old_names]
        pairs += list(command.old_options.items())
        for option, values in command.old_values.items():
            pairs += [(f"{option} {old}", f"{option} {new}") for old, new in values.items()]
        for old, new in pairs:
            yield f"| `{name}` | `{old}` | `{new}` |"


if __name__ == "__main__":
    introduction = DOCUMENT.read_text(encoding="utf-8").partition(START)[0]
    DOCUMENT.write_text(introduction + reference(), encoding="utf-8")

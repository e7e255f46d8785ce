"""Launchers: command lines by which a training starts on other machines, set by the administrator.

`WORKBENCH_LAUNCHERS` names a TOML file with a table a launcher. A command is a list of arguments
that no shell reads. Starting and following one is in `launched.py`.
"""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.options import fits
from core.workspace import NAME_PATTERN

VARIABLE = "WORKBENCH_LAUNCHERS"
COMMAND = "{command}"
"""The argument in whose place the arguments of the training's own command are."""

NODES = "{nodes}"
PLACEHOLDERS = ("command", "run", "launch", "nodes", "project")
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
"""Other braces, such as those of JSON, are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """A launcher, as in its table."""

    name: str
    command: tuple[str, ...]
    """Program and arguments; one is `{command}`, the others may contain the other placeholders."""

    stop: tuple[str, ...] = ()
    """Command that ends what does not end with the launcher's own process; empty for none."""

    @property
    def takes_nodes(self) -> bool:
        """Whether its command contains the number of nodes."""
        return any(NODES in argument for argument in self.command)

    def __post_init__(self) -> None:
        """Check the commands.

        Raises:
            ValueError: One is wrong; the message says why.
        """
        if not self.command:
            raise ValueError("its command is empty")
        if self.command.count(COMMAND) != 1 or COMMAND in "".join(self.stop):
            raise ValueError(f"{COMMAND} must be one argument of its command")
        for argument in (*self.command, *self.stop):
            for name in _PLACEHOLDER.findall(argument):
                if name not in PLACEHOLDERS or (name == "command" and argument != COMMAND):
                    known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
                    raise ValueError(f"“{argument}” contains another placeholder than {known}")


def read_launchers() -> dict[str, Launcher]:
    """Return name → launcher of the administrator's file, in its order; none without a file.

    Raises:
        WorkbenchError: The file is missing or wrong.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return {}
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return {name: _launcher(name, table) for name, table in tables.items()}
    except OSError as error:
        raise WorkbenchError(
            f"The file of launchers {path} cannot be read: {error.strerror}.",
            f"Correct {VARIABLE}, or unset it.",
        ) from error
    except ValueError as error:  # Also of the TOML and of the encoding
        raise WorkbenchError(
            f"The file of launchers {path} is wrong: {error}.",
            "Correct it, or unset " + VARIABLE + ".",
        ) from error


def find_launcher(name: str) -> Launcher:
    """Return the launcher of a name.

    Raises:
        WorkbenchError: There is none, or the file is wrong.
    """
    launchers = read_launchers()
    if name not in launchers:
        known = ", ".join(launchers) or "none"
        raise WorkbenchError(
            f"There is no launcher “{name}” (configured: {known}).",
            f"Add it to the file that {VARIABLE} names, or train without one.",
        )
    return launchers[name]


def filled_in(
    template: Sequence[str], command: Sequence[str], values: Mapping[str, str]
) -> list[str]:
    """Return a launcher's arguments, with the training's command and values in their places."""
    arguments: list[str] = []
    for argument in template:
        if argument == COMMAND:
            arguments += command
        else:
            arguments.append(_PLACEHOLDER.sub(lambda found: values[found[1]], argument))
    return arguments


def _launcher(name: str, table: Any) -> Launcher:
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"“{name}” cannot be a name (letters, digits, dots, dashes)")
    if not fits(table, dict[str, list[str]]) or not {"command"} <= set(table) <= {
        "command",
        "stop",
    }:
        raise ValueError(f"[{name}] must have the list of texts “command” and may have “stop”")
    try:
        return Launcher(name=name, **{key: tuple(value) for key, value in table.items()})
    except ValueError as error:
        raise ValueError(f"[{name}]: {error}") from error

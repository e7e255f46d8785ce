"""Config dataclasses: bounds and choices of their fields, and conversion to command-line options.

A field's bounds, choices and explanation are declared once, in the dataclass. Validation, the
command line and the forms of the pages read them from there.
"""

import argparse
import ast
import functools
import inspect
import types
from collections.abc import Collection
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import Enum, EnumType
from itertools import pairwise
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")
N = TypeVar("N", int, float)

BOUNDS, CHOICES = "bounds", "choices"
"""Keys of a field's metadata."""


def bounded(default: N, low: N, high: N) -> N:
    """Declare a numeric config field with its smallest and largest value, both allowed."""
    return field(default=default, metadata={BOUNDS: (low, high)})


def one_of(default: str, choices: Collection[str]) -> str:
    """Declare a text config field that has one of some values, which may be added to later."""
    return field(default=default, metadata={CHOICES: choices})


def bounds_of(config_class: type, name: str) -> tuple[Any, Any]:
    """Return the smallest and the largest value of a `bounded` field."""
    low, high = _field_of(config_class, name).metadata[BOUNDS]
    return low, high


def choices_of(config_class: type, name: str) -> tuple[str, ...]:
    """Return the values of a `one_of` field."""
    return tuple(_field_of(config_class, name).metadata[CHOICES])


def default_of(config_class: type, name: str) -> Any:
    """Return a field's default."""
    return _field_of(config_class, name).default


def check_fields(config: Any) -> None:
    """Check every `bounded`, `one_of` and enum field of a config; call it in `__post_init__`.

    Texts in enum fields are replaced by members of the enum.

    Raises:
        ValueError: A value is out of range or none of the choices; the message names the field.
    """
    hints = _type_hints(config.__class__)
    for each in fields(config):
        value, hint = getattr(config, each.name), hints[each.name]
        choices = list(hint) if isinstance(hint, EnumType) else each.metadata.get(CHOICES)
        if BOUNDS in each.metadata:
            low, high = each.metadata[BOUNDS]
            if not low <= value <= high:
                raise ValueError(f"{each.name} must be in {low}..{high}, got {value}")
        elif choices is not None and value not in choices:
            raise ValueError(f"{each.name} must be one of {', '.join(choices)}, got {value}")
        if isinstance(hint, EnumType):
            object.__setattr__(config, each.name, hint(value))


_type_hints = functools.cache(get_type_hints)


def _field_of(config_class: type, name: str) -> "Field[Any]":
    return next(each for each in fields(config_class) if each.name == name)


def add_options(
    parser: argparse.ArgumentParser, config_class: type, *, skip: tuple[str, ...] = ()
) -> None:
    """Add an `--option` for each field to a parser, with the field's docstring as help."""
    hints, docs = get_type_hints(config_class), field_docs(config_class)
    for each in fields(config_class):
        if each.name not in skip:
            _add_option(parser, each, hints[each.name], docs.get(each.name, ""))


def read_options(options: argparse.Namespace, config_class: type[C], **others: Any) -> C:
    """Build a config from the options of a command line; other fields keep their defaults.

    Raises:
        ValueError: A value is out of range.
    """
    names = {each.name for each in fields(config_class)}  # type: ignore[arg-type]
    given = {name: value for name, value in vars(options).items() if name in names}
    return config_class(**(others | given))


def as_arguments(config: Any, *, defaults_too: bool = False) -> list[str]:
    """Return the options that build `config` again.

    Args:
        config: A config dataclass.
        defaults_too: Whether to include values that equal the default; needed where a preset
            changes the defaults of the command.
    """
    arguments = []
    for each in fields(config):
        value = getattr(config, each.name)
        if value == each.default and not defaults_too:
            continue
        option = each.name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{option}" if value else f"--no-{option}")
        else:
            arguments += [f"--{option}", str(value)]
    return arguments


def _add_option(
    parser: argparse.ArgumentParser, each: "Field[Any]", hint: Any, explanation: str
) -> None:
    required = each.default is MISSING and each.default_factory is MISSING
    settings: dict[str, Any] = {
        "dest": each.name,
        "required": required,
        "default": argparse.SUPPRESS,
        "help": explanation.replace("%", "%%"),
    }
    if BOUNDS in each.metadata:
        settings["help"] += " ({} to {})".format(*each.metadata[BOUNDS])
    if hint is bool:
        settings["action"] = argparse.BooleanOptionalAction
    else:
        kind = _plain_type(hint)
        if issubclass(kind, Enum):
            settings["choices"] = [member.value for member in kind]
        elif CHOICES in each.metadata:
            settings["choices"] = [str(choice) for choice in each.metadata[CHOICES]]
        else:
            settings["type"], settings["metavar"] = kind, each.name.upper()
    parser.add_argument("--" + each.name.replace("_", "-"), **settings)


def _plain_type(hint: Any) -> type:
    """Return T for T and for T | None."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    plain: type = hint
    return plain


@functools.cache
def field_docs(config_class: type) -> dict[str, str]:
    """Return field name → its docstring as one line, with the fields of base classes."""
    inherited = (field_docs(base) for base in config_class.__bases__ if is_dataclass(base))
    docs = {name: words for of_base in inherited for name, words in of_base.items()}
    tree = ast.parse(inspect.getsource(config_class))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for declared, text in pairwise(body):
        match declared, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(explanation))),
            ):
                docs[name] = " ".join(explanation.split())
    return docs

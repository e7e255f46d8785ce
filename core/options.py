"""Config dataclasses: bounds and choices of their fields, and conversion to command-line options.

A field's bounds, choices and explanation are declared once, in the dataclass. Validation, the
command line and the forms of the pages read them from there.
"""

import argparse
import ast
import functools
import inspect
from collections.abc import Collection
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import Enum, EnumType
from itertools import pairwise
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

C = TypeVar("C")
N = TypeVar("N", int, float)

BOUNDS, CHOICES, SUGGESTIONS = "bounds", "choices", "suggestions"
"""Keys of a field's metadata."""


def bounded(default: N, low: N, high: N) -> N:
    """Declare a numeric config field with its smallest and largest value, both allowed."""
    return field(default=default, metadata={BOUNDS: (low, high)})


def one_of(default: str, choices: Collection[str]) -> str:
    """Declare a text config field that has one of some values, which may be added to later."""
    return field(default=default, metadata={CHOICES: choices})


def suggested(default: str, choices: Collection[str]) -> str:
    """Declare a text config field with values to choose from; the config checks others itself."""
    return field(default=default, metadata={SUGGESTIONS: choices})


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


def add_options(parser: argparse.ArgumentParser, config_class: type) -> None:
    """Add an `--option` for each field to a parser, with the field's docstring as help."""
    hints, docs = get_type_hints(config_class), field_docs(config_class)
    for each in fields(config_class):
        explanation = docs.get(each.name, "").replace("%", "%%")
        settings: dict[str, Any] = {
            "dest": each.name,
            "required": each.default is MISSING and each.default_factory is MISSING,
            "default": argparse.SUPPRESS,
        }
        if BOUNDS in each.metadata:
            explanation += " ({} to {})".format(*each.metadata[BOUNDS])
        hint = hints[each.name]
        kind = next((one for one in get_args(hint) if one is not NoneType), hint)  # T of T | None
        if kind is bool:
            settings["action"] = argparse.BooleanOptionalAction
        elif issubclass(kind, Enum):
            settings["choices"] = [member.value for member in kind]
        elif CHOICES in each.metadata:
            settings["choices"] = [str(choice) for choice in each.metadata[CHOICES]]
        else:
            settings |= {"type": kind, "metavar": each.name.upper()}
            if SUGGESTIONS in each.metadata:
                explanation += f" ({', '.join(each.metadata[SUGGESTIONS])}, …)"
        parser.add_argument("--" + each.name.replace("_", "-"), help=explanation, **settings)


def read_options(options: argparse.Namespace, config_class: type[C], **others: Any) -> C:
    """Build a config from the options of a command line; other fields keep their defaults.

    Raises:
        ValueError: A value is out of range.
    """
    return config_class(**(others | given_options(options, config_class)))


def given_options(options: argparse.Namespace, config_class: type) -> dict[str, Any]:
    """Return the fields of a config that a command line gives."""
    names = {each.name for each in fields(config_class)}
    return {name: value for name, value in vars(options).items() if name in names}


def as_arguments(config: Any, *, defaults_too: bool = False) -> list[str]:
    """Return the options that build `config` again.

    With `defaults_too` they include values that equal the default, which a preset could change.
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

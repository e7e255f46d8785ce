"""Dataclasses: bounds and choices of fields, conversion to command-line options and from JSON.

A field's bounds, choices and explanation are declared once, in the dataclass. Validation, the
command line and the forms of the pages read them from there.
"""

import argparse
import ast
import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import Enum, EnumType
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")
N = TypeVar("N", int, float)
Check = Callable[[Any], bool]

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


def from_json(cls: type[C], content: object) -> C:
    """Return a dataclass with the fields of a JSON object.

    Raises:
        TypeError: It is no object, lacks a field, has another one, or a value is of another type
            than its field. A list may be a tuple, an integer a float, and a text an enum's value.
        ValueError: The dataclass refuses a value.
    """
    if not isinstance(content, dict):
        raise TypeError(f"{cls.__name__} is {type(content).__name__}")
    for name, check in _field_checks(cls):  # type: ignore[arg-type]  # A class is hashable
        if name in content and not check(content[name]):
            raise TypeError(f"{name} is {type(content[name]).__name__}")
    return cls(**content)


def fits(value: object, hint: Any) -> bool:
    """Return whether a value from JSON is of a field's type; see `from_json`."""
    return _check_of(hint)(value)


@functools.cache
def _field_checks(cls: type) -> tuple[tuple[str, Check], ...]:
    hints = get_type_hints(cls)
    return tuple((each.name, _check_of(hints[each.name])) for each in fields(cls))


@functools.cache
def _check_of(hint: Any) -> Check:
    """Return the check of a type, made once: a bundle has 500,000 records."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: True
    if hint is float:
        return lambda value: type(value) in (int, float)
    if hint in (int, None, NoneType):  # True is an int to isinstance
        return lambda value: type(value) is (int if hint is int else NoneType)
    if isinstance(hint, EnumType):
        values = [each.value for each in list[Any](hint)]
        return lambda value: value in values
    if origin in (Union, UnionType):
        checks = [_check_of(each) for each in arguments]
        return lambda value: any(check(value) for check in checks)
    if origin is dict:
        key, item = (_check_of(each) for each in arguments)
        return lambda value: (
            isinstance(value, dict)
            and all(key(name) and item(each) for name, each in value.items())
        )
    if origin is tuple and arguments[-1] is not ...:
        each_check = [_check_of(each) for each in arguments]
        return lambda value: (
            isinstance(value, list | tuple)
            and len(value) == len(each_check)
            and all(check(each) for check, each in zip(each_check, value, strict=True))
        )
    if origin in (list, tuple):
        item = _check_of(arguments[0])
        return lambda value: isinstance(value, list | tuple) and all(map(item, value))
    return lambda value: isinstance(value, origin or hint)

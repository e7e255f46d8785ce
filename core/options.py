"""Config dataclasses as command-line options, both ways: a form and a script say the same thing."""

import argparse
import ast
import functools
import inspect
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from itertools import pairwise
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")


def add_options(
    parser: argparse.ArgumentParser, config_class: type, *, skip: tuple[str, ...] = ()
) -> None:
    """Give the parser one `--option` a field, explained by the field's own words."""
    hints, docs = get_type_hints(config_class), field_docs(config_class)
    for field in fields(config_class):
        if field.name not in skip:
            _add_option(parser, field, hints[field.name], docs.get(field.name, ""))


def read_options(options: argparse.Namespace, config_class: type[C], **others: Any) -> C:
    """Build the config from what was given on the command line; the rest keeps its default.

    Raises:
        ValueError: A value is out of range.
    """
    names = {field.name for field in fields(config_class)}  # type: ignore[arg-type]
    given = {name: value for name, value in vars(options).items() if name in names}
    return config_class(**(others | given))


def as_arguments(config: Any, *, defaults_too: bool = False) -> list[str]:
    """Return the options that build `config` again.

    Args:
        config: A config dataclass.
        defaults_too: Also write values that are the default; needed where the command takes its
            defaults from a recipe.
    """
    arguments = []
    for field in fields(config):
        value = getattr(config, field.name)
        if value == field.default and not defaults_too:
            continue
        option = field.name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{option}" if value else f"--no-{option}")
        else:
            arguments += [f"--{option}", str(value)]
    return arguments


def _add_option(
    parser: argparse.ArgumentParser, field: "Field[Any]", hint: Any, explanation: str
) -> None:
    required = field.default is MISSING and field.default_factory is MISSING
    settings: dict[str, Any] = {
        "dest": field.name,
        "required": required,
        "default": argparse.SUPPRESS,
        "help": explanation.replace("%", "%%"),
    }
    if hint is bool:
        settings["action"] = argparse.BooleanOptionalAction
    else:
        kind = _plain_type(hint)
        if issubclass(kind, Enum):
            settings["choices"] = [member.value for member in kind]
        else:
            settings["type"], settings["metavar"] = kind, field.name.upper()
    parser.add_argument("--" + field.name.replace("_", "-"), **settings)


def _plain_type(hint: Any) -> type:
    """Return T for T and for T | None."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    plain: type = hint
    return plain


@functools.cache
def field_docs(config_class: type) -> dict[str, str]:
    """Return field name → the explanation written under it, as one line; inherited ones too."""
    inherited = (field_docs(base) for base in config_class.__bases__ if is_dataclass(base))
    docs = {name: words for of_base in inherited for name, words in of_base.items()}
    tree = ast.parse(inspect.getsource(config_class))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(explanation))),
            ):
                docs[name] = " ".join(explanation.split())
    return docs

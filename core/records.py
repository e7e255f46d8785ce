"""Dataclasses from JSON objects, with the types of their fields checked."""

import functools
from collections.abc import Callable
from dataclasses import fields
from enum import EnumType
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")
Check = Callable[[Any], bool]


def build(cls: type[C], content: object) -> C:
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
    """Return whether a value from JSON is of a field's type; see `build`."""
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

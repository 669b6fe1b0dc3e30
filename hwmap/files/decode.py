"""JSON values -> frozen dataclasses, every field checked against its type."""

import types
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def decode(kind: Any, value: object, where: str) -> Any:
    """`value` as `kind`: int, float, str, bool, None, Literal, a union of them, tuple[item, ...] or
    a dataclass of such fields.

    Raises:
        ValueError: says where, what was expected, and what was found.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(kind, value, where)
    if origin is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{where} is {value!r}; expected one of {get_args(kind)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {value!r}; expected a list")
        (item, *_) = get_args(kind)
        return tuple(decode(item, part, f"{where}[{i}]") for i, part in enumerate(value))
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, where)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not isfinite(value):
            raise ValueError(f"{where} is {value!r}; expected a finite number")
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} is {value!r}; expected {kind.__name__}")
    return value


def _decode_dataclass(kind: Any, value: object, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}; expected an object")
    names = [field.name for field in fields(kind)]
    wrong = sorted(set(names) ^ set(value))
    if wrong:
        raise ValueError(f"{where}: field '{wrong[0]}' is missing or not known")
    hints = get_type_hints(kind)
    return kind(**{name: decode(hints[name], value[name], f"{where}.{name}") for name in names})


def _decode_union(kind: Any, value: object, where: str) -> Any:
    for choice in get_args(kind):
        if choice is type(None):
            if value is None:
                return None
            continue
        try:
            return decode(choice, value, where)
        except ValueError:
            continue
    raise ValueError(f"{where} is {value!r}; expected {kind}")

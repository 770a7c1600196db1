"""Plain JSON that this package wrote itself -> the dataclasses it was made from, unchecked.

The short way round `forms` for what the store keeps: to know a form well enough to check it takes longer than to read
most documents of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_Reader = Callable[[Any], Any]


def taken(kind: type[_T], raw: Mapping[str, Any]) -> _T:
    """Make a value of a form of what `Form.plain` gave of it."""
    value: _T = _of_dataclass(kind)(raw)
    return value


def _reader(hint: Any) -> _Reader | None:
    """Give what turns plain JSON into a value of a type; None where it is one."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _reader(parts[0])
    if origin in (Union, UnionType):
        (kind,) = (each for each in parts if each is not NoneType)
        return _optional(_reader(kind))
    if origin is tuple:
        read = _reader(parts[0])
        return tuple if read is None else lambda raw: tuple(map(read, raw))
    if origin is Mapping:
        of_values = _reader(parts[1])
        return of_values and (lambda raw: {key: of_values(value) for key, value in raw.items()})
    return _of_dataclass(hint) if is_dataclass(hint) else None


def _optional(read: _Reader | None) -> _Reader | None:
    return read and (lambda raw: None if raw is None else read(raw))


def _of_dataclass(kind: Any) -> _Reader:
    # What `member` would tell pydantic, without it.
    hints = get_type_hints(kind, localns={"member": _Member}, include_extras=True)
    parts = [(_key(each.name, hints[each.name]), each.name, _reader(hints[each.name])) for each in fields(kind)]

    def read(raw: Mapping[str, Any]) -> Any:
        return kind(**{name: raw[key] if of is None else of(raw[key]) for key, name, of in parts if key in raw})

    return read


class _Member:
    def __init__(self, alias: str | None = None, **_: object) -> None:
        self.alias = alias


def _key(name: str, hint: Any) -> str:
    """Give what an attribute is called in JSON."""
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark.alias for mark in marks if getattr(mark, "alias", None)), name)

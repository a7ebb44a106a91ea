"""Options that specs declare: what each may be, checked before anything is built."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter, contains
from typing import Any

from zoo.errors import BadSetting, InvalidSpec

_NUMBERS = (int, float)
_HUGE = 1 << 63  # neither JSON nor a float holds what thousands of digits say


@dataclass(frozen=True)
class Setting:
    """One option of an adapter or a task: its default, and what it may be.

    ``default`` fixes the type (bool, int, float, str, or a tuple of str). ``minimum`` and
    ``maximum`` bound numbers, ``choices`` bounds strings and the members of tuples. Bounds are
    checked before anything is allocated, so that a hostile manifest cannot ask for the moon.
    Numbers are always finite.
    """

    name: str
    default: bool | int | float | str | tuple[str, ...]
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _SETTING_TYPES.require(self)
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        require_all(self.name, "minimum or maximum", bounds, (int, float))
        require_all(self.name, "choices", self.choices, str)
        try:
            self.check("setting", self.default)
        except BadSetting as err:
            raise InvalidSpec(
                f"Setting {self.name!r}: its own default breaks it. {err.message}"
            ) from err

    def check(self, owner: str, value: object) -> Any:
        """Return ``value`` in the setting's own type; text is parsed, as from a command line.

        Raises:
            BadSetting: the value is of another type or outside the bounds.
        """
        try:
            parsed = self._parse(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self._refusal(owner, value) from None
        members = parsed if isinstance(parsed, tuple) else (parsed,)
        if self.choices and any(member not in self.choices for member in members):
            raise self._refusal(owner, value)
        if isinstance(parsed, (int, float)) and not isinstance(parsed, bool):
            if not math.isfinite(parsed):
                raise self._refusal(owner, value)
            low = self.minimum if self.minimum is not None else float("-inf")
            high = self.maximum if self.maximum is not None else float("inf")
            if not low <= parsed <= high:
                raise self._refusal(owner, value)
        return parsed

    def _parse(self, value: Any) -> Any:
        kind: type = type(self.default)
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if kind is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            if not isinstance(parts, (list, tuple)) or not all(isinstance(p, str) for p in parts):
                raise TypeError(value)
            return tuple(part.strip() for part in parts if part.strip())
        if isinstance(value, bool) or (kind is str and not isinstance(value, str)):
            raise TypeError(value)
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        parsed = kind(value)
        if kind is int and abs(parsed) >= _HUGE:
            raise OverflowError(value)
        return parsed

    def _refusal(self, owner: str, value: object) -> BadSetting:
        if self.choices:
            valid = f"one of {', '.join(self.choices)}"
        else:
            valid = {bool: "true or false", tuple: "a comma-separated list"}.get(
                type(self.default), f"of type {type(self.default).__name__}"
            )
        if self.minimum is not None:
            valid += f", at least {self.minimum:g}"
        if self.maximum is not None:
            valid += f", at most {self.maximum:g}"
        return BadSetting(
            f"{owner}: {self.name}={str(value)[:80]!r} is not valid; it is {valid}.",
            hint=f"The default is {self.default!r}. `zoo show {owner}` explains each setting.",
        )


def check_settings(
    owner: str, declared: tuple[Setting, ...], given: Mapping[str, object]
) -> dict[str, Any]:
    """Return all declared settings, the given ones checked and the others at their default.

    Raises:
        BadSetting: a name that is not declared, or a value that is not valid.
    """
    by_name = {setting.name: setting for setting in declared}
    for name in given:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=1)
            has = f"It has: {', '.join(by_name)}." if by_name else "It has none."
            advice = f"Did you mean {near[0]!r}?" if near else has
            raise BadSetting(
                f"{owner} has no setting {name!r}. {advice}",
                hint=f"`zoo show {owner}` lists its settings.",
            )
    return {
        name: setting.check(owner, given[name]) if name in given else setting.default
        for name, setting in by_name.items()
    }


class Types:
    """The types of a spec's fields: these very ones, as a subclass may do anything when it is read.

    Args:
        types: by field, a type or several as a tuple.
    """

    def __init__(self, **types: Any) -> None:
        self._types = {field: _several(kinds) for field, kinds in types.items()}
        self._kinds = tuple(self._types.values())
        self._read = attrgetter("name", *types)

    def require(self, spec: Any) -> None:
        """Refuse a spec with a field of another type.

        Raises:
            InvalidSpec: names the field.
        """
        _, *values = self._read(spec)
        if all(map(contains, self._kinds, map(type, values))):  # in C: catalogues are long
            return
        for (field, kinds), value in zip(self._types.items(), values, strict=True):
            if not _is_of(kinds, value):
                raise InvalidSpec(
                    f"{spec.name}: {field}={str(value)[:60]!r} is not of type {_named(kinds, value)}."
                )


def require_all(name: str, field: str, values: Iterable[object], kind: Any) -> None:
    """Refuse a field that holds anything of another type, or a number that JSON has not.

    Raises:
        InvalidSpec: names the field.
    """
    kinds = _several(kind)
    for value in values:
        its = type(value)
        if its not in kinds and not _is_of(kinds, value):
            raise InvalidSpec(
                f"{name}: {field} holds {str(value)[:60]!r}, which is not of type "
                f"{_named(kinds, value)}."
            )
        if its in _NUMBERS and not -_HUGE < value < _HUGE:  # type: ignore[operator]
            raise InvalidSpec(f"{name}: {field} holds a number that is not finite, or too large.")


def _is_of(kinds: tuple[type, ...], value: object) -> bool:
    return type(value) in kinds or (Mapping in kinds and isinstance(value, Mapping))


def _several(kinds: Any) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def _named(kinds: tuple[type, ...], value: object) -> str:
    named = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
    return f"{named} itself but {type(value).__name__}" if isinstance(value, kinds) else named


_SETTING_TYPES = Types(name=str, default=(bool, int, float, str, tuple), help=str, choices=tuple)

"""Quantities with units: ``30s``, ``500 ms``, ``2 min``, ``64 MiB`` in the unit that a field's name ends with."""

import re
from typing import Any

SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "m": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}
BYTES = {
    "b": 1,
    "bytes": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
_FIELD = re.compile(
    r"(?:_(?P<time>ns|us|ms|s|min|h)|(?:^|_)(?P<word>seconds|minutes|hours)|_(?P<size>bytes|kib|mib|gib))$"
)
_PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]+)\s*")


def quantity(text: str, unit: str) -> float | int | None:
    """``text`` as a number of ``unit`` (``s``, ``ms``, ``mib`` ...), or None when it is no such quantity.

    Parts add up: ``1h 30min``. Whole results are ints, so that they fit both kinds of field.
    """
    table: dict[str, float] | dict[str, int] = SECONDS if unit in SECONDS else BYTES
    total, position = 0.0, 0
    while position < len(text) and (part := _PART.match(text, position)):
        size = table.get(part[2].lower())
        if size is None:
            return None
        total += float(part[1]) * size
        position = part.end()
    if position == 0 or position < len(text):
        return None
    number = round(total / table[unit], 9)
    return int(number) if number == int(number) else number


def unit_of(key: str) -> str | None:
    """The unit that the name of a field ends with, if it is one of time or size."""
    found = _FIELD.search(key)
    return (found["time"] or found["word"] or found["size"]) if found else None


def hint(key: str) -> str:
    """How a value of the field ``key`` may be written, for messages; empty without a unit."""
    unit = unit_of(key)
    if unit is None:
        return ""
    return "write 30, '30s', '500ms' or '2 min'" if unit in SECONDS else "write a number, '512 KiB' or '64 MiB'"


def converted(data: Any) -> Any:
    """A copy of ``data`` where text such as ``30s`` under a key that names a unit has become a number of it.

    What cannot be read stays as it is, for validation to refuse.
    """
    match data:
        case dict():
            return {key: _converted_field(key, value) for key, value in data.items()}
        case list():
            return [converted(item) for item in data]
        case _:
            return data


def _converted_field(key: Any, value: Any) -> Any:
    unit = unit_of(key) if isinstance(key, str) else None
    if unit is None or not isinstance(value, str):
        return converted(value)
    number = quantity(value, unit)
    return value if number is None else number

"""One entry of an event's trace: what was measured and when, the limit, and how the two must compare.

An entry is a plain mapping, so that whoever reads the event can compare again what was compared::

    {"time": 23.0, "predicate": "seconds_in_zone", "value": 12.0, "comparison": ">=", "threshold": 12.0}
"""

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt
from typing import Any, Literal

from pipeline.clock import SECOND

Comparison = Literal[">=", ">", "<=", "<", "==", "in"]
"""How a value must stand to its threshold; ``in``: it is one of those in a list."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": ge,
    ">": gt,
    "<=": le,
    "<": lt,
    "==": eq,
    "in": lambda value, those: value in those,
}
_DIGITS = 6


def trace(
    time_ns: int,
    predicate: str,
    value: Any,
    comparison: Comparison,
    threshold: Any,
    *,
    option: str = "",
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One entry. ``option``: the rule's option that is the threshold, where its name does not say it already.

    Floats are rounded to a millionth, so that they print the same everywhere, unless that would turn the comparison.
    """
    short, limit = _rounded(value), _rounded(threshold)
    if _turned((short, limit), (value, threshold), comparison):
        short, limit = _plain(value), _plain(threshold)
    entry = {
        "time": round(time_ns / SECOND, _DIGITS),
        "predicate": predicate,
        "value": short,
        "comparison": comparison,
        "threshold": limit,
    }
    if option:
        entry["option"] = option
    return {**facts, **entry} if facts else entry


def compares(value: Any, comparison: str, threshold: Any) -> bool:
    """Whether the value stands to the threshold as it must.

    Raises ``ValueError`` for an unknown comparison and for what cannot be compared, such as a word with a number.
    """
    if comparison not in _COMPARE:
        raise ValueError(f"unknown comparison {comparison!r}; known: {', '.join(_COMPARE)}")
    try:
        return bool(_COMPARE[comparison](value, threshold))
    except TypeError as error:
        raise ValueError(f"{value!r} {comparison} {threshold!r} cannot be compared: {error}") from error


def _turned(short: tuple[Any, Any], full: tuple[Any, Any], comparison: Comparison) -> bool:
    try:
        return compares(short[0], comparison, short[1]) != compares(full[0], comparison, full[1])
    except ValueError:  # a rule of the user's own that does not say how to compare: its verdict will name it
        return False


def _plain(value: Any) -> Any:
    """NumPy's float64 is a float, but no message takes it."""
    return float(value) if isinstance(value, float) else value


def _rounded(value: Any) -> Any:
    return round(float(value), _DIGITS) if isinstance(value, float) else value

"""Entries of a trace, and what they say when compared again."""

import msgspec
import numpy as np
import pytest

from stages.alert.peak import further
from stages.alert.trace import Comparison, compares, trace


def test_an_entry_says_all_that_its_comparison_takes() -> None:
    assert trace(23_000_000_000, "seconds_in_zone", 12.0, ">=", 12.0, option="seconds") == {
        "time": 23.0,
        "predicate": "seconds_in_zone",
        "value": 12.0,
        "comparison": ">=",
        "threshold": 12.0,
        "option": "seconds",
    }


@pytest.mark.parametrize(
    ("value", "comparison", "threshold"),
    [
        (0.12345641, ">=", 0.1234564),
        (1 / 3, ">=", 1 / 3),
        (1.0000001, ">", 1.0),
        (0.9999999, "<", 1.0),
        (45.0004999, "<=", 45.0005),
        (2, ">", 1),
    ],
)
def test_rounding_never_turns_a_comparison(value: float, comparison: Comparison, threshold: float) -> None:
    assert compares(value, comparison, threshold)
    entry = trace(0, "x", value, comparison, threshold)
    assert compares(entry["value"], entry["comparison"], entry["threshold"])


def test_facts_explain_and_never_replace_what_was_compared() -> None:
    entry = trace(0, "x", 2, ">", 1, facts={"value": 99, "colour": "red"})
    assert (entry["value"], entry["colour"]) == (2, "red")


@pytest.mark.parametrize(
    ("value", "comparison", "threshold", "message"),
    [(1, "~", 1, "unknown comparison '~'; known: >=, >"), ("red", ">=", 0.4, "'red' >= 0.4 cannot be compared")],
)
def test_what_cannot_be_compared_is_refused(value: object, comparison: str, threshold: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compares(value, comparison, threshold)


def test_a_rule_that_does_not_say_how_to_compare_does_not_stop_the_stage() -> None:
    assert trace(0, "side", "left", ">=", None)["value"] == "left"


def test_numbers_of_numpy_become_plain_ones() -> None:
    entry = trace(0, "x", np.float64(1.0000001), ">", np.float64(1.0))
    peak = further(None, "x", np.float64(2.5), ">=", 1.0, now_ns=0)
    assert msgspec.json.decode(msgspec.json.encode(entry))["value"] == 1.0000001
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(peak))["value"] == 2.5


def test_the_peak_is_the_furthest_in_the_direction_of_the_limit() -> None:
    most = further(further(None, "x", 3, ">", 2, now_ns=1), "x", 2.5, ">", 2, now_ns=2)
    least = further(further(None, "x", 3, "<=", 5, now_ns=1), "x", 2.5, "<=", 5, now_ns=2)
    assert most is not None
    assert least is not None
    assert (most.value, most.time_ns, least.value, least.time_ns) == (3, 1, 2.5, 2)
    assert further(None, "inside", True, "==", True, now_ns=1) is None

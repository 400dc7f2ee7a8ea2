"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.configuration.units import converted, quantity, unit_of


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("30s", "s", 30),
        ("500ms", "s", 0.5),
        ("2 min", "s", 120),
        ("1h 30min", "s", 5400),
        ("1.5 h", "min", 90),
        ("2s", "ms", 2000),
        ("3 days", "s", 259200),
        ("64 MiB", "bytes", 67108864),
        ("1GiB", "mib", 1024),
        ("20s", "seconds", 20),
    ],
)
def test_a_quantity_becomes_a_number_of_the_fields_unit(text: str, unit: str, number: float) -> None:
    assert quantity(text, unit) == number


@pytest.mark.parametrize("text", ["", "soon", "30", "s", "30 parsecs", "30s later", "-3s", "1,5 s", "5 MiB"])
def test_what_is_no_duration_is_left_for_validation(text: str) -> None:
    assert quantity(text, "s") is None
    assert converted({"timeout_s": text}) == {"timeout_s": text}


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "min", "h"]))
def test_a_number_with_its_own_unit_stays_the_same_number(number: int, unit: str) -> None:
    assert quantity(f"{number}{unit}", unit) == number


def test_only_fields_that_name_a_unit_are_converted() -> None:
    data = {"name": "30s", "wait_s": "30s", "deep": [{"size_mib": "2 GiB", "class": "5 min"}]}
    assert converted(data) == {"name": "30s", "wait_s": 30, "deep": [{"size_mib": 2048, "class": "5 min"}]}
    assert [unit_of(key) for key in ("classes", "s", "wait_s", "seconds", "fps")] == [None, None, "s", "seconds", None]

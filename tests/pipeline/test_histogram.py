"""The histogram's quantiles are true within one per cent, whoever counted the values."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.histogram import Histogram

VALUES = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=200)


def filled(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_within_one_per_cent_of_the_true_value(values: list[float], share: float) -> None:
    true = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    assert filled(values).quantile(share) == pytest.approx(true, rel=0.0101)


@given(VALUES, VALUES)
def test_merging_is_the_same_as_counting_together(ours: list[float], theirs: list[float]) -> None:
    merged = filled(ours)
    merged.merge(filled(theirs))
    assert merged == filled(ours + theirs)


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert Histogram().quantile(0.5) is None


def test_two_histograms_share_no_counts() -> None:
    filled([1.0])
    assert Histogram().count == 0


def test_zero_and_less_are_counted_as_zero() -> None:
    histogram = filled([0.0, -5.0, 10.0])
    assert (histogram.count, histogram.quantile(0.5)) == (3, 0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Histogram().add(value)


@given(VALUES)
def test_it_survives_a_message(values: list[float]) -> None:
    packed = msgspec.msgpack.encode(filled(values))
    assert msgspec.msgpack.decode(packed, type=Histogram) == filled(values)
    assert msgspec.json.decode(msgspec.json.encode(filled(values)), type=Histogram) == filled(values)

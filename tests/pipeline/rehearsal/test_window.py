"""Moments as people write them."""

import pytest

from pipeline.errors import UsageError
from pipeline.messages import Frame
from pipeline.rehearsal.window import Moment, Window


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1:30", 90), ("01:00:00.5", 3600.5), ("1h 30min", 5400), ("250ms", 0.25)]
)
def test_media_time_is_seconds_a_clock_or_a_quantity(text: str, seconds: float) -> None:
    assert Moment.parse(text, option="--since") == Moment(seconds, is_wall=False)


def test_wall_time_has_a_zone() -> None:
    assert Moment.parse("2026-11-21T08:00:00Z", option="--since") == Moment(1795248000.0, is_wall=True)
    assert Moment.parse("2026-11-21T09:00:00+01:00", option="--since") == Moment(1795248000.0, is_wall=True)
    with pytest.raises(UsageError, match="--until '2026-11-21T08:00:00' is no moment; add its time zone"):
        Moment.parse("2026-11-21T08:00:00", option="--until")


@pytest.mark.parametrize("text", ["", "yesterday", "1:2:3:4", "-5", "5 parsec", "1::2", "nan", "²", "1:³", "٣"])
def test_what_is_no_moment_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no moment; write media time \(90, "):
        Moment.parse(text, option="--since")


def test_the_last_moment_belongs_to_a_window() -> None:
    window = Window(until=Moment(2.0, is_wall=False))
    assert not window.is_over(Frame("gate", 0, 1, 2_000_000_000))
    assert window.is_over(Frame("gate", 0, 2, 2_000_000_001))


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="--since is later than --until"):
        Window(Moment(3.0, is_wall=False), Moment(2.0, is_wall=False))

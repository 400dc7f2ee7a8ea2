"""How far people are from things."""

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.alert.rules.owners import Measure, Reach
from stages.alert.sighting import PATH, Box, Sighting

THING: Box = (0.6, 0.5, 0.65, 0.6)


def person(*widths: float) -> Sighting:
    """One who stands 0.4 of the picture left of the thing; his boxes were so wide."""
    path: list[tuple[float, Box]] = [(float(n), (0.15, 0.2, 0.15 + width, 0.6)) for n, width in enumerate(widths)]
    return Sighting(1, 1, 0, 0, box=(0.1, 0.2, 0.2, 0.6), path=path)


def test_a_gap_is_told_in_usual_widths_of_the_person() -> None:
    assert Measure(1000, 500).gap(person(0.1, 0.1, 0.3), THING) == pytest.approx(4)
    assert Measure(1000, 500).gap(person(), THING) == pytest.approx(4)


def test_distance_is_from_foot_to_foot() -> None:
    measure, someone = Measure(1000, 500), person(0.1)
    assert measure.within(Reach(0, 4.8), someone, THING)
    assert not measure.within(Reach(0, 4.7), someone, THING)


def test_how_wide_a_person_is_is_asked_once_in_a_frame() -> None:
    measure, someone = Measure(1000, 500), person(0.1)
    assert measure.gap(someone, THING) == pytest.approx(4)
    someone.path = [(0.0, (0.0, 0.0, 0.2, 1.0))]
    assert measure.gap(someone, THING) == pytest.approx(4), "the same frame"
    assert Measure(1000, 500).gap(someone, THING) == pytest.approx(2)


def test_the_recent_track_is_short_and_only_of_those_whose_path_is_thinned() -> None:
    someone = person()
    for frame in range(PATH - 1):
        someone.note(frame * SECOND // 25, THING, confidence=0.9)
    assert someone.recent == []
    for frame in range(PATH, 25 * 700):
        someone.note(frame * SECOND // 25, THING, confidence=0.9)
    times = [seconds for seconds, _ in someone.recent]
    assert len(times) <= 51
    assert times[-1] - times[0] == pytest.approx(10, abs=0.25)
    assert np.diff(times).max() < 0.25

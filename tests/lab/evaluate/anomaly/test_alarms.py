from math import isnan

import numpy as np
import pytest

from lab.evaluate.anomaly.alarms import Trigger, alarms_of, felt, spans_of

TRIGGER = Trigger(consecutive=3, quiet=5, near=4)
TRIGGERS = {"a": TRIGGER, "quiet": TRIGGER}


def scores(text: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([1.0 if letter == "#" else 0.0 for letter in text])


def test_so_many_frames_in_a_row_make_an_alarm_at_the_last_of_them() -> None:
    assert alarms_of(scores(".##.###..."), 0.5, TRIGGER) == [6]


def test_after_an_alarm_there_is_quiet_and_then_another_one_where_it_lasts() -> None:
    assert alarms_of(scores("##########" * 2), 0.5, TRIGGER) == [2, 7, 12, 17]


def test_spans_are_runs_of_flags() -> None:
    flags = np.array([1, 1, 0, 0, 1, 0, 1], np.bool_)
    assert spans_of(flags) == [(0, 1), (4, 4), (6, 6)]


def test_found_precision_delay_and_false_alarms_by_hand() -> None:
    truth = {"a": scores("..........######..........#####") > 0, "quiet": np.zeros(60, np.bool_)}
    said = {"a": scores("###.........###................"), "quiet": scores("." * 50 + "###" + "." * 7)}
    told = felt(said, truth, {name: spans_of(flags) for name, flags in truth.items()}, 0.5, TRIGGERS)
    assert (told.anomalies, told.found, told.alarms, told.right, told.false) == (2, 1, 3, 1, 2)
    assert told.delays_s == (0.4,)
    assert told.precision == 1 / 3
    assert told.normal_s == 2 + 6
    assert told.false_per_hour == pytest.approx(2 / (8 / 3600))


def test_an_alarm_within_a_second_of_an_anomaly_is_right() -> None:
    truth = {"a": scores("#####...............") > 0}
    assert felt({"a": scores(".....####...........")}, truth, {}, 0.5, TRIGGERS).right == 1
    assert felt({"a": scores("........###.........")}, truth, {}, 0.5, TRIGGERS).right == 0


def test_where_nothing_is_said_precision_and_delay_are_not_defined() -> None:
    told = felt({"a": np.zeros(9)}, {"a": np.ones(9, np.bool_)}, {"a": [(0, 8)]}, 0.5, TRIGGERS)
    assert isnan(told.precision)
    assert isnan(told.delay_s)
    assert isnan(told.false_per_hour)


def test_seconds_are_those_of_each_clip() -> None:
    """An alarm a second of quiet apart: at 25 frames a second there are fewer than at 5 in as many frames."""
    slow, fast = Trigger.at(5), Trigger.at(25)
    assert len(alarms_of(np.ones(50), 0.5, slow)) > len(alarms_of(np.ones(50), 0.5, fast))
    truth = {"slow": np.ones(50, np.bool_), "fast": np.ones(50, np.bool_)}
    said = {name: np.ones(50) for name in truth}
    told = felt(said, truth, {name: [(0, 49)] for name in truth}, 0.5, {"slow": slow, "fast": fast})
    assert told.delays_s == (2 / 5, 2 / 25)

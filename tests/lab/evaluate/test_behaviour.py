from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.evaluate.behaviour import Judged, always, at_level, best_thresholds, decide
from lab.evaluate.behaviour_recording import Timeline, Watched, alarms, alarms_at, per_hour

PROBABILITY = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])


def judged(truth: list[int], source: list[int] | None = None) -> Judged:
    sources = np.array(source or [0, 1, 2, 3])
    return Judged(PROBABILITY, np.array(truth), sources, decide(PROBABILITY, (0.5, 0.5)))


def test_figures_are_those_of_the_second_class() -> None:
    found = judged([0, 1, 1, 0])
    assert found.figure("accuracy") == 0.5
    assert found.figure("precision") == 0.5
    assert found.figure("recall") == 0.5
    assert found.figure("f1") == 0.5
    assert found.figure("roc_auc") == 0.5
    assert found.confusion().tolist() == [[1, 1], [1, 1]]


def test_a_perfect_order_has_the_whole_area() -> None:
    assert judged([0, 0, 1, 1]).figure("roc_auc") == 1.0
    assert judged([1, 1, 0, 0]).figure("roc_auc") == 0.0


def test_the_areas_are_those_of_sklearn_with_equal_probabilities_and_weights() -> None:
    random = np.random.default_rng(0)
    metrics: Any = import_module("sklearn.metrics")
    for _ in range(20):
        level = np.round(random.random(30), 1)
        truth = random.permutation(np.repeat([0, 1], 15))
        found = Judged(np.stack([1 - level, level], 1), truth, np.arange(30), truth)
        weight = random.integers(0, 4, 30).astype(np.float64)
        area = metrics.roc_auc_score(truth, level, sample_weight=weight)
        assert found.figure("roc_auc", weight) == pytest.approx(area)
        precise = metrics.average_precision_score(truth, level, sample_weight=weight)
        assert found.figure("average_precision", weight) == pytest.approx(precise)


def test_windows_of_one_source_are_drawn_together() -> None:
    many = Judged(
        np.repeat(PROBABILITY, 50, 0),
        np.repeat([0, 1, 1, 0], 50),
        np.repeat([0, 1, 2, 3], 50),
        np.repeat([0, 0, 1, 1], 50),
    )
    few = judged([0, 1, 1, 0])
    assert many.interval("accuracy", rounds=200) == few.interval("accuracy", rounds=200)


def test_the_area_is_unknown_where_one_class_is_missing() -> None:
    assert np.isnan(judged([1, 1, 1, 1]).figure("roc_auc"))
    assert np.isnan(judged([0, 0, 0, 0]).figure("recall"))


def test_the_best_threshold_lies_between_two_probabilities() -> None:
    thresholds = best_thresholds(PROBABILITY, np.array([0, 0, 1, 1]))
    assert 0.4 < thresholds[1] < 0.7
    assert sum(thresholds) == pytest.approx(1)


def test_of_three_classes_the_one_furthest_above_its_threshold_is_said() -> None:
    probability = np.array([[0.5, 0.3, 0.2]])
    assert decide(probability, (1 / 3, 1 / 3, 1 / 3)).tolist() == [0]
    assert decide(probability, (0.9, 0.2, 0.5)).tolist() == [1]


def test_three_classes_are_averaged_over_the_two_that_are_not_normal() -> None:
    probability = np.eye(3)
    found = Judged(probability, np.array([0, 1, 2]), np.arange(3), np.array([0, 1, 1]))
    assert found.figure("recall") == 0.5
    assert found.figure("roc_auc") == 1.0


def line(said: list[float]) -> Timeline:
    p = np.array(said)
    begin = np.arange(len(p), dtype=np.float64) * 0.5
    return Timeline(0, begin, begin + 1.0, np.stack([1 - p, p], 1), np.full((len(p), 4), 0.25))


def test_windows_in_a_row_are_one_alarm() -> None:
    found = alarms(line([0.1, 0.7, 0.9, 0.6, 0.2, 0.8]), (0.5, 0.5))
    assert [(alarm.start_s, alarm.end_s, alarm.peak) for alarm in found] == [(1.0, 2.0, 0.9), (3.0, 3.0, 0.8)]
    assert alarms(line([0.1, 0.2]), (0.5, 0.5)) == []


def test_a_higher_threshold_gives_other_alarms() -> None:
    recording = Watched(Path("yard.mp4"), 4.0, (line([0.1, 0.7, 0.9, 0.6, 0.2, 0.8]),), ())
    assert [alarms_at([recording], level) for level in (0.5, 0.85, 0.95)] == [2, 1, 0]


def test_shares_that_reach_a_level_are_of_each_class() -> None:
    assert at_level(judged([0, 1, 1, 0]), 0.5) == (0.5, 0.5)
    assert at_level(judged([0, 0, 1, 1]), 0.75) == (0.5, 0.0)


def test_whoever_always_says_the_frequent_class_has_its_share_and_half_the_area() -> None:
    blind = always(np.array([0, 1, 1, 1]), np.arange(4), 2)
    assert (blind.figure("accuracy"), blind.figure("recall"), blind.figure("roc_auc")) == (0.75, 1.0, 0.5)


def test_attention_is_laid_out_over_the_recording() -> None:
    times, weight = line([0.1, 0.1, 0.1]).looked_at(0.5)
    assert times[0] == 0.0
    assert weight.max() == pytest.approx(0.25)


def test_no_false_alarm_in_six_minutes_still_allows_for_many_an_hour() -> None:
    rate, low, high = per_hour(0, 360)
    assert (rate, low) == (0.0, 0.0)
    assert high == pytest.approx(36.9, abs=0.1)
    rate, low, _ = per_hour(10, 3600)
    assert rate == 10.0
    assert low == pytest.approx(4.8, abs=0.1)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="of one length"):
        Judged(PROBABILITY, np.zeros(3, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64))


def test_the_command_refuses_to_do_nothing(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from lab.evaluate.command import app
    from pipeline.errors import UsageError

    refused = CliRunner().invoke(app, ["behaviour", str(tmp_path)])
    assert isinstance(refused.exception, UsageError)
    assert "nothing to evaluate" in str(refused.exception)

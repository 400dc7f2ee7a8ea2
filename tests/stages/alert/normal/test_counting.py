"""Alarms are counted as rules raise them: against scenes worked out by hand, and against the rule machinery itself."""

from typing import Any, ClassVar

import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.testing import Script
from stages.alert.normal.counting import Counting, Segment, confirmed_rows, count, tried_levels
from stages.alert.options import RuleOptions
from stages.alert.rule import WHOLE_SCENE, Claim, NoMemory
from stages.alert.scene import Scene
from tests.stages.alert.conftest import Watching

FPS = 10


def segment(*scores: float, start: float = 0.0) -> Segment:
    """One score a tenth of a second."""
    times = np.round((start + np.arange(len(scores)) / FPS) * SECOND).astype(np.int64)
    return Segment(times, np.array(scores, np.float64))


def alarms(given: Segment, threshold: float, counting: Counting | None = None) -> int:
    return int(count([given], counting or Counting(), np.array([threshold]))[0])


def test_a_score_must_stay_high_for_as_long_as_the_rule_demands() -> None:
    assert alarms(segment(0, 5, 5, 5, 0), 5) == 0, "three frames are two tenths of a second"
    assert alarms(segment(0, 5, 5, 5, 5, 0), 5) == 1


def test_a_single_low_frame_begins_anew() -> None:
    assert alarms(segment(5, 5, 5, 1, 5, 5, 5), 5) == 0


def test_without_inertia_every_frame_confirms_itself() -> None:
    assert alarms(segment(0, 5, 0), 5, Counting(enter_s=0)) == 1


def test_what_comes_again_within_the_rearm_time_is_the_same_alarm() -> None:
    counting = Counting(enter_s=0.3, exit_s=1.0, rearm_s=5.0)
    burst = [9.0] * 5
    assert alarms(segment(*burst, *[0.0] * 40, *burst), 5, counting) == 1
    assert alarms(segment(*burst, *[0.0] * 70, *burst), 5, counting) == 2


def test_an_alarm_that_lasts_is_one() -> None:
    assert alarms(segment(*[9.0] * 3000), 5) == 1


def test_clips_do_not_run_into_one_another() -> None:
    assert int(count([segment(5, 5), segment(5, 5)], Counting(), np.array([5.0]))[0]) == 0


def test_each_subject_has_alarms_of_its_own() -> None:
    times = np.repeat(np.arange(10) * SECOND // 10, 2)
    both = Segment(times, np.full(20, 9.0), np.tile(np.array([1, 2]), 10))
    assert alarms(both, 5) == 2


def test_one_who_was_away_is_confirmed_anew() -> None:
    times = (np.array([0, 0.1, 0.2, 5.0, 5.1, 5.2]) * SECOND).astype(np.int64)
    assert alarms(Segment(times, np.full(6, 9.0)), 5) == 0


def test_a_row_confirms_the_least_of_what_led_to_it() -> None:
    found = confirmed_rows(segment(9, 7, 8, 9, 6, 9), Counting())
    assert found.tolist() == [-np.inf, -np.inf, -np.inf, 7, 6, 6]


def test_the_number_of_alarms_changes_at_the_levels_that_are_tried_and_not_between_them() -> None:
    random = np.random.default_rng(0)
    long = segment(*random.exponential(size=400))
    counting = Counting(enter_s=0.1, exit_s=0.2, rearm_s=3.0)
    level = tried_levels([long], counting)
    number = count([long], counting, level)
    assert (np.diff(level) < 0).all()
    assert number[0] == 1
    assert count([long], counting, level[:1] + 1e-9)[0] == 0
    assert count([long], counting, level[1:] + 1e-9).max() <= number.max()


def test_time_counts_as_observed_up_to_a_pause_of_two_seconds() -> None:
    times = (np.array([0, 1, 2, 100, 101]) * SECOND).astype(np.int64)
    assert Segment(times, np.zeros(5)).seconds == pytest.approx(1 + 1 + 2 + 1 + 1)


@pytest.mark.parametrize(
    ("times", "scores", "message"),
    [([0, 1], [0.0], "one time"), ([1, 0], [0.0, 0.0], "backwards"), ([0, 1], [0.0, np.nan], "not finite")],
)
def test_rows_that_make_no_sense_are_refused(times: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Segment(np.array(times, np.int64), np.array(scores))


class Level:
    """Fulfils ``Rule``: the whole scene scores what capture measured."""

    Options: ClassVar[type[RuleOptions]] = RuleOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary = False

    def __init__(self, threshold: float, counting: Counting) -> None:
        self._threshold = threshold
        self.options = Measured(
            rule="level", enter_inertia_s=counting.enter_s, exit_inertia_s=counting.exit_s, rearm_s=counting.rearm_s
        )

    def look(self, scene: Scene, memory: dict[int, Any]) -> list[Claim]:
        score = scene.features["score"]
        return [Claim(WHOLE_SCENE, "score", score, self._threshold)] if score >= self._threshold else []

    def describe(self, who: str, claim: Claim) -> str:
        return who

    def region(self) -> dict[str, Any]:
        return {}


class Measured(RuleOptions):
    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"score"})


@pytest.mark.parametrize("threshold", [1.0, 1.6, 2.2])
def test_the_number_is_that_of_the_events_of_a_rule(watch: Watching, threshold: float) -> None:
    """Five minutes at 10 frames a second of a score that wanders."""
    random = np.random.default_rng(7)
    score = np.zeros(3000)
    for frame in range(1, 3000):
        score[frame] = 0.9 * score[frame - 1] + random.normal() * 0.44
    counting = Counting(enter_s=0.3, exit_s=0.5, rearm_s=4.0)
    script = Script(
        walks=[], seconds=299.9, fps=FPS, measured=lambda seconds: {"score": float(score[round(seconds * FPS)])}
    )
    events = watch([Level(threshold, counting)], script)
    raised = sum(event.type == "start" for event in events)
    assert raised == alarms(segment(*score), threshold, counting)
    assert raised >= 1

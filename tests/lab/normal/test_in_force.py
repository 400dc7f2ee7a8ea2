"""How often a run's rule alarms in normal time is judged by the generation that raised the alarm, or not at all."""

from pathlib import Path

import pytest

from lab.normal.in_force import note_threshold
from lab.normal.keeping import keep
from lab.normal.learning import Learned
from lab.normal.reservoir import Followed
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.alert.normal.store import Stored, read


@pytest.fixture
def stored(tmp_path: Path, learned: Learned) -> Stored:
    keep(tmp_path, "gate", learned.model, learned.calibration, learned.footage)
    return read(tmp_path)


def alarm(threshold: float, when: float, **normal: object) -> Event:
    claim = {"time": when, "predicate": "surprise", "value": 99.0, "comparison": ">=", "threshold": threshold}
    return sample_event(rule="anomaly", name="a", started=when, media_time=when, why=[{**claim, "normal": normal}])


def test_the_last_alarm_says_the_threshold_and_its_own_generation_the_rate(tmp_path: Path, stored: Stored) -> None:
    known = {"generation": 1, "sha256": stored.digest}
    followed = Followed()
    note_threshold(followed, [alarm(5.0, 9.0, **known), alarm(3.0, 2.0, **known)], tmp_path, stored)
    assert followed.threshold == 5.0
    assert followed.expected_per_day == stored.calibration.expected_per_day(5.0)


def test_what_another_generation_says_of_the_threshold_is_not_asked_once_something_is_known(
    tmp_path: Path, stored: Stored
) -> None:
    followed = Followed(threshold=4.0, expected_per_day=2.0)
    note_threshold(followed, [alarm(5.0, 9.0, generation=7, sha256="gone")], tmp_path, stored)
    assert (followed.threshold, followed.expected_per_day) == (4.0, 2.0)


def test_a_run_without_an_alarm_changes_nothing(tmp_path: Path, stored: Stored) -> None:
    followed = Followed(threshold=4.0, expected_per_day=2.0)
    note_threshold(followed, [sample_event()], tmp_path, stored)
    assert (followed.threshold, followed.expected_per_day) == (4.0, 2.0)

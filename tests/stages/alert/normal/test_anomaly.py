import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import CannotStart
from pipeline.messages import Event, Record
from pipeline.testing import ScriptedTracker
from stages.alert.normal.observed import Observed
from stages.alert.options import AlertOptions
from stages.alert.rules.anomaly import Anomaly
from stages.alert.stage import AlertStage
from stages.alert.trace import compares
from tests.stages.alert.normal.conftest import Thing, records, walkers

Staged = Callable[..., list[Observed]]
ODD = range(60, 100)


def rule(folder: Path, **options: Any) -> Anomaly:
    return Anomaly(Anomaly.Options.model_validate({"normal": folder, "threshold": 12.0, **options}))


def stage(one: Anomaly) -> AlertStage:
    return AlertStage(AlertOptions(), rules=[one], trackers=ScriptedTracker)


def watch(one: Anomaly, log: list[Record]) -> list[Event]:
    return stage(one).process("gate", log).events


def starts(events: list[Event]) -> list[Event]:
    return [event for event in events if event.type == "start"]


def runner(index: int, *, speed: float = 80.0, named: bool = True, subject: int = 99) -> Thing:
    return Thing(x=0.1 + 0.02 * (index - ODD[0]), y=0.6, height=0.15, speed=speed, subject=subject, named=named)


def test_nothing_happens_in_normal_time(folder: Path) -> None:
    assert watch(rule(folder), records(walkers(9))) == []


def test_one_who_runs_where_all_walk_is_told_once(folder: Path, staged: Staged) -> None:
    (event,) = starts(watch(rule(folder), records(staged(runner, at=ODD))))
    assert event.object is not None
    assert event.object.track_id == 99
    assert 6.3 <= event.media_time < 8
    assert event.reason.startswith("person 99 is unusual: ")
    assert "speed (less than 1 in a million)" in event.reason


def test_what_the_detector_does_not_see_is_told_as_movement_with_its_place(folder: Path, staged: Staged) -> None:
    def unseen(index: int) -> Thing:
        return runner(index, named=False, speed=150)

    (event,) = starts(watch(rule(folder, threshold=40.0), records(staged(unseen, at=ODD))))
    assert event.object is not None
    assert event.object.class_name == "object"
    left, top, right, bottom = event.object.box
    at = 0.1 + 0.02 * (round(event.media_time * 10) - ODD[0])
    assert left < at < right
    assert top < 0.55 < bottom
    assert event.reason.startswith("something is unusual: movement")


def test_each_feature_stands_in_the_trace_beside_what_is_normal(folder: Path, staged: Staged) -> None:
    (event,) = starts(watch(rule(folder), records(staged(runner, at=ODD))))
    entry = next(each for each in event.why if each["predicate"] == "surprise")
    assert compares(entry["value"], entry["comparison"], entry["threshold"])
    assert entry["option"] == "threshold"
    assert entry["normal"]["generation"] == 1
    features = {each["feature"]: each for each in entry["features"]}
    assert set(features) >= {"speed", "size", "class"}
    speed = features["speed"]
    assert speed["value"] > 3 * speed["normal"]
    assert speed["p"] < 0.01
    assert speed["quantile"] == pytest.approx(1 - speed["p"])
    assert speed["unit"].startswith("px/s")
    assert features["size"]["p"] > speed["p"]
    assert [each["p"] for each in entry["features"]] == sorted(each["p"] for each in entry["features"])


def test_a_rider_and_the_bicycle_are_one_event(folder: Path, staged: Staged) -> None:
    seen = staged(runner, at=ODD)
    both = [_doubled(each) if each.index in ODD else each for each in seen]
    assert len(starts(watch(rule(folder), records(both)))) == 1


def _doubled(seen: Observed) -> Observed:
    """The last object of the frame has another beside it that hides half of it."""
    rows = [*range(len(seen)), len(seen) - 1]
    box = seen.box[rows]
    box[-1] += [0.005, 0.03, 0.005, 0.03]
    subject, classes = seen.subject[rows], seen.class_id[rows]
    subject[-1], classes[-1] = 98, 1
    return Observed(seen.index, seen.media_ns, subject, classes, seen.confidence[rows], box, seen.flow)


def test_outside_the_zone_nothing_is_unusual(folder: Path, staged: Staged) -> None:
    log = records(staged(runner, at=ODD))
    assert watch(rule(folder, zone=[(0, 0), (1, 0), (1, 0.3), (0, 0.3)]), log) == []
    assert len(starts(watch(rule(folder, zone=[(0, 0.4), (1, 0.4), (1, 1), (0, 1)]), log))) == 1


def test_fewer_false_alarms_make_a_higher_threshold(folder: Path) -> None:
    thresholds = [
        rule(folder, threshold=None, false_alarms_per_day=rate).threshold for rate in (0.1, 1, 100, 1440, 100_000)
    ]
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == len(thresholds)


def test_a_budget_is_named_as_what_one_would_turn(folder: Path, staged: Staged) -> None:
    budget = rule(folder, threshold=None, false_alarms_per_day=5000)
    found = starts(watch(budget, records(staged(runner, at=ODD))))
    (entry,) = [each for event in found for each in event.why if each["predicate"] == "surprise"][:1]
    assert entry["option"] == "false_alarms_per_day"
    assert msgspec.json.decode(msgspec.json.encode(found[0])), "plain values only"
    assert 0 < entry["p"] < 1


def test_in_shadow_it_says_what_it_would_have_raised_and_raises_nothing(
    folder: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert watch(rule(folder, mode="shadow"), records(staged(runner, at=ODD))) == []
    said = [each.message for each in caplog.records if "shadow" in each.message]
    assert len(said) == 1
    assert said[0].startswith("camera gate: rule 'anomaly' (shadow): would have raised an event at 6.3 s: it is unu")


@pytest.mark.parametrize("cut", [1, 63, 75, 99])
def test_saved_and_restored_at_any_frame_it_tells_the_same(folder: Path, staged: Staged, cut: int) -> None:
    log = records(staged(runner, at=ODD))
    whole = stage(rule(folder))
    expected = whole.process("gate", log).events
    one, other = stage(rule(folder)), stage(rule(folder))
    told = one.process("gate", log[: cut + 2]).events
    other.restore("gate", one.state("gate"))
    assert told + other.process("gate", log[cut + 2 :]).events == expected
    assert other.state("gate") == whole.state("gate")


def test_the_boxes_of_another_detector_are_refused(folder: Path) -> None:
    with pytest.raises(CannotStart, match="another detector"):
        watch(rule(folder), records(walkers(9, frames=2), sha256="e" * 64))


def test_another_camera_is_pointed_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = records(walkers(9, frames=2), camera="yard")
    assert stage(rule(folder)).process("yard", log).events == []
    assert "was learned on camera gate" in caplog.text


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is not there; make it with 'bartizan learn"):
        rule(tmp_path / "nowhere")


def test_it_measures_motion_and_nothing_else(folder: Path) -> None:
    assert rule(folder).options.needs == {"flow"}


def test_frames_without_motion_or_objects_are_no_fault(folder: Path) -> None:
    bare = [
        Observed(
            each.index, each.media_ns, each.subject[:0], each.class_id[:0], each.confidence[:0], np.zeros((0, 4)), None
        )
        for each in walkers(9, frames=5)
    ]
    assert watch(rule(folder), records(bare)) == []


@pytest.mark.parametrize("unseen", [range(60, 75), range(75, 85)])
def test_what_the_detector_sees_late_or_loses_for_a_moment_is_one_event(
    folder: Path, staged: Staged, unseen: range
) -> None:
    def flickering(index: int) -> Thing:
        return runner(index, speed=150, named=index not in unseen)

    events = watch(rule(folder, threshold=40.0), records(staged(flickering, at=ODD)))
    assert [event.type for event in events] == ["start", "end"]
    assert events[-1].media_time > 9.9


@pytest.mark.parametrize(("rearm_s", "lines"), [(30.0, 0), (5.0, 1)])
def test_a_budget_of_alarms_that_are_counted_otherwise_is_warned_of(
    folder: Path, rearm_s: float, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    watch(rule(folder, threshold=None, rearm_s=rearm_s), records(walkers(9)))
    assert len([each for each in caplog.records if "false_alarms_per_day does not hold" in each.getMessage()]) == lines

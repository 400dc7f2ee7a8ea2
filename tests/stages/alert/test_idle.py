"""What is left out while nothing is under way changes nothing: neither an event nor a byte of what is remembered."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detections import Detections, Tracks
from pipeline.messages import Event, Frame, FrameRecord, Record, StreamRecord
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.scene import Scene
from stages.alert.sighting import Sightings
from stages.alert.stage import AlertStage
from tests.stages.alert.scenes import SCENES, ZONE, rule_of

ABOUT_OBJECTS = [kind for kind in SCENES if getattr(rule_of(kind), "about_objects", False)]
NAMES = ("person", "car", "motorcycle", "bus", "truck")
QUIET = Script(
    walks=[
        Walk(stops=[(5, 0.2, 0.6), (9, 0.6, 0.6), (20, 0.6, 0.6), (24, 1.0, 0.6)], missed=[(8, 9.5)]),
        Walk(stops=[(6, 0.8, 0.6), (16, 0.3, 0.6)], track=2, class_id=1),
        Walk(stops=[(60, 0.9, 0.5), (66, 0.2, 0.7)], track=3, switches=[(62, 4)]),
    ],
    seconds=90,
    fps=5,
    names=NAMES,
    static=[(0.0, 3.0), (30.0, 45.0), (70.0, 80.0)],
    dropped=[(12.0, 12.5), (48.0, 52.0)],
)


class Sleepless:
    """A rule without its promise: it is shown every frame."""

    about_objects = False

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)


def sleepless(rule: Rule) -> Rule:
    awake: Any = Sleepless(rule)
    made: Rule = awake
    return made


def stage(*, asleep: bool) -> AlertStage:
    rules = [rule_of(kind, name=kind, rearm_s=4, update_s=3) for kind in ABOUT_OBJECTS]
    rules = rules if asleep else [sleepless(rule) for rule in rules]
    return AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker)


def without_idle(records: list[Record]) -> tuple[list[Event], int]:
    """The events when frames without tracks are left out while the stage is idle, and how many were."""
    told, left_out, alert = list[Event](), 0, stage(asleep=True)
    tracker, idle = ScriptedTracker("gate"), False
    for record in records:
        if isinstance(record, FrameRecord):
            tracks = tracker.update(record.frame, record.status, Detections.unpack(record.detections))
            if idle and not len(tracks):
                left_out += 1
                continue
        told += alert.process("gate", [record]).events
        idle = alert.is_idle("gate")
    return told, left_out


def written(events: list[Event]) -> bytes:
    return b"\n".join(msgspec.json.encode(event) for event in events)


@pytest.mark.parametrize("kind", ABOUT_OBJECTS)
def test_a_rule_that_promises_to_be_about_objects_says_nothing_of_an_empty_scene(kind: str) -> None:
    rule, memory = rule_of(kind), dict[int, Any]()
    none, sightings = Tracks.empty(), Sightings(AlertOptions(), memory_ns=0)
    for index in range(200):
        frame = Frame("gate", 0, index, index * 10**9, width=100, height=100)
        empty = none.xyxy.astype("float64")
        scene = Scene(frame, bool(index % 2), none.track_id, none.track_id, none.class_id, empty, none.vote,
                      sightings.known)  # fmt: skip
        assert list(rule.look(scene, memory)) == []
        assert memory == {}


def test_a_rule_of_the_users_own_promises_nothing_unless_it_says_so() -> None:
    rule = sleepless(rule_of("in_field"))
    alert = AlertStage(AlertOptions(), rules=[rule], trackers=ScriptedTracker)
    alert.process("gate", Script(walks=[], seconds=2).records())
    assert not alert.is_idle("gate")


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    walks = []
    for track in range(1, draw(st.integers(1, 4))):
        start, length = draw(st.integers(0, 300)) / 10, draw(st.integers(5, 80)) / 10
        ends = [(draw(st.floats(0, 1)), draw(st.floats(0.2, 1))) for _ in range(2)]
        stops = [(start, *ends[0]), (start + length, *ends[1])]
        missed = [(start + length / 3, start + length / 2)]
        walks.append(Walk(stops=stops, track=track, class_id=track % 2, missed=missed, jitter=0.02))
    still, away = draw(st.integers(0, 300)) / 10, draw(st.integers(0, 300)) / 10
    return Script(
        walks=walks,
        seconds=40,
        fps=4,
        names=NAMES,
        static=[(still, still + 6)],
        dropped=[(away, away + 2)],
        seed=draw(st.integers(0, 9)),
    )


@settings(max_examples=30, deadline=None)
@given(scripts())
def test_rules_that_sleep_tell_and_remember_what_rules_that_never_sleep_do(script: Script) -> None:
    awake, asleep = stage(asleep=False), stage(asleep=True)
    for record in script.records():
        assert asleep.process("gate", [record]).events == awake.process("gate", [record]).events
        assert asleep.state("gate") == awake.state("gate")


@settings(max_examples=30, deadline=None)
@given(scripts())
def test_frames_left_out_while_idle_would_have_told_nothing(script: Script) -> None:
    records = script.records()
    records.insert(40, StreamRecord(False, _at(records[39]), None, "gone"))
    told, _ = without_idle(records)
    assert written(told) == written(stage(asleep=True).process("gate", records).events)


def _at(record: Record) -> int:
    assert isinstance(record, FrameRecord)
    return record.frame.media_ns + 1


def test_most_of_a_quiet_scene_is_left_out_and_its_events_are_told() -> None:
    records = QUIET.records()
    told, left_out = without_idle(records)
    assert left_out > 200, "of 451"
    assert {event.rule for event in told} >= {"in_field", "line_crossed", "loitering", "wrong_way"}
    assert written(told) == written(stage(asleep=False).process("gate", records).events)


def test_a_stage_is_not_idle_before_its_first_frame_nor_while_somebody_is_remembered() -> None:
    alert, records = stage(asleep=True), QUIET.records()
    alert.process("gate", records[:2])
    assert not alert.is_idle("gate")
    alert.process("gate", records[2:10])
    assert alert.is_idle("gate")
    alert.process("gate", records[10 : 2 + 5 * 7])
    assert not alert.is_idle("gate"), f"somebody is in {ZONE}"

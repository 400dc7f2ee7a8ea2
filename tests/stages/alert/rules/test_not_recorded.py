import json
from collections.abc import Callable
from typing import Any

from pipeline.messages import ChangeRecord, Event, FrameRecord, Record
from pipeline.stage import Tracker
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rules.not_recorded import NotRecorded, reason_of
from stages.alert.stage import AlertStage

Watching = Callable[[list[Any], Script], list[Event]]
NOBODY: list[Walk] = []


def said(reason: str) -> ChangeRecord:
    return ChangeRecord("recording", json.dumps({"reason": reason}).encode())


def watched(changes: dict[int, ChangeRecord], *, seconds: float = 20, **options: Any) -> list[Event]:
    """What comes of a log in which changes stand before these frames."""
    stage = AlertStage(AlertOptions(), rules=[NotRecorded(NotRecorded.Options(**options))], trackers=tracker)
    records: list[Record] = []
    for record in Script(walks=NOBODY, seconds=seconds).records():
        if isinstance(record, FrameRecord) and (change := changes.get(record.frame.index)) is not None:
            records.append(change)
        records.append(record)
    return stage.process("gate", records).events


def tracker(camera: str) -> Tracker:
    return ScriptedTracker(camera)


def test_a_recording_that_stops_and_goes_on_is_one_critical_event() -> None:
    events = watched({50: said("the disk is full"), 100: said("")})
    assert [(event.type, event.media_time) for event in events] == [("start", 5.0), ("end", 11.0)]
    assert events[0].severity == "critical"
    assert events[0].reason == "the camera is not being recorded: the disk is full"
    assert events[0].object is None
    assert events[1].reason.startswith("what kept the camera from being recorded is gone")


def test_of_a_recording_that_is_never_told_of_nothing_is_said() -> None:
    assert watched({}) == []
    assert watched({10: said("")}) == []


def test_what_nobody_understands_is_no_reason() -> None:
    assert reason_of(b"hello") == ""
    assert reason_of(b"") == ""
    assert watched({10: ChangeRecord("recording", b"{")}) == []


def test_another_stop_soon_after_is_not_told_again() -> None:
    events = watched({50: said("full"), 60: said(""), 90: said("full")}, rearm_s=30)
    assert [event.type for event in events] == ["start", "end"]


def test_what_was_so_in_the_run_before_is_not_so_when_nobody_says_it_any_more() -> None:
    events = watched({50: said("the disk is full"), 100: ChangeRecord("recording", b"")})
    assert [event.type for event in events] == ["start", "end"]

"""Best frames: the end of an event names frames that show its object well, and of a recording pictures of them."""

from itertools import pairwise

import pytest

from pipeline.messages import Event, FrameRecord
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.rules.in_field import InField
from stages.alert.rules.line_crossed import LineCrossed
from stages.alert.stage import AlertStage

ZONE = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.9), (0.3, 0.9)]
THROUGH = Walk(stops=[(0, 0.1, 0.6), (20, 0.9, 0.6)])


def rules() -> list[Rule]:
    return [
        InField(InField.Options.model_validate({"name": "lawn", "zone": ZONE})),
        LineCrossed(LineCrossed.Options.model_validate({"name": "kerb", "line": [(0.5, 0.2), (0.5, 0.8)]})),
    ]


def events(script: Script, **options: int) -> list[Event]:
    stage = AlertStage(AlertOptions.model_validate(options), rules=rules(), trackers=ScriptedTracker)
    return stage.process("gate", script.records()).events


def ends(script: Script, **options: int) -> list[Event]:
    found = [event for event in events(script, **options) if event.type == "end"]
    assert {event.name for event in found} == {"lawn", "kerb"}
    return found


def test_the_frames_lie_within_the_event_or_a_little_before_it() -> None:
    for event in ends(Script(walks=[THROUGH], seconds=22)):
        assert 1 <= len(event.best) <= 3
        assert [frame.score for frame in event.best] == sorted((frame.score for frame in event.best), reverse=True)
        for frame in event.best:
            assert event.started - 5 <= frame.media_time <= event.media_time
            assert frame.frame == round(frame.media_time * 10) + 1
            assert frame.track_id == 1
            assert frame.box[2] == pytest.approx(frame.box_px[2] / 1000)


@pytest.mark.parametrize("live", [False, True])
def test_the_end_of_an_event_names_its_pictures_and_no_other_message_does(live: bool) -> None:
    for event in events(Script(walks=[THROUGH], seconds=22, live=live)):
        if event.type == "end":
            wanted = {"best": f"media/{event.message_id}.jpg", "crop": f"media/{event.message_id}.crop.jpg"}
            assert event.evidence == wanted
        else:
            assert event.best == []
            assert "best" not in event.evidence


@pytest.mark.parametrize("live", [False, True])
def test_none_are_noted_where_none_are_wanted(live: bool) -> None:
    for event in ends(Script(walks=[THROUGH], seconds=22, live=live), best_frames=0):
        assert event.best == []
        assert event.evidence == {}


def test_frames_of_one_moment_are_not_named_twice() -> None:
    stands = Walk(stops=[(0, 0.5, 0.6), (40, 0.5, 0.6)])
    for event in [each for each in events(Script(walks=[stands], seconds=10)) if each.type == "end"]:
        times = sorted(frame.media_time for frame in event.best)
        assert len(times) == 3
        assert all(later - earlier >= 0.5 for earlier, later in pairwise(times))


def test_a_live_camera_names_frames_that_were_candidates_while_they_were_there() -> None:
    script = Script(walks=[THROUGH, Walk(stops=[(5, 0.9, 0.7), (18, 0.1, 0.7)], track=2)], seconds=22, live=True)
    stage = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
    asked: dict[int, int] = {}
    named: list[tuple[int, int]] = []
    for record in script.records():
        told = stage.process("gate", [record]).events
        now = record.frame.index if isinstance(record, FrameRecord) else 10**6
        best = {frame.frame - 1 for event in told for frame in event.best}
        for index in best | set(stage.candidates("gate")):
            assert index <= now
            asked.setdefault(index, now)
        named += [(index, now) for index in best]
    assert len({index for index, _ in named}) > 3
    assert any(now > index for index, now in named)
    assert all(asked[index] == index for index in asked), "each was asked for at its own frame, when its slot was there"
    times = sorted(asked)
    assert all(later - earlier >= 5 for earlier, later in pairwise(times)), "two a second at most"


def test_a_recording_has_no_candidates() -> None:
    stage = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
    stage.process("gate", Script(walks=[THROUGH], seconds=22).records()[:100])
    assert stage.candidates("gate") == []


def test_a_live_camera_that_was_interrupted_anywhere_asks_for_the_same_frames() -> None:
    script = Script(walks=[THROUGH], seconds=22, live=True)
    whole = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
    torn = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
    for record in script.records():
        assert whole.process("gate", [record]).events == torn.process("gate", [record]).events
        kept = torn.state("gate")
        torn = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
        torn.restore("gate", kept)
        assert torn.state("gate") == kept == whole.state("gate")
        assert torn.candidates("gate") == whole.candidates("gate")


def test_who_is_seen_but_for_a_moment_is_named_at_the_deciding_frame() -> None:
    busy = Walk(stops=[(0, 0.1, 0.2), (22, 0.9, 0.2)], track=2)
    short = Walk(stops=[(9.1, 0.5, 0.6), (9.4, 0.5, 0.6)], track=3)
    lawn = InField.Options.model_validate({"name": "lawn", "zone": ZONE, "min_age_s": 0, "enter_inertia_s": 0})
    stage = AlertStage(AlertOptions(), rules=[InField(lawn)], trackers=ScriptedTracker)
    told = stage.process("gate", Script(walks=[busy, short], seconds=22, live=True).records()).events
    assert [(event.type, [frame.frame for frame in event.best]) for event in told] == [
        ("start", []),
        ("end", [92]),
    ]
    assert told[0].frame == 92


def test_updates_of_a_live_camera_name_better_frames_once_and_those_of_a_recording_none() -> None:
    comes_near = Walk(stops=[(0, 0.02, 0.6), (14, 0.02, 0.6), (16, 0.5, 0.6), (45, 0.5, 0.6)])
    told = {}
    for live in (True, False):
        everywhere = InField(InField.Options.model_validate({"name": "lawn", "update_s": 10}))
        stage = AlertStage(AlertOptions(), rules=[everywhere], trackers=ScriptedTracker)
        told[live] = stage.process("gate", Script(walks=[comes_near], seconds=45, live=live).records()).events
    assert [event.type for event in told[True]] == ["start", *["update"] * 4, "end"]
    assert [bool(event.best) for event in told[True]] == [False, True, True, False, False, True]
    assert [bool(event.best) for event in told[False]] == [False] * 5 + [True]
    first, better = told[True][1:3]
    assert better.best[0].score > 1.9 * first.best[0].score
    assert better.evidence["best"] == f"media/{better.message_id}.jpg"
    assert {frame.frame for frame in better.best} <= set(range(1, better.frame + 1))

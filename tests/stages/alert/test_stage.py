import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import LogError, StoreError, UsageError
from pipeline.messages import EndRecord, Event, FrameRecord, Record, StreamRecord
from pipeline.testing import Script, ScriptedTracker, Walk
from pipeline.version import version
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.rules.in_field import InField
from stages.alert.rules.line_crossed import LineCrossed
from stages.alert.rules.loitering import Loitering
from stages.alert.stage import AlertStage

SECOND = 1_000_000_000
STAND = Walk(stops=[(0, 0.5, 0.5), (60, 0.5, 0.5)])
ZONE = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]


def rules() -> list[Rule]:
    zone = {"zone": ZONE, "update_s": 3, "rearm_s": 4}
    return [
        InField(InField.Options.model_validate({"name": "lawn", **zone})),
        InField(InField.Options.model_validate({"name": "people", "classes": ["person"], "lost_s": 1, "rearm_s": 2})),
        LineCrossed(LineCrossed.Options.model_validate({"name": "kerb", "line": [(0.5, 0.2), (0.5, 0.8)]})),
        Loitering(Loitering.Options.model_validate({"name": "lawn too long", "seconds": 2, "max_gap_s": 2, **zone})),
    ]


def stage(rules: Sequence[Rule]) -> AlertStage:
    return AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker)


def written(events: list[Event]) -> bytes:
    return b"\n".join(msgspec.json.encode(event) for event in events)


def in_field(**options: Any) -> InField:
    return InField(InField.Options.model_validate({"name": "lawn", "zone": ZONE, "update_s": 0, **options}))


@st.composite
def walks(draw: st.DrawFn, track: int) -> Walk:
    times = sorted(draw(st.lists(st.integers(0, 100), min_size=2, max_size=6, unique=True)))
    place = st.floats(0.1, 0.9)
    first = draw(st.integers(0, 90)) / 10
    return Walk(
        stops=[(time / 10, draw(place), draw(place)) for time in times],
        track=track,
        class_id=draw(st.integers(0, 1)),
        confidence=draw(st.floats(0.3, 0.9)),
        jitter=draw(st.sampled_from([0.0, 0.01, 0.03])),
        missed=[(first, first + draw(st.floats(0.1, 3)))],
        switches=[(draw(st.floats(0, 10)), track + 100)] if draw(st.booleans()) else [],
    )


@st.composite
def scripts(draw: st.DrawFn, camera: str = "gate") -> Script:
    still, away = draw(st.integers(0, 90)) / 10, draw(st.integers(0, 90)) / 10
    return Script(
        walks=[draw(walks(track)) for track in range(1, draw(st.integers(2, 4)))],
        seconds=10,
        fps=draw(st.sampled_from([5, 8])),
        camera=camera,
        static=[(still, still + 2)],
        dropped=[(away, away + 1)],
        seed=draw(st.integers(0, 99)),
    )


@st.composite
def logs(draw: st.DrawFn, camera: str = "gate") -> list[Record]:
    records = draw(scripts(camera)).records()
    if draw(st.booleans()):
        at = draw(st.integers(3, len(records) - 2))
        before = records[at - 1]
        assert isinstance(before, FrameRecord)
        media_ns = before.frame.media_ns + 1
        records[at:at] = [StreamRecord(False, media_ns, None, "gone"), StreamRecord(True, media_ns, None, "back")]
    return records


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_an_interruption_at_any_record_changes_no_byte(records: list[Record], data: st.DataObject) -> None:
    whole = stage(rules())
    expected = whole.process("gate", records).events
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=4)))
    current, events = stage(rules()), []
    for start, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        events += current.process("gate", records[start:end]).events
        kept = current.state("gate")
        current = stage(rules())
        current.restore("gate", kept)
        assert current.state("gate") == kept
    assert written(events) == written(expected)
    assert current.state("gate") == whole.state("gate")


@settings(max_examples=25, deadline=None)
@given(logs("gate"), logs("yard"), st.randoms(use_true_random=False))
def test_interleaved_cameras_say_what_each_says_alone(gate: list[Record], yard: list[Record], random: Any) -> None:
    alone = {c: written(stage(rules()).process(c, records).events) for c, records in (("gate", gate), ("yard", yard))}
    both = stage(rules())
    told: dict[str, list[Event]] = {"gate": [], "yard": []}
    todo = {"gate": list(gate), "yard": list(yard)}
    while any(todo.values()):
        camera = random.choice([camera for camera, records in todo.items() if records])
        size = random.randint(1, 9)
        told[camera] += both.process(camera, todo[camera][:size]).events
        del todo[camera][:size]
    assert {camera: written(events) for camera, events in told.items()} == alone


@settings(max_examples=60, deadline=None)
@given(logs())
def test_every_event_starts_once_ends_once_and_names_are_unique(records: list[Record]) -> None:
    events = stage(rules()).process("gate", records).events
    assert [event.ordinal for event in events] == list(range(1, len(events) + 1))
    assert len({event.message_id for event in events}) == len(events)
    times = [event.media_time for event in events]
    assert times == sorted(times)
    for identity in {event.id for event in events}:
        kinds = [event.type for event in events if event.id == identity]
        assert kinds[0] == "start"
        assert kinds[-1] == "end"
        assert set(kinds[1:-1]) <= {"update"}
    assert all(event.ended for event in events if event.type == "end")


def test_an_event_tells_all_that_the_contract_asks() -> None:
    script = Script(walks=[STAND], seconds=5, start_wall_ns=1_800_000_000 * SECOND)
    event = stage([in_field(severity="high")]).process("gate", script.records()).events[0]
    assert (event.type, event.rule, event.name, event.severity) == ("start", "in_field", "lawn", "high")
    assert (event.media_time, event.frame, event.correlation_id) == (0.5, 6, "gate/0/5")
    assert event.wall_time == "2027-01-15T08:00:00.500000Z"
    assert event.object is not None
    assert (event.object.class_name, event.object.track_id) == ("person", 1)
    assert event.object.box == (0.475, 0.3, 0.525, 0.5)
    assert event.object.box_px == (475.0, 300.0, 525.0, 500.0)
    assert event.object.path[0] == (0.5, 0.5, 0.0)
    assert event.score_history == [(round(i / 10, 6), 0.8) for i in range(6)]
    assert event.region == {"zone": [list(point) for point in ZONE]}
    assert event.evidence == {"snapshot": f"media/{event.message_id}.jpg"}
    assert event.model == {"name": "scripted", "sha256": "0" * 64}
    assert event.analysis_sha256 == "a" * 64
    assert event.version == version()
    assert [entry["predicate"] for entry in event.why] == [
        "first_seen",
        "anchor_in_zone",
        "age_s",
        "median_confidence",
        "held_s",
        "repeated",
    ]


def test_a_long_path_is_thinned_to_64_points_and_ends_where_the_object_is() -> None:
    walk = Walk(stops=[(0, 0.1, 0.5), (100, 0.9, 0.5)])
    rule = InField(InField.Options(name="all", update_s=0))
    end = stage([rule]).process("gate", Script(walks=[walk], seconds=100, fps=25).records()).events[-1]
    assert end.object is not None
    path = end.object.path
    assert 32 <= len(path) <= 64
    assert (path[0][2], path[-1][2]) == (0.0, 100.0)
    steps = {round(b[2] - a[2], 6) for a, b in pairwise(path[:-1])}
    assert len(steps) == 1


def test_a_camera_that_goes_away_ends_its_events_as_evidence_lost() -> None:
    records = Script(walks=[STAND], seconds=5, end=None).records()
    events = stage([in_field()]).process("gate", [*records, StreamRecord(False, 6 * SECOND, None, "timeout")]).events
    assert [(event.type, event.ended, event.media_time) for event in events[1:]] == [("end", "evidence_lost", 6.0)]
    assert "evidence_lost" in events[-1].reason


@pytest.mark.parametrize(
    ("reason", "ended"), [("eof", "end_of_stream"), ("stopped", "end_of_stream"), ("failed: gone", "evidence_lost")]
)
def test_the_end_of_the_stream_ends_open_events(reason: str, ended: str) -> None:
    records = [*Script(walks=[STAND], seconds=5, end=None).records(), EndRecord(50, reason)]
    assert stage([in_field()]).process("gate", records).events[-1].ended == ended


def test_an_unknown_class_is_refused_with_the_known_ones() -> None:
    script = Script(walks=[STAND], seconds=1, names=["person", "bicycle"])
    rule = in_field(classes=["persn", "person"])
    with pytest.raises(UsageError, match=r"knows no class 'persn'; did you mean 'person'.*person, bicycle"):
        stage([rule]).process("gate", script.records())


def test_two_rules_of_one_name_on_one_camera_are_refused() -> None:
    with pytest.raises(UsageError, match="two rules on gate are named 'lawn'"):
        stage([in_field(), in_field(cameras=["gate"])])
    stage([in_field(cameras=["yard"]), in_field(cameras=["gate"])])


def test_a_rule_watches_its_own_cameras_only() -> None:
    script = Script(walks=[STAND], seconds=3)
    assert stage([in_field(cameras=["yard"])]).process("gate", script.records()).events == []


def test_a_frame_before_the_header_is_an_error() -> None:
    with pytest.raises(LogError, match="before its header"):
        stage([]).process("gate", Script(walks=[], seconds=1).records()[2:])


def test_state_of_other_rules_is_refused() -> None:
    one = stage([in_field()])
    with pytest.raises(StoreError, match="is of rules"):
        stage([in_field(name="other")]).restore("gate", one.state("gate"))
    with pytest.raises(StoreError, match="cannot be read"):
        stage([in_field()]).restore("gate", b"nonsense")


def test_live_runs_have_ids_of_their_own_and_a_replay_has_the_same() -> None:
    def ids(start: int) -> list[str]:
        script = Script(walks=[STAND], seconds=3, live=True, start_wall_ns=start)
        return [event.id for event in stage([in_field()]).process("gate", script.records()).events]

    assert ids(5) == ids(5)
    assert not set(ids(5)) & set(ids(6))


def test_a_schedule_decides_when_events_start() -> None:
    noon = 1_800_014_400 * SECOND  # 2027-01-15 12:00 UTC
    schedule = {"hours": "12:00-12:01", "days": ["fri"]}
    for start, expected in ((noon - 10 * SECOND, 10.0), (noon, 0.5), (noon + 60 * SECOND, None)):
        script = Script(walks=[STAND], seconds=20, start_wall_ns=start)
        events = stage([in_field(schedule=schedule)]).process("gate", script.records()).events
        assert (events[0].media_time if events else None) == expected


def test_a_schedule_without_wall_time_is_not_checkable_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    records = Script(walks=[STAND], seconds=20).records()
    with caplog.at_level(logging.WARNING):
        first = stage([in_field(schedule={})])
        assert first.process("gate", records[:100]).events == []
        second = stage([in_field(schedule={})])
        second.restore("gate", first.state("gate"))
        assert second.process("gate", records[100:]).events == []
    assert len([each for each in caplog.records if "not checkable" in each.getMessage()]) == 1


def test_tracks_are_given_out_for_every_frame() -> None:
    script = Script(walks=[STAND], seconds=2, static=[(1, 1.5)], dropped=[(1.5, 1.9)])
    tracked = stage([]).process("gate", script.records()).tracked
    assert [frame.index for frame in tracked] == list(range(21))
    assert all(len(frame.tracks) == 1 for frame in tracked)

"""Synthetic pictures, measured as capture does, and what the rule makes of them."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from msgspec import structs
from pydantic import ValidationError

from pipeline.clock import SECOND
from pipeline.messages import Event, FrameRecord, Record, StreamRecord
from pipeline.registry import MEASUREMENTS, resolve
from pipeline.stage import Picture
from pipeline.testing import Script, ScriptedTracker
from stages.alert.options import AlertOptions
from stages.alert.rules.camera_health import CameraHealth
from stages.alert.rules.conditions import CONDITIONS, Limits, Usual, Verdict, judge, teach
from stages.alert.rules.together import AnyOf
from stages.alert.stage import AlertStage
from stages.alert.verdict import verdict

FPS = 5
Scene = Callable[[float], Picture]
"""A picture by seconds."""


def rule(**options: Any) -> CameraHealth:
    return CameraHealth(CameraHealth.Options.model_validate(options))


def houses() -> Picture:
    rng = np.random.default_rng(1)
    picture = np.full((180, 320, 3), 110, np.uint8)
    for _ in range(120):
        x, y, wide, high = rng.integers((-10, -10, 8, 8), (310, 170, 40, 40)).tolist()
        picture[max(0, y) : y + high, max(0, x) : x + wide] = rng.integers(60, 190, 3)
    return picture


HOUSES = houses()
NOISES = np.random.default_rng(0).normal(0, 2, (16, *HOUSES.shape)).astype(np.int16)


def street(light: float = 1.0) -> Picture:
    return np.asarray(np.clip(HOUSES * light, 0, 255), np.uint8)


def noisy(picture: Picture, number: int) -> Picture:
    return np.asarray(np.clip(picture + NOISES[number % 16], 0, 255), np.uint8)


def then(other: Picture, *, at: float = 20.0, until: float = 1000.0) -> Scene:
    """The street, and from ``at`` to ``until`` another picture; both with noise."""
    usual = street()
    return lambda seconds: noisy(other if at <= seconds < until else usual, round(seconds * FPS))


def records(scene: Scene, seconds: float = 40, more: Callable[[float], dict[str, Any]] | None = None) -> list[Record]:
    """The log of a camera that sees this scene."""
    meter = resolve("health", MEASUREMENTS)(None)

    def measured(at: float) -> dict[str, Any]:
        said = {"health": meter.measure(scene(at), round(at * SECOND))}
        return said | (more(at) if more is not None else {})

    return Script(walks=[], seconds=seconds, fps=FPS, measured=measured).records()


def stage(**options: Any) -> AlertStage:
    return AlertStage(AlertOptions(), rules=[rule(**options)], trackers=ScriptedTracker)


def events(log: list[Record], **options: Any) -> list[Event]:
    return [event for event in stage(**options).process("gate", log).events if event.type != "update"]


def told(found: list[Event]) -> list[tuple[str, str, float]]:
    """Type, condition and time; ends are named by their event."""
    names = {event.id: event.why[0].get("condition", "offline") for event in found if event.type == "start"}
    return [(event.type, names[event.id], event.media_time) for event in found]


BLURRED = np.asarray(cv2.GaussianBlur(street(), (0, 0), 5), np.uint8)
TURNED = np.ascontiguousarray(np.roll(street(), 32, axis=1))


@pytest.mark.parametrize(
    ("other", "condition", "reason"),
    [
        (np.zeros((180, 320, 3), np.uint8), "black", "the picture is black"),
        (street(0.15), "dark", "the picture is too dark to see anything"),
        (np.full((180, 320, 3), 70, np.uint8), "covered", "the camera is covered"),
        (BLURRED, "defocused", "the camera is out of focus"),
        (TURNED, "moved", "the camera was moved"),
        (np.ascontiguousarray(street()[::-1, ::-1]), "moved", "the camera was moved"),
    ],
)
def test_each_condition_is_told_after_three_seconds_and_ends_three_seconds_after_it(
    other: Picture, condition: str, reason: str
) -> None:
    found = events(records(then(other, until=30)))
    assert [(kind, name) for kind, name, _ in told(found)] == [("start", condition), ("end", condition)]
    assert found[0].media_time == pytest.approx(23.0, abs=0.7)
    assert found[1].media_time == pytest.approx(33.0, abs=0.7)
    assert found[0].reason.startswith(reason)
    assert found[1].ended == "left"
    assert condition in found[1].reason
    assert found[0].object is None


def test_a_frozen_picture_is_told() -> None:
    frozen = noisy(street(), 1)
    found = events(records(lambda s: frozen if 20 <= s < 30 else noisy(street(), round(s * FPS))))
    assert [(kind, name) for kind, name, _ in told(found)] == [("start", "frozen"), ("end", "frozen")]
    assert found[0].media_time == pytest.approx(24.0, abs=0.5)
    assert "has not changed for" in found[0].reason


def test_a_picture_that_freezes_again_is_told_again() -> None:
    frozen = noisy(street(), 1)

    def scene(seconds: float) -> Picture:
        return frozen if 20 <= seconds < 30 or 40 <= seconds < 50 else noisy(street(), round(seconds * FPS))

    found = events(records(scene, 60), rearm_s=0)
    assert [kind for kind, _, _ in told(found)] == ["start", "end", "start", "end"]
    assert {name for _, name, _ in told(found)} == {"frozen"}
    assert found[2].media_time == pytest.approx(44.0, abs=0.5)


def test_a_picture_that_was_frozen_when_the_camera_went_teaches_nothing() -> None:
    frozen = noisy(street(), 1)
    log = records(lambda s: frozen if 16 <= s < 20 or s >= 40 else noisy(street(), round(s * FPS)), 50)
    away = next(n for n, each in enumerate(log) if isinstance(each, FrameRecord) and each.frame.media_ns >= 20 * SECOND)
    gone, back = StreamRecord(False, 20 * SECOND, None, "gone"), StreamRecord(True, 20 * SECOND, None, "frames arrive")
    found = events([*log[:away], gone, back, *log[away:]], conditions=["frozen"], learn_s=5, frozen_s=5)
    assert [(kind, name) for kind, name, _ in told(found)] == [("start", "frozen"), ("end", "frozen")]


def test_how_long_a_picture_repeated_itself_is_forgotten_while_it_changes_and_only_then() -> None:
    limits = Limits(1.0, 10, 25, 0.3, 0.5, 0.03, 2.0, 10.0)
    changing = {"mean": 100.0, "spread": 40.0, "fine": 20.0, "coarse": 30.0, "noise": 2.0, "same_s": 0.0}
    for same_s, checkable in ((0.0, True), (500.0, False)):
        usual = Usual(seen_s=100.0, fine=20.0, coarse=30.0, noise=2.0, repeats_s=9.0)
        said, well = changing | {"same_s": same_s, "usual_s": 0.0}, dict.fromkeys(CONDITIONS, Verdict(False))
        for second in range(80_000):
            teach(said, well, usual, limits, second * SECOND)
        assert (judge(said, usual, limits, None)["frozen"].holds is not None) is checkable


def test_where_the_picture_has_no_noise_frozen_cannot_be_checked() -> None:
    assert events(records(lambda _: street(), 60)) == []
    found = events(records(lambda s: street() if s < 30 else TURNED, 40))
    assert found[0].why[0]["not_checkable"]["frozen"] == "the picture has no noise: it often repeats itself"


def test_what_cannot_be_checked_for_a_minute_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    events(records(lambda _: HOUSES, 90))
    reason = "frozen cannot be checked: the picture has no noise: it often repeats itself"
    assert [record.getMessage() for record in caplog.records] == [f"camera gate: rule 'camera_health': {reason}"]


def test_a_stream_that_repeats_itself_between_key_frames_is_not_frozen() -> None:
    assert events(records(lambda s: noisy(street(), int(s / 2)), 40)) == []


def test_a_light_that_is_switched_on_or_off_is_nothing() -> None:
    assert events(records(then(street(1.35), until=30))) == []
    assert events(records(then(street(0.5), until=30))) == []


def test_people_and_a_bus_are_nothing() -> None:
    def scene(seconds: float) -> Picture:
        picture = noisy(street(), round(seconds * FPS))
        left = int(320 * (seconds % 10) / 10) - 60
        picture[90:170, max(0, left) : max(0, left + 120)] = (40, 40, 200)
        return picture

    assert events(records(scene)) == []


def test_a_lasting_condition_is_one_event() -> None:
    assert len(events(records(then(BLURRED), 100))) == 2


def test_what_is_over_in_time_is_nothing() -> None:
    assert events(records(then(np.zeros_like(street()), until=22.5))) == []


def test_at_night_sharpness_and_view_cannot_be_checked_and_open_events_go_on() -> None:
    def scene(seconds: float) -> Picture:
        if seconds < 20:
            return noisy(street(), round(seconds * FPS))
        return noisy(np.asarray(BLURRED * (0.1 if 28 <= seconds < 40 else 1.0), np.uint8), round(seconds * FPS))

    found = events(records(scene, 45))
    assert [(kind, name) for kind, name, _ in told(found)] == [
        ("start", "defocused"),
        ("start", "dark"),
        ("end", "dark"),
        ("end", "defocused"),
    ]
    assert found[1].why[0]["not_checkable"]["defocused"] == "the picture is dark"
    assert found[-1].ended == "end_of_stream"


def test_while_the_usual_picture_is_learned_covered_and_defocused_cannot_be_checked() -> None:
    found = events(records(then(np.full_like(street(), 70), at=4, until=9), 30))
    assert [name for _, name, _ in told(found)] == []


def test_a_clock_that_is_off_is_told_and_one_that_nothing_tells_is_not() -> None:
    def drifting(seconds: float) -> dict[str, Any]:
        return {"clock_drift": -7.5} if seconds >= 20 else {}

    found = events(records(then(street()), more=drifting))
    assert [(kind, name) for kind, name, _ in told(found)] == [("start", "clock_drift"), ("end", "clock_drift")]
    assert found[0].reason == "the camera's clock is 7.5 s off"


def offline(online_at: float | None = 30.0) -> list[Record]:
    """The camera goes away at 20 s."""
    log = records(then(street()))
    away = next(n for n, record in enumerate(log) if getattr(record, "frame", None) and record.frame.media_ns >= 20e9)  # type: ignore[union-attr]  # a frame record has one
    back = [] if online_at is None else [StreamRecord(True, round(online_at * SECOND), None, "frames arrive")]
    gone = StreamRecord(False, 20 * SECOND, None, "no route to host")
    kept = [r for r in log[away:-1] if online_at is not None and r.frame.media_ns >= online_at * 1e9]  # type: ignore[union-attr]
    return [*log[:away], gone, gone, *back, *kept, log[-1]]


def test_a_camera_that_goes_offline_is_told_at_once_and_ends_when_it_is_back() -> None:
    found = events(offline())
    assert told(found) == [("start", "offline", 20.0), ("end", "offline", 30.0)]
    assert found[0].reason == "the camera is offline (no route to host)"
    assert found[0].why[0]["condition"] == "offline"
    assert found[0].evidence == {}, "no frame shows it"
    assert found[1].ended == "left"


def test_a_camera_that_stays_away_ends_with_the_stream_and_not_before_it_began() -> None:
    found = events(offline(None))
    assert told(found) == [("start", "offline", 20.0), ("end", "offline", 20.0)]
    assert found[1].ended == "end_of_stream"


def test_a_camera_that_was_never_there_is_told() -> None:
    log = records(then(street()), 1)
    found = events([*log[:2], StreamRecord(False, -1, 5 * SECOND, "connection refused"), log[-1]])
    assert [(event.type, event.frame) for event in found] == [("start", 0), ("end", 0)]


def test_what_was_open_ends_as_evidence_lost_when_the_camera_goes() -> None:
    log = records(then(BLURRED))
    found = events([*log[:-1], StreamRecord(False, 41 * SECOND, None, "gone"), log[-1]])
    assert [(event.type, event.ended) for event in found[:3]] == [
        ("start", ""),
        ("end", "evidence_lost"),
        ("start", ""),
    ]


def test_pictures_of_another_size_are_learned_anew() -> None:
    larger = np.asarray(cv2.resize(HOUSES, (1280, 720), interpolation=cv2.INTER_CUBIC), np.uint8)
    log = records(lambda seconds: noisy(street(), round(seconds * FPS)) if seconds < 15 else larger, 30)
    sized = [
        structs.replace(record, frame=structs.replace(record.frame, width=1280, height=720))
        if isinstance(record, FrameRecord) and record.frame.media_ns >= 15 * SECOND
        else record
        for record in log
    ]
    assert events(sized, conditions=["covered", "defocused", "moved"]) == []


def test_only_the_conditions_that_are_named_are_told() -> None:
    assert events(offline(), conditions=["moved"]) == []
    assert events(records(then(BLURRED)), conditions=["offline", "moved"]) == []
    with pytest.raises(ValidationError, match="name at least one condition"):
        rule(conditions=[])
    with pytest.raises(ValidationError, match="dark"):
        rule(dark=5)


@pytest.mark.parametrize(
    ("other", "condition", "sentence"),
    [(BLURRED, "defocused", "the camera is out of focus"), (TURNED, "moved", "the camera was moved")],
)
def test_as_a_part_of_another_rule_it_says_which_condition_holds(other: Picture, condition: str, sentence: str) -> None:
    parts = [{"rule": "camera_health"}, {"rule": "crowding", "limit": 3}]
    either = AnyOf(AnyOf.Options.model_validate({"name": "either", "about": "camera", "of": parts}))
    log = records(then(other))
    found = AlertStage(AlertOptions(), rules=[either], trackers=ScriptedTracker).process("gate", log).events
    assert found[0].reason.startswith(sentence)
    assert found[0].why[0]["parts"][0]["condition"] == condition


def test_offline_alone_is_refused_as_a_part_of_another_rule() -> None:
    parts = [{"rule": "camera_health", "conditions": ["offline"]}, {"rule": "crowding", "limit": 3}]
    with pytest.raises(ValidationError, match="camera_health with offline alone can be no part of another rule"):
        AnyOf.Options.model_validate({"name": "either", "about": "camera", "of": parts})


def test_it_goes_on_from_its_saved_state_at_any_record() -> None:
    log = [*offline()[:-1], *records(then(BLURRED, at=0), 48)[-41:]]
    whole, parts = stage(), stage()
    found = whole.process("gate", log).events
    pieces: list[Event] = []
    for record in log:
        saved = parts.state("gate")
        parts = stage()
        parts.restore("gate", saved)
        pieces += parts.process("gate", [record]).events
    assert pieces == found != []
    assert parts.state("gate") == whole.state("gate")


def test_its_verdicts_can_be_computed_again_from_the_record() -> None:
    for log in (offline(), records(then(BLURRED)), records(then(TURNED))):
        start = events(log)[0]
        assert verdict(start).said == "raised", verdict(start).failed

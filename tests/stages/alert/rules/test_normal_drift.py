"""Days of people who cross a street, generated: calibration is asked for when they change, and only then."""

import math
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from lab.normal.alarms import Reports
from lab.normal.keeping import keep
from lab.normal.learning import footage_of
from lab.normal.suspicion import suspicion
from pipeline.clock import SECOND
from pipeline.detections import Detections
from pipeline.messages import (
    SCHEMA,
    ChangeRecord,
    EndRecord,
    EngineRecord,
    Event,
    Frame,
    FrameRecord,
    LogHeader,
    Record,
    Status,
)
from pipeline.testing import ScriptedTracker
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.observed import Observed, observe_scene
from stages.alert.normal.store import CURRENT, read
from stages.alert.options import AlertOptions
from stages.alert.rule import Claim
from stages.alert.rules.normal_drift import SLICES, NormalDrift, NormalDriftOptions, Past
from stages.alert.scene import Scene
from stages.alert.stage import AlertStage
from stages.alert.verdict import verdict
from stages.capture.flow import LOW, STEPS

ROWS, COLUMNS = 6, 8
EVERY_S = 60.0
"""Between two frames: a day is 1440 of them, and counts as 288 blocks."""
PER_HOUR = 120
DAY_H = 24.0


HOUR_NS = 3600 * SECOND


def scenes(seed: int, *, hours: float, start_h: float = 0.0, faster: float = 1.0) -> Iterator[Scene]:
    """People who walk from left to right, more of them at noon than at midnight; ``faster``: all of them."""
    random = np.random.default_rng(seed)
    there: list[tuple[float, float, float, int]] = []
    number = 0
    for index in range(int(hours * 3600 / EVERY_S)):
        now = start_h * 3600 + index * EVERY_S
        busy = PER_HOUR * (1 + 0.5 * math.sin(now / 86400 * 2 * math.pi)) * EVERY_S / 3600
        for _ in range(random.poisson(busy)):
            number += 1
            there.append((now, float(random.uniform(0.4, 0.95)), float(np.exp(random.normal(0, 0.25))), number))
        there = [each for each in there if (now - each[0]) * 0.02 * each[2] < 1]
        speed = random.exponential(0.3, (ROWS, COLUMNS))
        boxes = []
        for since, foot, pace, _ in there:
            x = (now - since) * 0.02 * pace
            box = np.clip([x - 0.04, foot - 0.3, x + 0.04, foot], 0, 1)
            boxes.append(box)
            gait = 30 * pace * foot * faster * random.normal(1, 0.1)
            speed[int(box[1] * ROWS) : int(box[3] * ROWS) + 1, int(box[0] * COLUMNS) : int(box[2] * COLUMNS) + 1] += (
                gait
            )
        steps = np.rint(np.log1p(speed / LOW) * STEPS).clip(0, 255).astype(np.uint8)
        flow = {"cells": [ROWS, COLUMNS], "span": [8.0, 6.0], "low": LOW, "steps": STEPS}
        yield Scene(
            Frame("gate", 0, index, round(now * SECOND), width=800, height=600),
            False,
            np.array([each[3] for each in there], np.int32),
            np.array([each[3] for each in there], np.int32),
            np.zeros(len(there), np.int32),
            np.array(boxes, np.float64).reshape(-1, 4),
            np.full(len(there), 0.8, np.float32),
            dict.fromkeys([each[3] for each in there]),  # type: ignore[arg-type]  # who is known; the rule asks no more
            features={"flow": flow | {"speed": zlib.compress(steps.tobytes(), 1)}},
        )


def seen(seed: int, **day: Any) -> list[Observed]:
    return [observe_scene(scene) for scene in scenes(seed, **day)]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learned from a day, calibrated on another."""
    model = fit([seen(1, hours=DAY_H)], names=("person",), detector="d" * 64)
    day = seen(2, hours=DAY_H)
    calibration = Calibration.of([suspicion(model, day)])
    folder = tmp_path_factory.mktemp("normal") / "street"
    keep(folder, "gate", model, calibration, footage_of([day], calibration.seconds))
    return folder


def rule(street: Path, **options: Any) -> NormalDrift:
    return NormalDrift(NormalDriftOptions.model_validate({"normal": street, **options}))


def claimed(one: NormalDrift, memory: dict[int, Any], day: Iterator[Scene]) -> list[tuple[float, Claim]]:
    """Hours of media time at which the rule begins to claim something, and what."""
    found: list[tuple[float, Claim]] = []
    before = False
    for scene in day:
        claims = one.look(scene, memory)
        if claims and not before:
            found.append((scene.frame.media_ns / HOUR_NS, claims[0]))
        before = bool(claims)
    return found


@pytest.mark.slow
def test_days_like_the_calibrated_one_raise_nothing_and_twice_the_speed_one_event_within_the_hours(
    street: Path,
) -> None:
    one = rule(street)
    memory: dict[int, Any] = {}
    assert claimed(one, memory, scenes(11, hours=4 * DAY_H)) == []
    ((hours, claim),) = claimed(one, memory, scenes(12, hours=1.5 * DAY_H, start_h=4 * DAY_H, faster=2.0))
    assert 0 < hours - 4 * DAY_H < one.options.hours
    assert claim.value >= claim.threshold == 0.25
    assert claim.facts["louder"]
    assert len(msgspec.msgpack.encode(memory[0].slices)) < 1200, "a day takes a kilobyte"


@pytest.mark.slow
def test_a_smaller_shift_that_chance_might_still_make_is_one_event_too(street: Path) -> None:
    one = rule(street)
    memory: dict[int, Any] = {}
    assert claimed(one, memory, scenes(26, hours=DAY_H)) == []
    assert len(claimed(one, memory, scenes(126, hours=14, start_h=DAY_H, faster=1.5))) == 1


def records(street: Path, day: Iterator[Scene], *, live: bool = False) -> list[Record]:
    """What the camera's log holds of it."""
    log: list[Record] = [
        LogHeader(SCHEMA, "gate", live, "a" * 64, "5" * 64),
        EngineRecord("scripted", {"name": "scripted", "sha256": "d" * 64}, ["person"]),
    ]
    if live:
        log.insert(1, ChangeRecord(str(street), (street / CURRENT).read_bytes()))
    for scene in day:
        found = Detections(
            (scene.box * [800, 600, 800, 600]).astype(np.float32),
            scene.vote,
            scene.class_id,
            scene.subject.astype(np.float32).reshape(-1, 1),
        )
        frame = msgspec.structs.replace(scene.frame, features=msgspec.msgpack.encode(scene.features))
        log.append(FrameRecord(frame, Status.ANALYSED, found.pack()))
    return [*log, EndRecord(len(log) - 3, "eof")]


def stage(one: NormalDrift) -> AlertStage:
    return AlertStage(AlertOptions(), rules=[one], trackers=ScriptedTracker)


def test_an_event_has_the_figures_the_command_and_its_generation_and_ends_with_the_video(street: Path) -> None:
    log = records(street, scenes(12, hours=8, start_h=2, faster=2.0))
    start, end = stage(rule(street, hours=6)).process("gate", log).events
    assert (start.type, end.type, start.severity) == ("start", "end", "low")
    assert start.object is None
    assert "of the last 6 h are higher than those it was calibrated on (stability index" in start.reason
    assert "learn again: bartizan learn RESULTS --camera gate --out DIR" in start.reason
    assert str(street.parent) not in msgspec.json.encode(start).decode(), "no path of this machine"
    entry = next(each for each in start.why if each["predicate"] == "stability_index")
    assert entry["normal"]["generation"] == 1
    assert entry["option"] == "stability"
    assert sum(entry["shares"]) == pytest.approx(1, abs=0.01)
    assert verdict(start).follows


def test_what_it_asks_to_learn_is_learned(street: Path) -> None:
    events = stage(rule(street, hours=6)).process("gate", records(street, scenes(12, hours=8, start_h=2, faster=2.0)))
    assert events.events
    assert Reports(events.events).alarms == {}


def test_saved_and_restored_anywhere_it_tells_the_same(street: Path) -> None:
    log = records(street, scenes(12, hours=8, start_h=2, faster=2.0), live=True)
    options = {"hours": 6, "online": True}
    whole = stage(rule(street, **options))
    expected = whole.process("gate", log).events
    for cut in (1, 2, 100, 363, 364, 400):
        one, other = stage(rule(street, **options)), stage(rule(street, **options))
        told = one.process("gate", log[:cut]).events
        other.restore("gate", one.state("gate"))
        assert told + other.process("gate", log[cut:]).events == expected != []
        assert other.state("gate") == whole.state("gate")


def test_another_generation_by_itself_ends_no_event(street: Path, tmp_path: Path) -> None:
    gate = Path(shutil.copytree(street, tmp_path / "street"))
    log = records(gate, scenes(12, hours=8, start_h=2, faster=2.0), live=True)
    first = read(gate)
    keep(gate, "gate", first.model, first.calibration, first.manifest.footage)
    log.insert(440, ChangeRecord(str(gate), (gate / CURRENT).read_bytes()))
    events: list[Event] = stage(rule(gate, hours=6, online=True)).process("gate", log).events
    assert [event.type for event in events] == ["start", "end"]
    frame = log[-2]
    assert isinstance(frame, FrameRecord)
    assert events[1].media_time == pytest.approx(frame.frame.media_ns / SECOND, abs=EVERY_S), "with the footage"


class Told(NormalDrift):
    """Is told blocks, not scenes."""

    def __init__(self, *, hours: float = 24.0) -> None:
        self.options = NormalDriftOptions.model_construct(hours=hours)
        self._slice_ns = round(hours * HOUR_NS / SLICES)
        self._taught = SimpleNamespace(name="gate")  # type: ignore[assignment]
        self.past = Past()

    def block(self, hour: float, score: float, calibration: Calibration) -> bool:
        """Whether there is a drift."""
        scene = SimpleNamespace(frame=SimpleNamespace(media_ns=round(hour * HOUR_NS), camera="gate"), sightings={})
        self.past.highest = score
        self._close(self.past, scene, SimpleNamespace(calibration=calibration, facts={}))  # type: ignore[arg-type]
        return bool(self.past.found)


def day_of(seed: int) -> Calibration:
    """Quiet at night: from 20 to 4 o'clock scores are a third."""
    times = (np.arange(86_400) * SECOND).astype(np.int64)
    scores = [score_at(hour / 360, random) for random in [np.random.default_rng(seed)] for hour in range(8640)]
    return Calibration.of([Segment(times, np.repeat(scores, 10))])


def score_at(hour: float, random: np.random.Generator, *, louder: float = 1.0) -> float:
    night = (hour + 4) % 24 < 8
    return float(random.exponential(2.0)) * louder * (1 / 3 if night else 1)


@pytest.fixture(scope="module")
def day() -> Calibration:
    return day_of(0)


def drifts(one: Told, day: Calibration, off: Callable[[float], bool], *, hours: float, louder: float) -> list[float]:
    """The hours at which there was a drift. A block a minute."""
    random = np.random.default_rng(5)
    there = [minute / 60 for minute in range(round(hours * 60)) if not off(minute / 60)]
    return [hour for hour in there if one.block(hour, score_at(hour, random, louder=louder), day)]


@pytest.mark.parametrize("off_h", [2.5, 3.2, 5.5])
def test_a_camera_that_is_off_every_night_is_told_that_it_drifted(day: Calibration, off_h: float) -> None:
    found = drifts(Told(), day, lambda hour: 1.0 <= hour % 24 < 1.0 + off_h, hours=72, louder=3.0)
    assert found
    assert found[0] < 48
    assert np.diff(found).max() < 7, "one episode: it does not end with each night"


@pytest.mark.parametrize("since", [20.0, 10.0, 40.0])
def test_a_day_of_which_a_part_is_missing_is_no_shift(day: Calibration, since: float) -> None:
    assert drifts(Told(), day, lambda hour: since <= hour < since + 6, hours=96, louder=1.0) == []


def test_half_days_alone_say_nothing(day: Calibration) -> None:
    assert drifts(Told(), day, lambda hour: hour % 24 < 12, hours=96, louder=3.0) == []


def test_hours_of_two_days_are_told_though_there_is_another_generation_each_day() -> None:
    random, one, found = np.random.default_rng(6), Told(hours=48), []
    for number in range(4):
        calibration = day_of(number + 10)
        for minute in range(24 * 60):
            hour = 24 * number + minute / 60
            found += [hour] if one.block(hour, score_at(hour, random, louder=3.0), calibration) else []
    assert 40 < found[0] < 52
    assert np.diff(found).max() < 0.1


def test_it_measures_motion_and_is_about_the_camera(street: Path) -> None:
    assert rule(street).options.needs == {"flow"}
    assert not rule(street).options.of_objects

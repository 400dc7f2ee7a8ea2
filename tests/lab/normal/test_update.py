"""``bartizan normal update`` from end to end, on what runs have logged: once, again, broken off, and given the wrong
things."""

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from lab.normal.giving import put
from lab.normal.keeping import keep
from lab.normal.learning import Learned
from lab.normal.normal_command import app
from lab.normal.reservoir import Entry, Reservoir
from lab.normal.update_command import update_normal
from pipeline.clock import SECOND
from pipeline.errors import UsageError
from pipeline.journal.log import LogWriter
from pipeline.messages import EndRecord, Event, LogHeader, StreamRecord
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.testing import Script, Walk
from stages.alert.normal.feedback import Feedback, Given, Shown, Spot
from stages.alert.normal.store import generations, read
from tests.lab.normal.minutes import MONDAY_NS

UPDATE = typer.Typer()
UPDATE.command()(update_normal)
DETECTOR = "0" * 64
"""Of a script."""
FPS = 2

Logging = Callable[..., Path]


def update(folder: Path, out: Path, *more: str) -> str:
    result = CliRunner().invoke(UPDATE, [str(folder), str(out), *more])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def everything(folder: Path) -> dict[str, bytes]:
    """All files, but for the lock."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each.name != ".lock"
    }


@pytest.fixture
def logging(tmp_path: Path, flow: dict[str, Any]) -> Logging:
    """Makes, or goes on with, the results of a run: people walk to and fro, one after the other."""
    quick = np.full(np.prod(flow["cells"]), 30, np.uint8)
    moving = {**flow, "speed": zlib.compress(quick.tobytes(), 1)}

    def make(
        seconds: float = 120,
        *,
        until: float | None = None,
        name: str = "results",
        events: Sequence[Event] = (),
        wall: bool = False,
        camera: str = "gate",
        measured: bool = True,
        away_at: float | None = None,
        ended: bool = True,
        fps: float = FPS,
        start: int = MONDAY_NS + 8 * 3600 * SECOND,
        stopped_at: float | None = None,
    ) -> Path:
        walks = [
            Walk(stops=[(20 * n, 0.1, 0.4 + 0.05 * (n % 7)), (20 * n + 15, 0.9, 0.4 + 0.05 * (n % 7))], track=n + 1)
            for n in range(int(seconds / 20))
        ]
        script = Script(
            walks=walks,
            seconds=seconds,
            fps=fps,
            camera=camera,
            live=wall,
            start_wall_ns=start if wall else None,
            measured=(lambda t: {"flow": moving if int(t) % 7 else flow}) if measured else None,
        )
        header, *records = script.records()
        assert isinstance(header, LogHeader)
        out = tmp_path / name
        (out / "logs").mkdir(parents=True, exist_ok=True)
        path = out / "logs" / f"{camera}.log"
        path.unlink(missing_ok=True)
        writer = LogWriter.open(path, header)
        kept = records if ended else records[:-1]
        for number, record in enumerate(kept):
            if until is not None and number > until * FPS:
                break
            if away_at is not None and number == away_at * FPS:
                writer.append(StreamRecord(False, (number - 1) * SECOND // FPS - 1, None, "stalled"))
            if stopped_at is not None and number == stopped_at * FPS:
                writer.append(EndRecord(number - 2, "stopped"))
            writer.append(record)
        writer.close()
        with EventStore.open(out / "events.db", analysis_sha256="a") as store:
            store.position(camera)
            store.commit(camera, list(events), Position(b"", path.stat().st_size, 1), lambda _: [])
        return out

    return make


@pytest.fixture
def gate(tmp_path: Path, learned: Learned) -> Path:
    """A model of the script's detector, learned from three minutes."""
    from dataclasses import replace

    folder = tmp_path / "gate"
    model = replace(learned.model, detector=DETECTOR, names=("person", "car"))
    keep(folder, "gate", model, learned.calibration, learned.footage)
    return folder


def test_what_a_run_logged_becomes_the_next_generation_and_nothing_new_writes_nothing(
    gate: Path, logging: Logging
) -> None:
    out = logging()
    first = read(gate)
    told = update(gate, out)
    assert told.startswith("looked at 2.0 minutes that are new; sample: 2 stretches, 2.0 minutes of unknown h")
    stored = read(gate)
    assert (stored.manifest.generation, stored.manifest.parent) == (2, first.digest)
    assert stored.manifest.footage.frames == 240
    before = everything(gate)
    assert update(gate, out).splitlines()[-1] == f"{gate}: nothing new; no new generation"
    assert everything(gate) == before
    shown = CliRunner().invoke(app, ["show", str(gate)]).output
    assert "sample for updates: 2 stretches" in shown


def test_one_update_and_many_give_the_same_sample(gate: Path, logging: Logging, tmp_path: Path) -> None:
    import shutil

    other = Path(shutil.copytree(gate, tmp_path / "other"))
    update(gate, logging(180, stopped_at=90))
    for seconds in (70, 71, 90, 110):
        out = logging(180, stopped_at=90, until=seconds, name="growing")
        update(other, out)
    out = logging(180, stopped_at=90, name="growing")
    update(other, out)
    once, often = (Reservoir.open(each, "gate") for each in (gate, other))
    assert [each.sha256 for each in once.index.entries] == [each.sha256 for each in often.index.entries]
    assert once.content == often.content
    before, after = (set().union(*(each.subjects for each in part)) for part in _parted(often))
    assert len(before & after) == 1, "who was there when the run was stopped, and nobody else"


def _parted(reservoir: Reservoir) -> tuple[list[Entry], list[Entry]]:
    """Up to a minute and a half, and from then on."""
    entries = reservoir.index.entries
    early = [each for each in entries if each.header.start_ns < 89 * SECOND]
    return early, [each for each in entries if each not in early]


def test_later_frames_than_the_runs_own_analysis_wait(gate: Path, logging: Logging) -> None:
    out = logging()
    with EventStore.open(out / "events.db", analysis_sha256=None) as store:
        store.position("gate")
        store.commit("gate", [], Position(b"", 30_000, 1), lambda _: [])
    assert update(gate, out).startswith("looked at 0 seconds that are new")


def test_an_update_that_was_killed_after_the_sample_is_done_by_the_next(gate: Path, logging: Logging) -> None:
    """The sample is on the disk, the generation is not; or it is, and nobody noted it."""
    out = logging()
    update(gate, out)
    done = everything(gate)
    reservoir = Reservoir.open(gate, "gate")
    taught, reservoir.index.taught = reservoir.index.taught, ""
    reservoir.commit()
    assert "nothing new" in update(gate, out)
    assert everything(gate) == done
    assert Reservoir.open(gate, "gate").index.taught == taught


def test_what_alarmed_is_left_out_and_said(gate: Path, logging: Logging) -> None:
    out = logging(events=walker())
    told_of = update(gate, out)
    assert "not learned: 1 object that alarmed, and" in told_of
    assert "around them or of other alarms (anomaly)" in told_of
    ordinary = update(gate, out, "--ordinary", "anomaly")
    assert "not learned" not in ordinary
    assert read(gate).manifest.generation == 3


def test_less_than_a_day_does_not_replace_what_was_learned_before(gate: Path, logging: Logging) -> None:
    told = update(gate, logging(wall=True))
    assert told.splitlines()[-1] == f"{gate}: gathering: 0.0 of 24 hours; no new generation"
    assert "2.0 minutes of 06-12 h" in told
    assert generations(gate) == [1]


def test_too_little_is_gathered_first(gate: Path, logging: Logging) -> None:
    told = update(gate, logging(70))
    assert told.splitlines()[-1].endswith("gathering: 1.2 of at least 1.5 minutes; no new generation")


def test_a_damaged_stretch_costs_one_line_and_the_others_go_on(gate: Path, logging: Logging) -> None:
    out = logging(180)
    update(gate, out)
    harmed = sorted((gate / "reservoir" / "stretches").iterdir())[0]
    harmed.write_bytes(b"?" * harmed.stat().st_size)
    told = update(gate, out)
    assert f"{harmed}: dropped: is not what was written: its digest differs" in told
    assert read(gate).manifest.footage.frames == 240


def test_a_break_ends_a_stretch(gate: Path, logging: Logging) -> None:
    update(gate, logging(away_at=90))
    starts = [each.header.start_ns / SECOND for each in Reservoir.open(gate, "gate").index.entries]
    assert len(starts) == 3
    assert starts[2] == pytest.approx(90, abs=1.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"camera": "yard"}, r"has no log of camera 'gate'; cameras there: yard"),
        ({"measured": False}, "motion was not measured in that run"),
    ],
)
def test_results_that_do_not_fit_are_refused_and_change_nothing(
    gate: Path, logging: Logging, wrong: dict[str, Any], message: str
) -> None:
    before = everything(gate)
    with pytest.raises(UsageError, match=message):
        update(gate, logging(**wrong))
    assert everything(gate) == before


def test_another_camera_another_detector_and_no_results_are_refused(
    gate: Path, kept: Path, logging: Logging, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"holds the model of camera 'gate'"):
        update(gate, logging(), "--camera", "yard")
    with pytest.raises(UsageError, match=r"was made with another detector \(sha256 000000000000\) than the model"):
        update(kept, logging())
    with pytest.raises(UsageError, match=r"is no folder of results"):
        update(gate, tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"--time-zone Mars: unknown"):
        update(gate, logging(), "--time-zone", "Mars")


def test_two_updates_at_once_are_one_too_many(gate: Path, logging: Logging) -> None:
    import fcntl

    (gate / "reservoir").mkdir()
    with (gate / "reservoir" / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another update is at work"):
            update(gate, logging())


def test_forgetting_takes_the_sample_along_and_export_leaves_it(gate: Path, logging: Logging, tmp_path: Path) -> None:
    import zipfile

    update(gate, logging())
    CliRunner().invoke(app, ["export", str(gate), str(tmp_path / "out.zip")])
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        assert not any("reservoir" in name for name in packed.namelist())
    assert CliRunner().invoke(app, ["reset", str(gate), "--yes"]).exit_code == 0
    assert not gate.exists()


def test_frames_are_those_that_learning_from_the_whole_run_sees(gate: Path, logging: Logging) -> None:
    from lab.normal.footage import watch_run

    out = logging()
    update(gate, out)
    sample = Reservoir.open(gate, "gate")
    frames = [f for each in sample.index.entries for f in sample.read(each).frames]
    (whole,) = watch_run(out, "gate").clips
    assert len(frames) == 240 == len(whole) - 1, "the last frame is of a minute to come"
    assert [each.subject.tolist() for each in frames] == [each.subject.tolist() for each in whole[: len(frames)]]


def test_what_alarmed_stays_left_out_when_its_events_are_pruned(gate: Path, logging: Logging) -> None:
    out = logging(240, until=121, events=walker())
    update(gate, out)
    assert read(gate).manifest.sample["objects_left_out"] == 1
    (out / "events.db").unlink()
    update(gate, logging(240))
    assert (read(gate).manifest.generation, read(gate).manifest.sample["objects_left_out"]) == (3, 1)


def test_an_open_alarm_whose_events_are_pruned_ends(gate: Path, logging: Logging) -> None:
    start = sample_event(rule="loitering", name="l", started=27.0, media_time=27.5, frame=1)
    out = logging(240, until=121, events=[start])
    update(gate, out)
    (out / "events.db").unlink()
    update(gate, logging(240))
    (alarm,) = Reservoir.open(gate, "gate").index.logs["5" * 64].alarms
    assert alarm.end_ns == Reservoir.open(gate, "gate").index.logs["5" * 64].reached_ns


def test_what_was_alarmed_falsely_is_learned_after_all_though_its_events_are_pruned(
    gate: Path, logging: Logging
) -> None:
    out = logging(240, until=121, events=walker())
    update(gate, out)
    (out / "events.db").unlink()
    update(gate, logging(240), "--ordinary", "a")
    assert read(gate).manifest.sample["objects_left_out"] == 0


def test_a_rule_about_the_recording_leaves_nothing_out(gate: Path, logging: Logging) -> None:
    start = sample_event(rule="not_recorded", name="n", started=1.0, media_time=1.0, frame=3)
    assert "not learned" not in update(gate, logging(events=[start]))
    assert read(gate).manifest.footage.frames == 240


@pytest.mark.parametrize("fps", [0.25, 0.1])
def test_a_slow_camera_gathers_longer_stretches(gate: Path, logging: Logging, fps: float) -> None:
    out = logging(1800, fps=fps)
    told = update(gate, out)
    entries = Reservoir.open(gate, "gate").index.entries
    assert min(each.frames for each in entries) >= 20
    assert sum(each.header.seconds for each in entries) > 1200, told


def test_a_camera_that_is_too_slow_is_told_of_and_not_read_again(gate: Path, logging: Logging) -> None:
    out = logging(3600, fps=1 / 90)
    assert "passed over: 57.0 minutes in pieces of fewer than 20 frames" in update(gate, out)
    assert "passed over" not in update(gate, out)


def test_what_a_wrong_clock_took_is_not_taken_in(gate: Path, logging: Logging) -> None:
    told = update(gate, logging(wall=True, start=MONDAY_NS + 20 * 365 * 86_400 * SECOND))
    assert "passed over: 2.0 minutes that by their clock are still to come (up to 2045-12-31 00:01 UTC)" in told
    assert Reservoir.open(gate, "gate").index.entries == []


def test_after_going_back_updates_wait_until_they_are_asked_to_go_on(gate: Path, logging: Logging) -> None:
    update(gate, logging(360, until=121))
    assert CliRunner().invoke(app, ["rollback", str(gate)]).exit_code == 0
    held = f"{gate}: held: generation 1 was put in use again after 2; --resume goes on from here; no new generation"
    for seconds in (181, 241):
        assert update(gate, logging(360, until=seconds)).splitlines()[-1] == held
    assert read(gate).manifest.generation == 1
    assert "generation 3" in update(gate, logging(360, until=301), "--resume")
    assert "generation 4" in update(gate, logging(360))


def test_going_on_lasts_though_nothing_was_new_then(gate: Path, logging: Logging) -> None:
    out = logging(240, until=121)
    update(gate, out)
    CliRunner().invoke(app, ["rollback", str(gate)])
    assert "nothing new" in update(gate, out, "--resume")
    assert "generation 3" in update(gate, logging(240))


def test_a_true_alarm_of_a_rule_in_shadow_is_left_out_and_taken_back_it_is_not(gate: Path, logging: Logging) -> None:
    out = logging()
    update(gate, out)
    first = read(gate)
    path = [Spot(t, (x - 0.025, 0.25, x + 0.025, 0.45), {}) for t in (25.0, 30.0) for x in [0.1 + 0.8 * (t - 20) / 15]]
    shown = [Shown(lead=True, kinds=["person"], over={}, surprise={}, path=path)]
    put(first, Feedback(given=[Given("b", "true_alarm", "odd", 25.0, "", 9.0, 2, shown=shown)]))
    assert "not learned: 1 object that alarmed" in update(gate, out)
    put(read(gate), Feedback())
    assert "not learned" not in update(gate, out)
    assert read(gate).manifest.sample["objects_left_out"] == 0


def walker() -> list[Event]:
    """The second walker in the middle of his way is unusual."""
    told = sample_event().object
    assert told is not None
    seen = msgspec.structs.replace(told, box=(0.475, 0.25, 0.525, 0.45), track_id=5)
    why = [{"time": 27.0, "predicate": "surprise", "value": 9.0, "comparison": ">=", "threshold": 7.0}]
    start = sample_event(rule="anomaly", name="a", started=27.0, media_time=27.5, frame=56, object=seen, why=why)
    end = sample_event(rule="anomaly", name="a", ordinal=2, type="end", started=27.0, media_time=35.0, frame=71)
    return [start, end]

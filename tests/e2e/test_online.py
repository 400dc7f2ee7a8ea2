"""A generation of a model of normal that is put in place while a camera runs: real processes, one of them killed."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from lab.normal.keeping import keep
from pipeline.clock import SECOND
from pipeline.journal.log import LogReader
from pipeline.messages import ChangeRecord, Event, Record
from pipeline.store.event_store import EventStore
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.model import NormalModel
from stages.alert.normal.store import GENERATIONS, Footage
from stages.detect.motion import MotionDetector
from tests.e2e.conftest import Start
from tests.e2e.running import Running, bartizan
from tests.stages.alert.normal.conftest import walkers

LIVE = "synthetic:320x240@10?boxes=3"
RECORDING = "synthetic:320x240@10?frames=150&boxes=3&recording=yes"


@pytest.fixture(scope="module")
def model() -> NormalModel:
    """One by which whatever moves in the pattern is unusual."""
    detector = MotionDetector(MotionDetector.Options()).model["sha256"]
    return fit([walkers(1, frames=60)], names=("object",), detector=detector)


def teach(folder: Path, model: NormalModel) -> None:
    """Put the next generation in place."""
    score = np.random.default_rng(0).exponential(1.0, 120)
    calibration = Calibration.of([Segment(np.arange(120) * SECOND, score)])
    keep(folder, "gate", model, calibration, Footage(120.0, 1, 60, 5, 10.0))


def configuration(folder: Path, source: str, **options: Any) -> Path:
    rule = {
        **{"rule": "anomaly", "normal": "normal/gate", "online": True, "threshold": 0.5},
        **{"rearm_s": 0, "enter_inertia_s": 0.2, "exit_inertia_s": 0.2, **options},
    }
    cameras = {"gate": {"source": source}}
    path = folder / "run.yml"
    path.write_text(json.dumps({"cameras": cameras, "stages": {"detect": {"kind": "motion"}}, "rules": [rule]}))
    return path


def records(out: Path) -> list[Record]:
    reader, found = LogReader(out / "logs" / "gate.log"), []
    try:
        while batch := reader.read(4096):
            found += [record for record, _ in batch]
    finally:
        reader.close()
    return found


def told(out: Path) -> list[Event]:
    """What stands in ``events.jsonl``."""
    return [msgspec.json.decode(line, type=Event) for line in (out / "events.jsonl").read_bytes().splitlines()]


def judges(events: Sequence[Event]) -> list[int]:
    """The generations by which these events were started, in their order."""
    return [
        entry["normal"]["generation"]
        for event in events
        if event.type == "start"
        for entry in event.why
        if "normal" in entry
    ]


def replayed(*arguments: str | Path, code: int = 0) -> str:
    done = bartizan("replay", *arguments, code=code)
    return done.stdout + done.stderr


def wait_event(run: Running, generation: int) -> None:
    """Until the store has an event that this generation judged."""

    def is_there() -> bool:
        with EventStore.open(run.out / "events.db", analysis_sha256=None) as store:
            return generation in judges([row.event for row in store.events("content")])

    run.wait_for(is_there, f"an event by generation {generation}")


@pytest.mark.slow
def test_a_running_camera_takes_up_each_generation_where_its_log_says_so(
    start: Start, short_dir: Path, model: NormalModel
) -> None:
    gate, out = short_dir / "normal" / "gate", short_dir / "out"
    path = configuration(short_dir, LIVE)
    run = start(["run", str(path), "--out", str(out), "--set", "supervisor.backoff_first_s=0.1"], out)
    run.wait_frames("gate", 5)
    teach(gate, model)
    wait_event(run, 1)
    run.signal("alert", signal.SIGKILL)
    teach(gate, model)
    wait_event(run, 2)
    assert run.stop() == 0, run.said()
    said = run.said()
    assert "rule 'anomaly' is learning: there is no model of normal in" in said
    assert "is armed (threshold 0.5) by generation 1 of" in said
    teach(gate, model)  # while nothing runs: results are gone on with, the generation is no part of the analysis
    run = start(["run", str(path), "--out", str(out)], out)
    wait_event(run, 3)
    assert run.stop() == 0, run.said()
    log = records(out)
    named = [json.loads(each.value or b"{}").get("generation") for each in log if isinstance(each, ChangeRecord)]
    assert named == [None, 1, 2, 3]
    assert isinstance(log[1], ChangeRecord), "said before the first frame"
    found = judges(told(out))
    assert found == sorted(found)
    assert set(found) == {1, 2, 3}
    again = short_dir / "again.jsonl"
    assert "identical to the byte" in replayed(out, "--check", "--events", again)
    assert again.read_bytes() == (out / "events.jsonl").read_bytes()
    (gate / GENERATIONS / "1").rename(gate / GENERATIONS / "1.away")
    assert "generation 1 is gone; there: 2, 3" in replayed(out, code=3)


@pytest.mark.slow
def test_a_recording_keeps_to_the_generation_named_before_its_first_frame(
    start: Start, short_dir: Path, model: NormalModel
) -> None:
    gate, out = short_dir / "normal" / "gate", short_dir / "out"
    teach(gate, model)
    run = start(["run", str(configuration(short_dir, RECORDING)), "--out", str(out)], out)
    run.wait_frames("gate", 10)
    teach(gate, model)
    assert run.wait() == 0, run.said()
    changes = [place for place, each in enumerate(records(out)) if isinstance(each, ChangeRecord)]
    assert changes == [1]
    assert set(judges(told(out))) == {1}
    assert "identical to the byte" in replayed(out, "--check")

"""Footage that was never filmed: people who cross a picture, as the model of normal sees them."""

import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.normal.keeping import keep
from lab.normal.learning import Learned, learn
from pipeline.clock import SECOND
from pipeline.journal.log import LogWriter
from pipeline.messages import Event, LogHeader, StreamRecord
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.testing import Script, Walk
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.observed import Observed
from stages.capture.flow import FlowGrid
from stages.capture.options import CameraOptions

FPS = 5
ROWS, COLUMNS = 12, 16
DETECTOR = "d" * 64

Filming = Callable[..., list[Observed]]
Running = Callable[..., Path]


def film(seconds: float, seed: int = 0, *, fps: int = FPS) -> list[Observed]:
    """Someone comes every four seconds and crosses the picture in ten, faster or slower."""
    random = np.random.default_rng(seed)
    arrivals = np.cumsum(random.exponential(4.0, size=round(seconds / 2) + 5))
    paces, rows, widths = random.normal(0.1, 0.015, 400), random.uniform(0.4, 0.9, 400), random.normal(0.06, 0.005, 400)
    clip = []
    for frame in range(round(seconds * fps)):
        now = frame / fps
        there = [who for who, came in enumerate(arrivals) if came <= now < came + 0.9 / paces[who]]
        left = np.array([0.02 + (now - arrivals[who]) * paces[who] for who in there])
        foot, wide = rows[there], widths[there] * rows[there] + random.normal(0, 0.002, len(there))
        box = np.clip(np.stack([left, foot - 0.3, left + wide, foot], axis=1).reshape(-1, 4), 0, 1)
        speed = random.exponential(0.5, (ROWS, COLUMNS)).astype(np.float32)
        for (x0, y0, x1, y1), who in zip(box.tolist(), there, strict=True):
            cells = np.s_[int(y0 * ROWS) : int(y1 * ROWS) + 1, int(x0 * COLUMNS) : int(x1 * COLUMNS) + 1]
            speed[cells] += 360 * paces[who] * rows[who]
        flow = FlowField(speed, (float(COLUMNS), float(ROWS)))
        subjects, classes = np.array(there, np.int32) + 1, np.zeros(len(there), np.int32)
        sure = np.full(len(there), 0.8, np.float32)
        clip.append(Observed(frame, frame * SECOND // fps, subjects, classes, sure, box, flow))
    return clip


@pytest.fixture(scope="session")
def filming() -> Filming:
    return film


@pytest.fixture(scope="session")
def learned() -> Learned:
    """From three minutes in three clips."""
    return learn([film(60, seed) for seed in (1, 2, 3)], names=["person"], detector=DETECTOR)


@pytest.fixture(scope="session")
def kept(learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of normal with two generations, to be copied."""
    folder = tmp_path_factory.mktemp("kept") / "gate"
    for _ in range(2):
        keep(folder, "gate", learned.model, learned.calibration, learned.footage)
    return folder


@pytest.fixture
def gate(kept: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(kept, tmp_path / "gate"))


@pytest.fixture
def flow() -> dict[str, Any]:
    """What capture says of a picture that does not move."""
    grid, still = FlowGrid(CameraOptions(source="x")), np.full((240, 360, 3), 90, np.uint8)
    grid.measure(still, 0)
    told = grid.measure(still, 100_000_000)
    assert told is not None
    assert zlib.decompress(told["speed"]).count(0) > 100
    return dict(told)


@pytest.fixture
def run(tmp_path: Path, flow: dict[str, Any]) -> Running:
    """Makes the results of a run in which somebody walks through the picture for a minute and a half."""

    def make(*, events: Sequence[Event] = (), measured: bool = True, away_at: int | None = None) -> Path:
        walk = Walk(stops=[(0, 0.1, 0.6), (90, 0.9, 0.6)])
        script = Script(walks=[walk], seconds=90, fps=5, measured=(lambda _: {"flow": flow}) if measured else None)
        (tmp_path / "logs").mkdir()
        header, *records = script.records()
        assert isinstance(header, LogHeader)
        writer = LogWriter.open(tmp_path / "logs" / "gate.log", header)
        for number, record in enumerate(records):
            if number == away_at:
                writer.append(StreamRecord(False, (number - 1) * SECOND // 5 - 1, None, "stalled"))
            writer.append(record)
        writer.close()
        with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
            store.commit("gate", list(events), Position(b"", 1, 1), lambda _: [])
        return tmp_path

    return make

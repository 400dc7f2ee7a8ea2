"""Footage that was never filmed: people who cross a picture, as the model of normal sees them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lab.normal.keeping import keep
from lab.normal.learning import Learned, learn
from pipeline.clock import SECOND
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.observed import Observed

FPS = 5
ROWS, COLUMNS = 12, 16
DETECTOR = "d" * 64

Filming = Callable[..., list[Observed]]


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
        flow = FlowField(speed, np.zeros((ROWS, COLUMNS), np.uint8), (float(COLUMNS), float(ROWS)))
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


@pytest.fixture
def gate(learned: Learned, tmp_path: Path) -> Path:
    """The folder of a model of normal with two generations."""
    folder = tmp_path / "gate"
    for _ in range(2):
        keep(folder, "gate", learned.model, learned.calibration, learned.footage)
    return folder

"""Scenes for models of normal, without any picture: people who walk, and what capture would have measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.alert.normal.fitting import fit
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed

ROWS, COLUMNS = 40, 60


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One object of a frame."""

    x: float
    y: float
    """Its feet, as shares of the picture."""
    speed: float = 10.0
    """Of the picture inside its box; pixels a second."""
    width: float = 0.05
    height: float = 0.15
    class_id: int = 0
    subject: int = 1
    named: bool = True
    """Whether the detector sees it."""
    confidence: float = 0.8

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.x - self.width / 2, self.y - self.height, self.x + self.width / 2, self.y


def frame(index: int, things: Sequence[Thing], *, fps: float = 10.0) -> Observed:
    """What the model sees of a frame with these things in it."""
    speed = np.full((ROWS, COLUMNS), 0.2, np.float32)
    for thing in things:
        left, top, right, bottom = thing.box
        rows = slice(max(int(top * ROWS), 0), max(int(bottom * ROWS + 1), 0))
        speed[rows, max(int(left * COLUMNS), 0) : max(int(right * COLUMNS + 1), 0)] = thing.speed
    named = [thing for thing in things if thing.named]
    return Observed(
        index,
        round(index * SECOND / fps),
        np.array([thing.subject for thing in named], np.int32),
        np.array([thing.class_id for thing in named], np.int32),
        np.array([thing.confidence for thing in named], np.float32),
        np.clip(np.array([thing.box for thing in named], np.float64).reshape(-1, 4), 0, 1),
        FlowField(speed, (float(COLUMNS), float(ROWS))),
    )


def walkers(seed: int, *, frames: int = 300, fps: float = 10.0) -> list[Observed]:
    """Normal time: five people who walk to and fro, and are taken for others every 5 s.

    Near the lower edge they are three times as large and as fast.
    """
    random = np.random.default_rng(seed)
    rows, starts = random.uniform(0.4, 0.95, 5), random.uniform(0, 1, 5)
    seen = []
    for index in range(frames):
        things = []
        for number, (row, start) in enumerate(zip(rows.tolist(), starts.tolist(), strict=True), start=1):
            near = 1 + 2 * (row - 0.4) / 0.55
            size, pace = near * random.normal(1, 0.05), near * random.normal(1, 0.1)
            x = 0.05 + 0.9 * abs((start + index / fps * 0.03) % 2 - 1)
            subject = number + 5 * (index // 50)
            things.append(Thing(x=x, y=row, speed=8 * pace, width=0.03 * size, height=0.09 * size, subject=subject))
        seen.append(frame(index, things, fps=fps))
    return seen


@pytest.fixture(scope="session")
def normal() -> list[list[Observed]]:
    """Four clips of normal time."""
    return [walkers(seed) for seed in range(4)]


@pytest.fixture(scope="session")
def model(normal: list[list[Observed]]) -> NormalModel:
    """Learned from them."""
    return fit(normal, names=("person", "bicycle"), detector="d" * 64)


@pytest.fixture(scope="session")
def staged() -> Callable[..., list[Observed]]:
    """Normal time with things added: ``staged(thing, at=range(50, 100))``; the thing gets subject 99."""

    def stage(thing: Callable[[int], Thing], *, at: range, seed: int = 9) -> list[Observed]:
        seen = walkers(seed, frames=max(at) + 20)
        return [_with(each, thing(each.index)) if each.index in at else each for each in seen]

    return stage


def _with(seen: Observed, thing: Thing) -> Observed:
    assert seen.flow is not None
    alone = frame(seen.index, [thing])
    assert alone.flow is not None
    flow = FlowField(np.maximum(seen.flow.speed, alone.flow.speed), seen.flow.span)
    return Observed(
        seen.index,
        seen.media_ns,
        np.concatenate([seen.subject, alone.subject]),
        np.concatenate([seen.class_id, alone.class_id]),
        np.concatenate([seen.confidence, alone.confidence]),
        np.concatenate([seen.box, alone.box]),
        flow,
    )

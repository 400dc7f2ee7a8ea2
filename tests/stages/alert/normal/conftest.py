"""Scenes for models of normal, without any picture: people who walk, and what capture would have measured."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from lab.normal.keeping import keep
from lab.normal.learning import learn
from pipeline.clock import SECOND
from pipeline.detections import Detections
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, Frame, FrameRecord, LogHeader, Record, Status
from stages.alert.normal.fitting import fit
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.capture.flow import LOW, STEPS

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
    return [walkers(seed, frames=180) for seed in range(4)]


@pytest.fixture(scope="session")
def model(normal: list[list[Observed]]) -> NormalModel:
    """Learned from them."""
    return fit(normal, names=("person", "bicycle"), detector="d" * 64)


@pytest.fixture(scope="session")
def staged() -> Callable[..., list[Observed]]:
    """Normal time with things added: ``staged(thing, at=range(50, 100))``; the thing gets subject 99."""

    def stage(thing: Callable[[int], Thing], *, at: range, seed: int = 9) -> list[Observed]:
        seen = walkers(seed, frames=max(at) + 20)
        return [with_thing(each, thing(each.index)) if each.index in at else each for each in seen]

    return stage


def with_thing(seen: Observed, thing: Thing) -> Observed:
    """The same frame with one thing more."""
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


def records(seen: Sequence[Observed], *, sha256: str = "d" * 64, camera: str = "gate") -> list[Record]:
    """The log of a camera that saw this; identities are those of ``pipeline.testing.ScriptedTracker``."""
    engine = EngineRecord("scripted", {"name": "scripted", "sha256": sha256}, ["person", "bicycle"])
    log: list[Record] = [
        LogHeader(SCHEMA, camera, live=False, analysis_sha256="a" * 64, source_sha256="5" * 64),
        engine,
    ]
    for each in seen:
        features = {"flow": None if each.flow is None else _packed(each.flow)}
        media = Frame(
            camera, 0, each.index, each.media_ns, width=600, height=400, features=msgspec.msgpack.encode(features)
        )
        found = Detections(
            (each.box * [600, 400, 600, 400]).astype(np.float32),
            each.confidence,
            each.class_id,
            each.subject.astype(np.float32).reshape(-1, 1),
        )
        log.append(FrameRecord(media, Status.ANALYSED, found.pack()))
    return [*log, EndRecord(len(seen) - 1, "eof")]


def _packed(flow: FlowField) -> dict[str, Any]:
    """As ``stages.capture.flow`` says it."""
    steps = np.rint(np.log1p(flow.speed / LOW) * STEPS).astype(np.uint8)
    told = {"cells": list(flow.speed.shape), "span": list(flow.span), "low": LOW, "steps": STEPS}
    return told | {"speed": zlib.compress(steps.tobytes(), 1)}


@pytest.fixture(scope="session")
def folder(normal: list[list[Observed]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of normal of a camera, kept as ``bartizan learn`` keeps it."""
    learned = learn(normal, names=("person", "bicycle"), detector="d" * 64)
    where = tmp_path_factory.mktemp("normal") / "gate"
    keep(where, "gate", learned.model, learned.calibration, learned.footage)
    return where

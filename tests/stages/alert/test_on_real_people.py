"""Hand-labelled people of PETS 2009 S2.L1, made worse on purpose: misses, jitter, track ids that switch."""

import csv
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest

from pipeline.detections import Detections
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, Frame, FrameRecord, LogHeader, Record, Status
from pipeline.testing import ScriptedTracker
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.rules.in_field import InField
from stages.alert.rules.line_crossed import LineCrossed
from stages.alert.rules.loitering import Loitering
from stages.alert.stage import AlertStage

pytestmark = pytest.mark.footage
ZONE = ((0.35, 0.35), (0.75, 0.35), (0.75, 0.75), (0.35, 0.75))
FRAMES = 795


def log(truth: Path, *, missed: float = 0, jitter_px: float = 0, switch_frames: int = FRAMES) -> list[Record]:
    """The labels as a log at 10 fps; each person's track number changes every ``switch_frames``."""
    random = Random(0)
    boxes: dict[int, list[list[float]]] = {frame: [] for frame in range(1, FRAMES + 1)}
    for row in csv.reader(truth.read_text().splitlines()):
        if random.random() >= missed:
            boxes[int(row[0])].append([float(value) for value in row[1:6]])
    records: list[Record] = [LogHeader(SCHEMA, "pets", False, "a", "s"), EngineRecord("labels", {}, ["person"])]
    for number, people in boxes.items():
        sides = [[x, y, x + w, y + h] for _, x, y, w, h in people]
        xyxy = np.array([[side + random.gauss(0, jitter_px) for side in box] for box in sides], np.float32)
        names = [[person + 100 * ((number + 17 * person) // switch_frames)] for person, *_ in people]
        count = len(people)
        seen = Detections(
            xyxy.reshape(-1, 4),
            np.full(count, 0.8, np.float32),
            np.zeros(count, np.int32),
            np.array(names, np.float32).reshape(-1, 1),
        )
        frame = Frame("pets", 0, number - 1, (number - 1) * 100_000_000, width=768, height=576)
        records.append(FrameRecord(frame, Status.ANALYSED, seen.pack()))
    return [*records, EndRecord(FRAMES - 1, "eof")]


def starts(records: list[Record]) -> Counter[str]:
    rules: list[Rule] = [
        InField(InField.Options(name="square", zone=ZONE)),
        InField(InField.Options(name="view")),
        LineCrossed(LineCrossed.Options(name="path", line=((0.55, 0.2), (0.55, 0.95)))),
        Loitering(Loitering.Options(name="dawdling", zone=ZONE, seconds=10)),
    ]
    stage = AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker)
    return Counter(event.name for event in stage.process("pets", records).events if event.type == "start")


@pytest.fixture(scope="module")
def truth(footage: Path) -> Path:
    return footage / "videos" / "mot15" / "PETS09-S2L1" / "gt" / "gt.txt"


def test_missed_detections_and_jitter_change_each_count_by_one_at_most(truth: Path) -> None:
    clean, worse = starts(log(truth)), starts(log(truth, missed=0.15, jitter_px=2))
    assert clean.keys() == worse.keys()
    assert all(abs(clean[name] - worse[name]) <= 1 for name in clean)


def test_ninety_id_switches_add_only_a_few_events(truth: Path) -> None:
    clean, switched = starts(log(truth)), starts(log(truth, missed=0.15, jitter_px=2, switch_frames=50))
    assert clean.total() <= switched.total() <= clean.total() * 1.15

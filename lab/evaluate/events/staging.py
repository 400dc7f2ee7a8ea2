"""Zones and lines staged over ground-truth tracks of real recordings: the right events follow from the tracks.

Boxes of the truth are fed as detections to the real tracker and on to the rules, so what is scored is tracking and
rules together, on real ways of walking, and no detector.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from lab.evaluate.events.kind import KINDS, kind_of
from lab.evaluate.events.scoring import Alarm, Pairing, TrueEvent, Window, pair
from lab.evaluate.events.trial import rule_of
from lab.evaluate.events.view import Box, View
from lab.evaluate.events.view import Path as Way
from lab.evaluate.rows import Rows, read_mot
from lab.settings import LabSettings, load
from pipeline.clock import SECOND
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, Event, Frame, FrameRecord, LogHeader, Record, Status
from pipeline.registry import TRACKERS, resolve
from stages.alert.geometry import overlap
from stages.alert.options import AlertOptions
from stages.alert.stage import AlertStage

CONFIDENCE = 0.9
"""Stated for each box of the truth."""
CAMERA = "staged"


class Staging(LabSettings):
    """Rules staged over one recording."""

    name: str = Field(description="What the recording is called in tables.")
    width: int = Field(gt=0, description="Width of its pictures, in pixels.")
    height: int = Field(gt=0, description="Height of its pictures, in pixels.")
    fps: float = Field(gt=0, description="Frames a second.")
    frames: int = Field(gt=0, description="Number of frames.")
    rules: tuple[dict[str, Any], ...] = Field(min_length=1, description="Rules as in a configuration, with names.")


def read_staging(path: Path) -> Staging:
    """A staging file. Raises ``UsageError`` with its place for each fault, and for rules whose truth nobody knows."""
    staging = load(path, Staging)
    for options in staging.rules:
        kind = options.get("rule")
        if kind not in KINDS:
            raise UsageError(f"{path}: rule {kind!r}: its truth is not known; known: {', '.join(KINDS)}")
        try:
            rule_of(str(kind), options)
        except ValueError as error:
            fault = next((line.strip() for line in str(error).splitlines()[2:]), str(error))
            raise UsageError(f"{path}: rule {options.get('name', kind)!r}: {fault}") from error
    return staging


def stage(staging: Staging, truth: Path, window: Window) -> dict[str, Pairing]:
    """Score each rule, by its name. Raises ``UsageError`` for a truth that does not fit."""
    rows = read_mot(truth)
    if len(rows) and rows.frame.max() > staging.frames:
        raise UsageError(f"{truth}: has frame {rows.frame.max()}, but {staging.name} has {staging.frames} frames")
    rules = [rule_of(options["rule"], options) for options in staging.rules]
    tracker = resolve("bytetrack", TRACKERS)
    alert = AlertStage(AlertOptions(), rules=rules, trackers=lambda _: tracker(tracker.Options()))
    events = alert.process(CAMERA, records_of(staging, rows)).events
    view, found = view_of(staging, rows), {}
    for rule in rules:
        wanted: list[TrueEvent] = kind_of(rule.options.rule).truth(view, rule.options)
        told = [alarm_of(event, view) for event in events if event.type == "start" and event.name == rule.options.title]
        found[rule.options.title] = pair(wanted, told, window)
    return found


def view_of(staging: Staging, rows: Rows) -> View:
    """Who is where at each frame, boxes clipped to the picture."""
    times = [round(index / staging.fps * SECOND) for index in range(staging.frames)]
    size = np.array([staging.width, staging.height, staging.width, staging.height], np.float64)
    shares = np.clip(rows.xyxy / size, 0.0, 1.0)
    ways = []
    for who in np.unique(rows.track_id).tolist():
        boxes: list[Box | None] = [None] * staging.frames
        for row in np.flatnonzero(rows.track_id == who).tolist():
            left, top, right, bottom = shares[row].tolist()
            boxes[int(rows.frame[row]) - 1] = (left, top, right, bottom)
        ways.append(Way(who, "person", boxes))
    return View(times, ways, staging.width, staging.height)


def records_of(staging: Staging, rows: Rows) -> list[Record]:
    """The log of a camera whose detector finds exactly the truth."""
    records: list[Record] = [
        LogHeader(SCHEMA, CAMERA, False, "a" * 64, "5" * 64),
        EngineRecord("truth", {"name": "truth", "sha256": "0" * 64}, ["person"]),
    ]
    for index in range(staging.frames):
        boxes = rows.xyxy[rows.frame == index + 1].astype(np.float32)
        many = len(boxes)
        seen = Detections(boxes, np.full(many, CONFIDENCE, np.float32), np.zeros(many, np.int32))
        media_ns = round(index / staging.fps * SECOND)
        frame = Frame(CAMERA, 0, index, media_ns, width=staging.width, height=staging.height)
        records.append(FrameRecord(frame, Status.ANALYSED, seen.pack()))
    return [*records, EndRecord(staging.frames - 1, "eof")]


def alarm_of(event: Event, view: View) -> Alarm:
    """The alarm, said of the object of the truth whose box is most like the event's; 0 where none is at all."""
    if event.object is None:
        return Alarm(event.media_time)
    best, most = 0, 0.0
    for path in view.paths:
        box = path.boxes[event.frame - 1]
        shared = overlap(box, event.object.box) if box is not None else 0.0
        if shared > most:
            best, most = path.who, shared
    return Alarm(event.media_time, best)

"""What stands still in real footage: a bag that is left, and streets, leaves and cyclists where nothing is.

Pictures are measured and analysed four times a second, as ``fps: 4`` would have it, by the detector that ships.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.messages import (
    SCHEMA,
    EndRecord,
    EngineRecord,
    Event,
    Frame,
    FrameRecord,
    LogHeader,
    Record,
    Status,
)
from pipeline.registry import DETECTORS, MEASUREMENTS, TRACKERS, resolve
from pipeline.stage import Detector, Picture, View
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.rules.abandoned_object import AbandonedObject
from stages.alert.rules.removed_object import RemovedObject
from stages.alert.stage import AlertStage

pytestmark = [pytest.mark.footage, pytest.mark.slow]
FPS = 4
OUT_OF_VIEW_S = (690 / 29.97, 720 / 29.97)
"""The owner in aboda/video4.avi leaves the picture between these frames (labels/abandoned_object.json)."""
BAG_PX = (448, 362, 502, 412)


@pytest.fixture(scope="module")
def detector() -> Detector:
    kind = resolve("yolo", DETECTORS)
    options = kind.Options(device="cpu", runtime="openvino", precision="f32")
    built: Detector = kind(options)
    return built


def pictures(video: Path) -> Iterator[tuple[int, Picture]]:
    """Media time and pixels, four a second."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        due = 0.0
        for frame in container.decode(stream):
            seconds = float(frame.time or 0)
            if seconds >= due:
                due = seconds + 0.999 / FPS
                yield round(seconds * SECOND), np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def log(video: Path, detector: Detector) -> list[Record]:
    """What the log of a camera that plays the video would hold."""
    still = resolve("still", MEASUREMENTS)(None)
    records: list[Record] = [LogHeader(SCHEMA, "clip", False, "a", "s"), EngineRecord("e", {}, detector.names)]
    number = -1
    for number, (media_ns, pixels) in enumerate(pictures(video)):
        height, width = pixels.shape[:2]
        features = msgspec.msgpack.encode({"still": still.measure(pixels, media_ns)})
        frame = Frame("clip", 0, number, media_ns, width=width, height=height, features=features)
        (found,) = detector.process([View(frame, pixels)])
        records.append(FrameRecord(frame, Status.ANALYSED, found.pack()))
    return [*records, EndRecord(number, "eof")]


def starts(records: list[Record]) -> list[Event]:
    tracker = resolve("bytetrack", TRACKERS)
    rules: list[Rule] = [AbandonedObject(AbandonedObject.Options()), RemovedObject(RemovedObject.Options())]
    stage = AlertStage(AlertOptions(), rules=rules, trackers=lambda _: tracker(tracker.Options()))
    return [event for event in stage.process("clip", records).events if event.type == "start"]


def test_a_bag_that_is_left_is_one_event_soon_after_its_owner_is_out_of_view(footage: Path, detector: Detector) -> None:
    (event,) = starts(log(footage / "videos/aboda/video4.avi", detector))
    limit_s = AbandonedObject.Options().seconds
    assert event.rule == "abandoned_object"
    assert OUT_OF_VIEW_S[1] + limit_s <= event.media_time <= OUT_OF_VIEW_S[0] + limit_s + 5
    assert event.object is not None
    left, top, right, bottom = event.object.box_px
    wide = min(right, BAG_PX[2]) - max(left, BAG_PX[0])
    high = min(bottom, BAG_PX[3]) - max(top, BAG_PX[1])
    own, marked = (right - left) * (bottom - top), (BAG_PX[2] - BAG_PX[0]) * (BAG_PX[3] - BAG_PX[1])
    assert wide * high / (own + marked - wide * high) > 0.5
    assert event.why[0]["owners"]


@pytest.mark.parametrize(
    "video",
    ["misc/people_yas-sim.mp4", "mot15/PETS09-S2L1/vtest.avi", "misc/tree.avi", "misc/bikes.mp4"],
)
def test_where_nothing_is_left_or_taken_nothing_is_told(footage: Path, detector: Detector, video: str) -> None:
    assert starts(log(footage / "videos" / video, detector)) == []

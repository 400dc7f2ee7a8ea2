"""The same boxes from every engine, however the work is cut up; and those that ultralytics itself gives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.detections import Detections
from pipeline.stage import Picture, View
from stages.detect.letterbox import Letterbox
from stages.detect.nms import overlaps
from stages.detect.openvino_engine import OpenVinoEngine
from stages.detect.yolo import YoloDetector
from tests.stages.detect.twins import agree

ENGINES = [
    ("openvino", "f32", "one_to_one"),
    ("openvino", "bf16", "one_to_many"),
    ("torch", "f32", "one_to_one"),
    ("torch", "f32", "one_to_many"),
]


def detector(model: Path, **options: Any) -> YoloDetector:
    plain = {"model": model, "device": "cpu", "precision": "f32", "imgsz": 160}
    return YoloDetector(YoloDetector.Options.model_validate(plain | options))


def packed(found: Sequence[Detections]) -> list[bytes]:
    return [detections.pack() for detections in found]


@pytest.mark.parametrize(("runtime", "precision", "head"), ENGINES)
def test_the_batch_decides_nothing(yolo26: Path, views: list[View], runtime: str, precision: str, head: str) -> None:
    found = detector(yolo26, runtime=runtime, precision=precision, head=head)
    together = found.process(views)
    assert sum(map(len, together)) > 20
    assert packed(together) == [packed(found.process([view]))[0] for view in views]
    assert packed(together) == packed(found.process(views[::-1]))[::-1]


def test_pictures_are_drawn_into_the_very_input_of_the_runtime(yolo11: Path, views: list[View]) -> None:
    engine = detector(yolo11)._engine
    assert isinstance(engine, OpenVinoEngine)
    canvas = engine.canvas(0, (128, 160))
    assert np.shares_memory(canvas, engine._current[0].get_input_tensor().data)
    letterbox = Letterbox.into(views[1].pixels.shape[:2], (128, 160))
    letterbox.draw(views[1].pixels, canvas[0])
    assert (engine._current[0].get_input_tensor().data[0] == canvas[0]).all()
    assert canvas.std() > 10


@pytest.mark.parametrize(("precision", "head"), [("f32", "one_to_many"), ("bf16", "one_to_one")])
def test_threads_and_streams_decide_nothing_on_openvino(
    yolo26: Path, views: list[View], precision: str, head: str
) -> None:
    alone = packed(detector(yolo26, precision=precision, head=head).process(views))
    for threads, streams in ((2, 1), (2, 2)):
        more = detector(yolo26, precision=precision, head=head, threads=threads, streams=streams)
        assert packed(more.process(views)) == alone


def test_who_shares_a_batch_decides_nothing_on_torch(yolo26: Path, views: list[View]) -> None:
    found = detector(yolo26, runtime="torch", batch=3)
    assert found.capacity == 3
    wide = [view for view in views if view.pixels.shape[0] == 96]
    alone = [packed(found.process([view]))[0] for view in wide]
    assert packed(found.process(wide)) == alone
    assert packed(found.process(wide[1:] + wide[:1])) == alone[1:] + alone[:1]


def test_overlapping_frames_give_what_single_ones_give(yolo11: Path, views: list[View]) -> None:
    found = detector(yolo11, threads=2, streams=2)
    alone = packed(found.process(views))
    tickets, collected = [], []
    for view in views:
        if not found.room:
            collected.append(found.collect())
        tickets.append(found.submit(view))
    while found.in_flight:
        collected.append(found.collect())
    assert [ticket for ticket, _ in collected] == tickets
    assert packed([detections for _, detections in collected]) == alone


def test_too_many_frames_in_flight_are_refused(yolo11: Path, views: list[View]) -> None:
    found = detector(yolo11)
    found.submit(views[0])
    with pytest.raises(RuntimeError, match="collect one first"):
        found.submit(views[1])
    with pytest.raises(RuntimeError, match="collect them first"):
        found.process(views)
    found.collect()
    with pytest.raises(RuntimeError, match="no frame is in flight"):
        found.collect()


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
@pytest.mark.parametrize("network", ["yolo11", "yolo26"])
def test_it_finds_what_ultralytics_predict_finds(
    request: pytest.FixtureRequest,
    ultralytics: Any,
    pictures: list[Picture],
    views: list[View],
    network: str,
    runtime: str,
) -> None:
    weights = request.getfixturevalue(network)
    found = detector(weights, runtime=runtime, confidence=0.1).process(views)
    reference = ultralytics.YOLO(str(weights))
    for picture, ours in zip(pictures, found, strict=True):
        boxes = reference.predict(picture, imgsz=160, conf=0.1, device="cpu", verbose=False)[0].boxes
        theirs = Detections(*(part.numpy() for part in (boxes.xyxy, boxes.conf, boxes.cls.int())))
        assert len(theirs) > 3
        assert agree(ours, theirs) > 0.98


@pytest.mark.footage
@pytest.mark.parametrize("weights", ["yolo26n-deq8.pt", "yolo11n-deq8.pt"])
def test_it_finds_the_people_that_ultralytics_finds_in_real_footage(
    footage: Path, ultralytics: Any, weights: str
) -> None:
    import cv2

    video = cv2.VideoCapture(str(footage / "videos/mot15/PETS09-S2L1/vtest.avi"))
    found = detector(footage / "weights" / weights, imgsz=640, confidence=0.25, classes=["person"])
    reference = ultralytics.YOLO(str(footage / "weights" / weights))
    for _ in range(3):
        for _ in range(40):
            video.grab()
        _, picture = video.retrieve()
        boxes = reference.predict(picture, imgsz=640, conf=0.25, classes=[0], device="cpu", verbose=False)[0].boxes
        (ours,) = found.process([_view(np.asarray(picture, np.uint8))])
        theirs = Detections(*(part.numpy() for part in (boxes.xyxy, boxes.conf, boxes.cls.int())))
        assert len(ours) == len(theirs)
        assert overlaps(ours.xyxy, theirs.xyxy).max(axis=1).min() > 0.98
        assert len(theirs) > 3
        assert agree(ours, theirs) > 0.98


def _view(picture: Picture) -> View:
    from pipeline.messages import Frame

    return View(Frame("gate", 0, 0, 0), picture)

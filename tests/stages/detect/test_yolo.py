from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import CannotStart
from pipeline.messages import Frame
from pipeline.registry import DETECTORS, resolve
from pipeline.stage import View
from stages.detect.yolo import YoloDetector


def detector(model: Path, **options: Any) -> YoloDetector:
    plain = {"model": model, "device": "cpu", "precision": "f32", "imgsz": 160}
    return YoloDetector(YoloDetector.Options.model_validate(plain | options))


def test_the_registry_names_it() -> None:
    assert resolve("yolo", DETECTORS) is YoloDetector


def test_it_says_what_it_is(yolo11: Path) -> None:
    found = detector(yolo11)
    assert found.names == ["person", "bicycle", "car"]
    assert found.model["name"] == "tiny11"
    assert len(found.model["sha256"]) == 64
    assert found.capacity == 1


@pytest.mark.parametrize(
    "change",
    [{"precision": "bf16"}, {"runtime": "torch"}, {"imgsz": 192}, {"confidence": 0.2}, {"iou": 0.5}, {"classes": [0]}],
)
def test_whatever_decides_the_boxes_is_in_the_fingerprint(yolo11: Path, change: dict[str, Any]) -> None:
    assert detector(yolo11, **change).engine != detector(yolo11).engine


def test_what_does_not_decide_the_boxes_is_not_in_the_fingerprint(yolo11: Path, tmp_path: Path) -> None:
    copy = tmp_path / yolo11.name
    copy.write_bytes(yolo11.read_bytes())
    plain = detector(yolo11).engine
    assert detector(copy, threads=2, streams=2).engine == plain
    assert str(yolo11.parent) not in plain


def test_boxes_lie_within_their_own_frame(yolo11: Path, views: list[View]) -> None:
    for view, found in zip(views, detector(yolo11).process(views), strict=True):
        height, width = view.pixels.shape[:2]
        assert len(found) > 0
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= [width, height, width, height]).all()


def test_classes_can_be_named_or_numbered(yolo11: Path, views: list[View]) -> None:
    named = detector(yolo11, classes=["car", "person"]).process(views)
    numbered = detector(yolo11, classes=[0, 2]).process(views)
    assert [found.pack() for found in named] == [found.pack() for found in numbered]
    assert {int(class_id) for found in named for class_id in found.class_id} <= {0, 2}


def test_an_unknown_class_is_refused_with_a_suggestion(yolo11: Path) -> None:
    with pytest.raises(CannotStart, match="did you mean 'person'"):
        detector(yolo11, classes=["persn"])
    with pytest.raises(CannotStart, match="knows no class 7"):
        detector(yolo11, classes=[7])


def test_a_frame_that_cannot_be_drawn_does_not_harm_the_next(yolo11: Path, views: list[View]) -> None:
    found = detector(yolo11, threads=2, streams=2)
    good = [detections.pack() for detections in found.process(views)]
    broken = View(Frame("gate", 0, 9, 9), np.zeros((40, 50, 3), np.float32)[..., :2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="picture must be uint8"):
        found.process([views[0], broken])
    assert [detections.pack() for detections in found.process(views)] == good


def test_missing_weights_are_named_in_one_line() -> None:
    with pytest.raises(CannotStart, match=r"yolo26n\.pt not found; nothing is downloaded") as refused:
        detector(Path("nowhere/yolo26n.pt"))
    assert "\n" not in str(refused.value)


def test_a_one_to_one_head_that_is_not_there_is_refused(yolo11: Path) -> None:
    with pytest.raises(CannotStart, match="set head: one_to_many"):
        detector(yolo11, head="one_to_one")


def test_no_frames_give_no_detections(yolo11: Path) -> None:
    assert detector(yolo11).process([]) == []

"""Names decide which class is which; numbers never do."""

from pathlib import Path

import numpy as np
import pytest

from lab.dataset.labelled import LabelledImage
from lab.evaluate.vocabulary import match_names
from pipeline.detections import Detections
from pipeline.errors import UsageError

COCO = ["person", "bicycle", "car", "motorcycle", "bus", "truck", "cell phone"]


def boxes(xyxy: list[list[float]], confidence: list[float], class_id: list[int]) -> Detections:
    return Detections(np.array(xyxy, np.float32).reshape(-1, 4), np.array(confidence, np.float32),
                      np.array(class_id, np.int32))  # fmt: skip


def test_the_same_name_under_another_number_is_the_same_class() -> None:
    words = match_names(COCO, ["Car", "person", "Cell_phone"])
    assert words.names == ("Car", "person", "Cell_phone")
    found = words.found(boxes([[0, 0, 9, 9]] * 3, [0.9, 0.8, 0.7], [2, 0, 6]))
    assert found.class_id.tolist() == [0, 1, 2]


def test_what_only_one_side_knows_is_left_out() -> None:
    words = match_names(COCO, ["person", "scooter"])
    assert words.unmeasured == ("scooter",)
    image = LabelledImage(Path("x"), (10, 10), np.zeros((2, 4), np.float32), np.array([1, 0], np.int32))
    assert words.truth(image)[1].tolist() == [0]
    assert len(words.found(boxes([[0, 0, 9, 9]], [0.9], [2]))) == 0


def test_several_classes_satisfy_one_and_one_object_is_one_box() -> None:
    words = match_names(COCO, ["Vehicle"], mapping={"Vehicle": ["car", "bus", "truck", "motorcycle"]})
    found = words.found(boxes([[0, 0, 50, 50], [1, 1, 51, 51], [80, 0, 99, 40]], [0.4, 0.6, 0.5], [2, 5, 3]))
    assert found.class_id.tolist() == [0, 0]
    assert sorted(found.confidence.tolist()) == pytest.approx([0.5, 0.6]), "the car that is a truck too counts once"


def test_overlaps_within_a_class_that_is_not_merged_are_the_models_own() -> None:
    words = match_names(COCO, ["person"])
    assert len(words.found(boxes([[0, 0, 50, 50], [1, 1, 51, 51]], [0.4, 0.6], [0, 0]))) == 2


def test_nothing_in_common_says_how_to_map() -> None:
    with pytest.raises(UsageError, match="--map Vehicle=CLASS"):
        match_names(COCO, ["Vehicle"])


def test_only_the_classes_asked_for_are_measured() -> None:
    assert match_names(COCO, ["person", "car"], classes=["car"]).names == ("car",)

"""The detector that ships: the file is the one that the registry names, and it sees what its card says."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.detector import open_detector, view
from lab.evaluate.average_precision import Scores
from lab.evaluate.rows import read_mot
from lab.evaluate.tally import tally
from pipeline.models import find
from pipeline.stage import Detector, Picture
from stages.detect.classes import CLASSES
from stages.detect.options import YoloOptions


def frames(video: Path, every: int) -> list[tuple[int, Picture]]:
    """Every so many frames of a recording, with their numbers from 1."""
    capture = cv2.VideoCapture(str(video))
    kept = []
    number = 1
    while (read := capture.read())[0]:
        if number % every == 0:
            kept.append((number, np.asarray(read[1], np.uint8)))
        number += 1
    return kept


@pytest.fixture(scope="module")
def shipped() -> Detector:
    return open_detector(find("bartizan-n"), precision="f32", confidence=0.25)


def test_the_default_model_is_small_bundled_and_as_the_registry_says() -> None:
    assert YoloOptions().model == Path("bartizan-n")
    weights = find("bartizan-n")
    assert weights.stat().st_size < 12_000_000
    assert (weights.parent / "MODEL_CARD.md").is_file()


def test_it_knows_the_eleven_classes_in_their_order(shipped: Detector) -> None:
    assert tuple(shipped.names) == CLASSES


def test_it_sees_the_people_of_the_sample_recording_and_nothing_else_on_foot(shipped: Detector, root: Path) -> None:
    for number, pixels in frames(root / "sample_videos" / "campus.mp4", every=100):
        found = shipped.process([view(pixels)])[0]
        people = (found.class_id == 0).sum()
        assert 2 <= people <= 12, f"frame {number}: {people} people"
        assert not np.isin(found.class_id, [CLASSES.index("dog"), CLASSES.index("cat")]).any()


def test_it_finds_nine_of_ten_people_at_few_false_alarms(shipped: Detector, footage: Path) -> None:
    folder = footage / "videos" / "mot15" / "PETS09-S2L1"
    truth = read_mot(folder / "gt" / "gt.txt")
    tallies = []
    for number, pixels in frames(folder / "vtest.avi", every=25):
        found = shipped.process([view(pixels)])[0]
        found = found.select(found.class_id == 0)
        boxes = truth.xyxy[truth.frame == number].astype(np.float32)
        tallies.append(tally(found, boxes, np.zeros(len(boxes), np.int32)))
    assert Scores(tallies).recall_at_precision(0.9, 0) > 0.87


def test_what_the_guide_measured_is_the_file_that_ships(root: Path) -> None:
    digest = hashlib.sha256(find("bartizan-n").read_bytes()).hexdigest()
    assert f"bartizan-n ({digest[:8]})" in (root / "docs" / "guide" / "compression.md").read_text()

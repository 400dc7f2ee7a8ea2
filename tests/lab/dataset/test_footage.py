"""On real footage with real weights: teachers find who is there, and capture picks better than every n-th frame."""

from pathlib import Path

import numpy as np
import pytest

from lab.dataset.candidate import Eyes
from lab.dataset.capture import capture
from lab.dataset.pseudo import fused_labels
from lab.dataset.teacher import Teacher
from lab.detector import open_detector, read_picture
from lab.evaluate.rows import read_mot
from lab.evaluate.tally import overlaps

pytestmark = [pytest.mark.footage, pytest.mark.slow]


def test_teachers_agree_on_people_that_are_there(footage: Path, tmp_path: Path) -> None:
    sequence = footage / "videos" / "mot15" / "PETS09-S2L1"
    frames = capture([str(sequence / "vtest.avi")], tmp_path, 3, Eyes(), rate=0.05).manifest
    teachers = [Teacher(footage / "weights" / name, ["person"]) for name in ("yolo11n-deq8.pt", "yolo26n-deq8.pt")]
    truth = read_mot(sequence / "gt" / "gt.txt")

    hits = kept = there = 0
    for entry in frames:
        found = fused_labels(read_picture(tmp_path / entry["picture"]), teachers, sizes=(480, 640))
        real = truth.xyxy[truth.frame == entry["frame"] + 1].astype(np.float32)
        hits += int((overlaps(found.xyxy[found.kept], real).max(axis=1, initial=0) >= 0.5).sum())
        kept, there = kept + int(found.kept.sum()), there + len(real)

    assert hits / kept > 0.85
    assert hits / there > 0.8


def test_more_doubtful_frames_are_chosen_than_by_every_nth(footage: Path, tmp_path: Path) -> None:
    video = footage / "videos" / "mot15" / "TUD-Stadtmitte" / "TUD-Stadtmitte.mp4"
    eyes = Eyes(open_detector(footage / "weights" / "yolo26n-deq8.pt", imgsz=320, confidence=0.05, classes=("person",)))

    every = capture([str(video)], tmp_path / "all", 1000, eyes, rate=2).manifest
    chosen = capture([str(video)], tmp_path / "chosen", 4, eyes, rate=2).manifest

    by_time = sorted(every, key=lambda entry: int(entry["frame"]))
    nth = [by_time[i] for i in np.linspace(0, len(by_time) - 1, 4).astype(int)]
    assert sum(entry["unsure"] + entry["flicker"] for entry in chosen) > sum(
        entry["unsure"] + entry["flicker"] for entry in nth
    )

"""How the detector that ships compares with the networks it was taught by.

    python -m benchmarks.shipped_detector MODEL [RIVAL...] [--precision bf16] [--imgsz 640]

Three measures: mAP50-95 over the shipped classes on 128 COCO pictures; recall at precision 0.85 of vehicles on road
views (any vehicle class counts as one; see the model card for who has seen them); recall at precision 0.92 and average
precision of people on vtest.avi. Differences are paired: pictures drawn anew, on vtest blocks of 20 frames.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import LabelledImage
from lab.dataset.yolo_format import read_picture as read_labels
from lab.detector import open_detector, read_picture, view
from lab.evaluate.average_precision import Scores
from lab.evaluate.rows import read_mot
from lab.evaluate.tally import Tally, tally
from lab.statistics import Interval, interval_of, paired_difference
from pipeline.detections import Detections
from pipeline.stage import Detector, Picture
from stages.detect.classes import CLASSES

VEHICLES = ("car", "motorcycle", "bus", "truck")
HELD_BACK_ROADS = ("2_mp4", "6_mp4", "10_mp4", "14_mp4", "test2_mp4")
"""Recordings of the road views that the twin in the model card never saw. What ships has learned from them."""
COCO = {
    "person": 0,
    "bicycle": 1,
    "car": 2,
    "motorcycle": 3,
    "bus": 5,
    "truck": 7,
    "cat": 15,
    "dog": 16,
    "backpack": 24,
    "handbag": 26,
    "suitcase": 28,
}
BLOCK = 20


def footage() -> Path:
    """Folder of the shared test footage."""
    from tests.conftest import FOOTAGE

    return FOOTAGE


def mapped(detections: Detections, names: Sequence[str], numbers: dict[str, int]) -> Detections:
    """Detections with the classes that ``numbers`` knows, under its numbers."""
    table = np.array([numbers.get(name, -1) for name in names], np.int32)
    class_id = table[detections.class_id]
    keep = class_id >= 0
    return Detections(detections.xyxy[keep], detections.confidence[keep], class_id[keep])


def coco_pictures(folder: Path) -> Iterator[LabelledImage]:
    """The 128 pictures with the boxes of the shipped classes."""
    from lab.dataset.labelled import LabelledImage
    from lab.dataset.yolo_format import _rows, size_of

    table = np.full(80, -1, np.int32)
    for name, number in COCO.items():
        table[number] = CLASSES.index(name)
    for path in sorted((folder / "images" / "val2017").glob("*.jpg")):
        labels = folder / "object_detection" / "labels" / "val2017" / f"{path.stem}.txt"
        rows = _rows(labels) if labels.is_file() else np.zeros((0, 5))
        height, width = size = size_of(path)
        centre, half = rows[:, 1:3] * (width, height), rows[:, 3:5] * (width, height) / 2
        xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
        class_id = table[rows[:, 0].astype(int)]
        yield LabelledImage(path, size, xyxy[class_id >= 0], class_id[class_id >= 0])


def coco(detector: Detector, data: Path) -> Scores:
    """128 COCO pictures, the shipped classes."""
    numbers = {name: number for number, name in enumerate(CLASSES)}
    return Scores(list(_over(detector, coco_pictures(data / "datasets" / "coco256_lightly"), numbers)))


def roads(detector: Detector, data: Path) -> Scores:
    """Road views held back from training; all vehicles are one class."""
    folder = data / "datasets" / "veh_topview" / "train" / "images"
    images = [read_labels(path) for path in sorted(folder.glob("*.jpg"))]
    held = [image for image in images if image.camera in HELD_BACK_ROADS]
    return Scores(list(_over(detector, held, dict.fromkeys(VEHICLES, 0))))


def people(detector: Detector, data: Path) -> Scores:
    """vtest.avi against its MOTChallenge truth."""
    import cv2

    folder = data / "videos" / "mot15" / "PETS09-S2L1"
    truth = read_mot(folder / "gt" / "gt.txt")
    video = cv2.VideoCapture(str(folder / "vtest.avi"))
    tallies = []
    for number in range(1, int(truth.frame.max()) + 1):
        pixels = np.asarray(video.read()[1], np.uint8)
        boxes = truth.xyxy[truth.frame == number].astype(np.float32)
        found = _found(detector, pixels, {"person": 0})
        tallies.append(tally(found, boxes, np.zeros(len(boxes), np.int32)))
    return Scores(tallies)


def _over(
    detector: Detector, images: "Iterator[LabelledImage] | list[LabelledImage]", numbers: dict[str, int]
) -> Iterator[Tally]:
    for image in images:
        yield tally(_found(detector, read_picture(image.path), numbers), image.xyxy, image.class_id)


def _found(detector: Detector, pixels: Picture, numbers: dict[str, int]) -> Detections:
    return mapped(detector.process([view(pixels)])[0], detector.names, numbers)


Weights = npt.NDArray[np.float64]
Figure = Callable[[Scores, Weights], float]

MEASURES: dict[str, tuple[Callable[[Detector, Path], Scores], int, dict[str, Figure]]] = {
    "coco": (coco, 1, {"mAP50-95": lambda s, w: s.mean_average_precision(w)}),
    "roads": (
        roads,
        1,
        {
            "recall at precision 0.85": lambda s, w: s.recall_at_precision(0.85, 0, weights=w),
            "AP50": lambda s, w: s.mean_average_precision(w, iou=0.5),
        },
    ),
    "vtest": (
        people,
        BLOCK,
        {
            "recall at precision 0.92": lambda s, w: s.recall_at_precision(0.92, 0, weights=w),
            "AP50": lambda s, w: s.mean_average_precision(w, iou=0.5),
            "mAP50-95": lambda s, w: s.mean_average_precision(w),
        },
    ),
}


def main(arguments: Sequence[str]) -> None:
    """Print every figure of every model, and the differences from the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="+", type=Path)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--imgsz", type=int, default=640)
    parser.add_argument("--only", default="coco,roads,vtest")
    parser.add_argument("--rounds", type=int, default=400)
    chosen = parser.parse_args(arguments)
    data = footage()
    if "roads" in chosen.only and any(model.stem == "bartizan-n" for model in chosen.model):
        print("roads: bartizan-n has learned from these recordings; its figure there is no test", flush=True)
    for part in chosen.only.split(","):
        measure, block, figures = MEASURES[part]
        scored = []
        for model in chosen.model:
            detector = open_detector(
                model, precision=chosen.precision, imgsz=chosen.imgsz, confidence=0.001, threads=2, device="cpu"
            )
            scored.append(measure(detector, data))
        for name, figure in figures.items():
            for model, scores in zip(chosen.model, scored, strict=True):
                value = interval_of(partial(figure, scores), scores.pictures, block=block, rounds=chosen.rounds)
                line = f"{part:6} {name:26} {model.stem:28} {value}"
                if scores is not scored[0]:
                    gap = paired_difference(
                        partial(figure, scores),
                        partial(figure, scored[0]),
                        scores.pictures,
                        block=block,
                        rounds=chosen.rounds,
                    )
                    line += f"   first less this: {_signed(gap)}"
                print(line, flush=True)


def _signed(gap: Interval) -> str:
    return f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


if __name__ == "__main__":
    main(sys.argv[1:])

"""How well a detector's own vectors tell objects of one camera apart, and what they cost.

    python -m benchmarks.detect_embedding WEIGHTS VIDEO GT [--every 6] [--within 12] [--turns 30]

GT: MOTChallenge ground truth. Its boxes in every ``--every``-th frame get vectors; of all pairs of boxes from different
frames the area under the ROC curve says how often a pair of one person is more alike than a pair of two, over the whole
recording and for pairs at most ``--within`` frames apart. A histogram of colours of the same boxes stands for what
comes without a network. Cost: processor ms of a whole frame with the option and without, best of ``--turns``.
"""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detect_nms import best
from benchmarks.detect_raw import read
from lab.detector import open_detector, view
from pipeline.stage import Picture
from stages.detect.yolo import YoloDetector

Vectors = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("gt", type=Path)
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--within", type=int, default=12, metavar="FRAMES")
    parser.add_argument("--turns", type=int, default=30)
    asked = parser.parse_args()
    rows = np.loadtxt(asked.gt, delimiter=",")
    plain = {"precision": "f32", "threads": 1, "runtime": "openvino", "device": "cpu"}
    detector = open_detector(asked.weights, embedding=True, **plain)
    pictures = read(asked.video, 10**9)[:: asked.every]
    looks, colours, persons, frames = [], [], [], []
    for number, picture, boxes, ids in _labelled(pictures, rows, asked.every):
        looks.append(vectors_of(detector, picture, boxes))
        colours.append(histograms(picture, boxes))
        persons += ids
        frames += [number] * len(ids)
    print(f"{asked.video.name}: {len(persons)} boxes of {len(set(persons))} people")
    maps, colour = np.concatenate(looks), np.concatenate(colours)
    both = np.concatenate([maps, colour / np.linalg.norm(colour, axis=1, keepdims=True)], axis=1) / np.sqrt(2)
    for name, vectors in (("detector's maps", maps), ("colours", colour), ("both", both.astype(np.float32))):
        everywhere, near = areas(vectors, np.array(persons), np.array(frames), asked.within)
        print(f"  {name:16} {vectors.shape[1]:4} numbers: AUC {everywhere:.3f}, near {near:.3f}")
    without = open_detector(asked.weights, embedding=False, **plain)
    some = [view(picture) for picture in pictures[:4]]
    found = sum(len(detector.process([one])[0]) for one in some) / len(some)
    runners = [lambda turn: detector.process([some[turn]]), lambda turn: without.process([some[turn]])]
    dear, cheap = best(runners, len(some), asked.turns)
    print(f"  processor ms a frame: {cheap:.1f} without, {dear:.1f} with vectors for {found:.0f} boxes")


def _labelled(
    pictures: list[Picture], rows: npt.NDArray[np.float64], every: int
) -> Iterator[tuple[int, Picture, Vectors, list[float]]]:
    for place, picture in enumerate(pictures):
        own = rows[rows[:, 0] == place * every + 1]
        corners = np.concatenate([own[:, 2:4], own[:, 2:4] + own[:, 4:6]], axis=1).astype(np.float32)
        height, width = picture.shape[:2]
        boxes = np.clip(corners, 0, np.array([width, height, width, height], np.float32))
        solid = ((boxes[:, 2:] - boxes[:, :2]) >= 2).all(axis=1)
        yield place * every + 1, picture, boxes[solid], own[solid, 1].tolist()


def vectors_of(detector: YoloDetector, picture: Picture, boxes: Vectors) -> Vectors:
    """As ``process`` would give them for boxes of the detector's own."""
    engine, letterbox = detector._engine, detector._letterbox(view(picture))
    letterbox.draw(picture, engine.canvas(0, letterbox.canvas)[0])
    engine.start(0, 1)
    engine.finish(0)
    return engine.embed(0, [letterbox.project(boxes)])[0]


def histograms(picture: Picture, boxes: Vectors) -> Vectors:
    """Colours (4 x 4 x 4) in each third of the box's height."""
    found = []
    for left, top, right, bottom in boxes.astype(int):
        thirds = np.array_split(picture[top:bottom, left:right] >> 6, 3)
        codes = [part.reshape(-1, 3).astype(int) @ (16, 4, 1) for part in thirds]
        found.append(np.concatenate([np.sqrt(np.bincount(code, minlength=64) / max(len(code), 1)) for code in codes]))
    return np.array(found, np.float32).reshape(-1, 192)


def areas(
    vectors: Vectors, persons: npt.NDArray[np.float64], frames: npt.NDArray[np.int64], within: int
) -> tuple[float, float]:
    area: Any = import_module("sklearn.metrics").roc_auc_score
    one, other = np.triu_indices(len(persons), 1)
    apart = np.abs(frames[one] - frames[other])
    alike = (vectors @ vectors.T)[one, other]
    same = persons[one] == persons[other]
    spans = (apart > 0, (apart > 0) & (apart <= within))
    everywhere, near = (float(area(same[span], alike[span])) for span in spans)
    return everywhere, near


if __name__ == "__main__":
    main()

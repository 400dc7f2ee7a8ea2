"""How fast the detector could be, and how near the stage comes: frames already in memory, nothing else running.

    python benchmarks/detect_raw.py VIDEO WEIGHTS [--gt GT] [--frames 100] [--repeat 5]

Raw: inference alone, the canvas drawn beforehand. Whole: ``process`` from picture to boxes. Figures are the best of
``--repeat`` rounds, because other work on the machine can only slow one down. ``outside`` is the processor time of
the calling thread per frame with the wait for the runtime left out: drawing, suppression, boxes.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

from pipeline.detections import Detections
from pipeline.messages import Frame
from pipeline.stage import Picture, View
from stages.detect.letterbox import Letterbox
from stages.detect.nms import overlaps
from stages.detect.yolo import YoloDetector

SETTINGS = ((1, 1), (2, 1), (2, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--gt", type=Path, help="MOTChallenge ground truth of people: adds recall and precision")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    pictures = read(asked.video, asked.frames)
    print("precision threads streams  raw fps whole fps of raw outside ms")
    for precision in ("f32", "bf16"):
        for threads, streams in SETTINGS:
            measure(build(asked.weights, precision, threads, streams), pictures, asked.repeat, precision)
        pair = min(two_workers(asked.weights, precision, asked.video, asked.frames) for _ in range(asked.repeat))
        print(f"{precision:9} two workers, one thread each: {2 * asked.frames / pair:.1f} fps")
    if asked.gt:
        everything = read(asked.video, 10**9)
        for precision in ("f32", "bf16"):
            recall, exact = score(build(asked.weights, precision, 2, 2, floor=0.25), everything, asked.gt)
            print(f"{precision:9} people at confidence 0.25, IoU 0.5: recall {recall:.4f}, precision {exact:.4f}")


def read(video: Path, count: int) -> list[Picture]:
    import cv2

    source = cv2.VideoCapture(str(video))
    pictures: list[Picture] = []
    while len(pictures) < count:
        there, picture = source.read()
        if not there:
            break
        pictures.append(np.asarray(picture, np.uint8))
    return pictures


def build(weights: Path, precision: str, threads: int, streams: int, *, floor: float = 0.1) -> YoloDetector:
    options = {"model": weights, "device": "cpu", "precision": precision, "threads": threads, "streams": streams}
    return YoloDetector(YoloDetector.Options.model_validate(options | {"confidence": floor}))


def views(pictures: Sequence[Picture]) -> list[View]:
    return [View(Frame("bench", 0, index, index), picture) for index, picture in enumerate(pictures)]


def best(repeat: int, run: Callable[[], float]) -> float:
    return min(run() for _ in range(repeat))


def measure(detector: YoloDetector, pictures: list[Picture], repeat: int, precision: str) -> None:
    frames = views(pictures)
    detector.process(frames[:4])
    engine = detector._engine  # the benchmark takes the stage apart on purpose
    raw = best(repeat, lambda: raw_round(detector, pictures))
    whole = best(repeat, lambda: overlapped(detector, frames))
    outside = best(repeat, lambda: outside_round(detector, frames)) * 1e3 / len(frames)
    threads = detector._options.threads
    count = len(frames)
    print(
        f"{precision:9} {threads:7} {engine.flights:7} {count / raw:8.1f} {count / whole:9.1f} {raw / whole:6.1%}"
        f" {outside:10.2f}",
        flush=True,
    )


def raw_round(detector: YoloDetector, pictures: list[Picture]) -> float:
    engine = detector._engine
    letterbox = Letterbox.fit(pictures[0].shape[:2], imgsz=640, stride=engine.card.stride)
    for flight in range(engine.flights):
        letterbox.draw(pictures[flight], engine.canvas(flight, letterbox.canvas)[0])
    began = time.perf_counter()
    for number in range(len(pictures)):
        if number >= engine.flights:
            engine.finish(number % engine.flights)
        engine.start(number % engine.flights, 1)
    for flight in range(engine.flights):
        engine.finish(flight)
    return time.perf_counter() - began


def overlapped(detector: YoloDetector, frames: list[View]) -> float:
    began = time.perf_counter()
    for view in frames:
        if not detector.room:
            detector.collect()
        detector.submit(view)
    while detector.in_flight:
        detector.collect()
    return time.perf_counter() - began


def outside_round(detector: YoloDetector, frames: list[View]) -> float:
    """Seconds of drawing and picking, one after the other, with the runtime idle."""
    engine, picker = detector._engine, detector._picker
    letterbox = detector._letterbox(frames[0])
    spent = 0.0
    for view in frames:
        began = time.thread_time()
        letterbox.draw(view.pixels, engine.canvas(0, letterbox.canvas)[0])
        spent += time.thread_time() - began
        engine.start(0, 1)
        output = engine.finish(0)
        began = time.thread_time()
        picker.pick(output, [letterbox])
        spent += time.thread_time() - began
    return spent


def _worker(weights: Path, precision: str, video: Path, frames: int, gate: Barrier) -> None:
    detector, work = build(weights, precision, 1, 1), views(read(video, frames))
    detector.process(work[:2])
    gate.wait()
    for view in work:
        detector.process([view])
    gate.wait()


def two_workers(weights: Path, precision: str, video: Path, frames: int) -> float:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(3)
    workers = [context.Process(target=_worker, args=(weights, precision, video, frames, gate)) for _ in range(2)]
    for worker in workers:
        worker.start()
    gate.wait(120)
    began = time.perf_counter()
    gate.wait(300)
    took = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return took


def score(detector: YoloDetector, pictures: list[Picture], gt: Path) -> tuple[float, float]:
    rows = np.loadtxt(gt, delimiter=",")
    hits = boxes = people = 0
    for number, found in enumerate(detector.process(views(pictures)), 1):
        truth = rows[rows[:, 0] == number, 2:6]
        truth[:, 2:] += truth[:, :2]
        persons = found.select(found.class_id == detector.names.index("person"))
        hits += matches(persons, truth.astype(np.float32))
        boxes, people = boxes + len(persons), people + len(truth)
    return hits / people, hits / boxes


def matches(found: Detections, truth: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> int:
    """Boxes that have a person of their own, the surest box choosing first."""
    close = overlaps(found.xyxy, truth)
    hits = 0
    for row in close:
        if len(row) and row.max() >= 0.5:
            close[:, row.argmax()] = 0
            hits += 1
    return hits


if __name__ == "__main__":
    main()

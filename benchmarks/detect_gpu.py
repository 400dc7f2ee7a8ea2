"""The detect stage on an NVIDIA GPU: is it right, how fast is the bare network, how near does the whole stage come.

    python benchmarks/detect_gpu.py WEIGHTS [--video VIDEO] [--out RESULTS.json] [--seconds 75]

Right: boxes on CUDA against those of torch on the CPU in float32, same weights, same pictures. Bare: a CUDA graph of
the network alone, without pre- and post-processing, its input already on the GPU in its own type. Engine: the graph the
stage replays (scaling, network, suppression), input on the GPU. Whole: ``process`` from BGR pictures in host memory to
``Detections``, in calls of ``capacity`` frames as a worker does, and in one long call. Each figure is the median of
several rounds, bare, engine and whole in turn within a round.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.detections import Detections
from pipeline.messages import Frame
from pipeline.stage import Picture, View
from stages.detect.nms import overlaps
from stages.detect.torch_network import TorchNetwork
from stages.detect.yolo import YoloDetector

BATCHES = (8, 32, 64, 16, 1, 4, 2)
PRECISIONS = ("f16", "bf16", "f32")
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--video", type=Path, help="pictures to work on; noise and blocks without it")
    parser.add_argument("--out", type=Path, default=Path("detect_gpu.json"))
    parser.add_argument("--seconds", type=float, default=75, help="no new setting is begun after this")
    parser.add_argument("--imgsz", type=int, default=640)
    parser.add_argument("--device", default="cuda", help="cpu only to try this script itself")
    asked = parser.parse_args()
    began = time.monotonic()
    results: dict[str, Any] = {"machine": machine(asked.device), "agreement": [], "speed": [], "order": []}
    print(json.dumps(results["machine"]), flush=True)
    pictures = read(asked.video, 64)
    try:
        agreement(asked, pictures, results)
        if asked.device == "cuda":
            orders(asked, results)
        print(
            f"\n{'prec':5}{'batch':>6}{'bare':>10}{'engine':>10}{'worker':>10}{'long':>10}{'w/bare':>8}{'l/bare':>8}"
            f"{'draw ms':>9}{'pick ms':>9}",
            flush=True,
        )
        for precision in PRECISIONS if asked.device == "cuda" else ("f32",):
            for batch in BATCHES if asked.device == "cuda" else (1, 4):
                if time.monotonic() - began < asked.seconds:
                    speed(asked, pictures, precision, batch, results)
    finally:
        results["seconds"] = time.monotonic() - began
        asked.out.write_text(json.dumps(results, indent=1))
    print(f"{results['seconds']:.1f} s")


def machine(device: str) -> dict[str, Any]:
    import os

    import cv2
    import torch
    import ultralytics

    found: dict[str, Any] = {"python": platform.python_version(), "torch": torch.__version__, "opencv": cv2.__version__}
    found |= {"ultralytics": ultralytics.__version__, "cores": len(os.sched_getaffinity(0))}
    if device == "cuda":
        found |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    return found


def read(video: Path | None, count: int) -> list[Picture]:
    """Pictures of a video spread over it, or made-up ones of 1080p."""
    import cv2

    pictures: list[Picture] = []
    if video is None:
        random = np.random.default_rng(1)
        for _ in range(count):
            coarse = random.integers(0, 256, (27, 48, 3), np.uint8)
            pictures.append(np.asarray(cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC), np.uint8))
        return pictures
    source = cv2.VideoCapture(str(video))
    while len(pictures) < count:
        for _ in range(5):
            source.grab()
        there, picture = source.read()
        if not there:
            break
        pictures.append(np.asarray(picture, np.uint8))
    return pictures


def views(pictures: list[Picture], count: int) -> list[View]:
    return [View(Frame("bench", 0, i, i), pictures[i % len(pictures)]) for i in range(count)]


def build(asked: argparse.Namespace, precision: str, batch: int, *, device: str = "", **more: Any) -> YoloDetector:
    options = {"model": asked.weights, "device": device or asked.device, "precision": precision, "batch": batch}
    options |= {"runtime": "torch", "imgsz": asked.imgsz} | more
    return YoloDetector(YoloDetector.Options.model_validate(options))


def agreement(asked: argparse.Namespace, pictures: list[Picture], results: dict[str, Any]) -> None:
    """How many boxes of 16 pictures have a twin: same class, IoU over 0.9 (f32: 0.99)."""
    some = views(pictures, 16)
    reference = build(asked, "f32", 1, device="cpu", threads=4, confidence=0.25).process(some)
    print("agreement with f32 on the CPU, boxes over 0.25:")
    for precision in PRECISIONS if asked.device == "cuda" else ("f32",):
        detector = build(asked, precision, 8, confidence=0.25)
        found = detector.process(some)
        again = detector.process(some[::-1])[::-1]
        single = [detector.process([view])[0] for view in some]
        same = [a.pack() == b.pack() == c.pack() for a, b, c in zip(found, again, single, strict=True)]
        limit = 0.99 if precision == "f32" else 0.9
        there = twins(reference, found, limit)
        back = twins(found, reference, limit)
        row = {
            "precision": precision,
            "boxes": sum(map(len, reference)),
            "found": there,
            "of_found": back,
            "iou_over": limit,
            "same_whatever_the_batch": all(same),
            "engine": detector.engine,
        }
        results["agreement"].append(row)
        print(json.dumps(row), flush=True)


def twins(left: list[Detections], right: list[Detections], limit: float) -> float:
    hits: list[bool] = []
    for a, b in zip(left, right, strict=True):
        if not len(a):
            continue
        close = overlaps(a.xyxy, b.xyxy) > limit
        close &= a.class_id[:, None] == b.class_id[None]
        hits += [bool(row.any()) for row in close]
    return statistics.fmean(hits) if hits else float("nan")


def orders(asked: argparse.Namespace, results: dict[str, Any]) -> None:
    """The bare network at batch 32 in both memory orders, with the kernels cuDNN picks itself or tries out."""
    import torch

    print("\nbare network, batch 32: precision, channels last, cudnn.benchmark, pictures/s")
    for precision in PRECISIONS:
        for channels_last in (True, False):
            for trial in (False, True):
                torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = trial, not trial
                options = build_options(asked, precision, 32)
                replay = bare(TorchNetwork(options, channels_last=channels_last), 32, asked.imgsz)
                rate = 32 / statistics.median(replay() for _ in range(7))
                row = {"precision": precision, "channels_last": channels_last, "benchmark": trial, "fps": round(rate)}
                results["order"].append(row)
                print(precision, channels_last, trial, round(rate), flush=True)
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True


def build_options(asked: argparse.Namespace, precision: str, batch: int) -> Any:
    raw = {"model": asked.weights, "device": asked.device, "precision": precision, "batch": batch, "runtime": "torch"}
    return YoloDetector.resolve(YoloDetector.Options.model_validate(raw | {"imgsz": asked.imgsz}))


def bare(network: TorchNetwork, batch: int, imgsz: int, height: int = 0) -> Callable[[], float]:
    """A round of ten forward passes of the network on an input of its own type; gives the seconds of one."""
    import torch

    inner, kind, order = network._network, network._type, network._order
    pictures = torch.rand(batch, 3, height or imgsz, imgsz, device="cuda").to(kind, memory_format=order)
    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    with torch.inference_mode():
        torch.cuda.synchronize()
        with torch.cuda.stream(stream):
            for _ in range(3):
                inner(pictures)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            kept = inner(pictures)

    def run(_keep: Any = (pictures, kept)) -> float:
        torch.cuda.synchronize()
        began = time.perf_counter()
        with torch.cuda.stream(stream):
            for _ in range(10):
                graph.replay()
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / 10

    return run


def speed(
    asked: argparse.Namespace, pictures: list[Picture], precision: str, batch: int, results: dict[str, Any]
) -> None:
    detector = build(asked, precision, batch)
    frames = views(pictures, max(256, 8 * batch))
    detector.process(frames[: detector.capacity])
    height = detector._letterbox(frames[0]).canvas[0]
    engine: Any = detector._engine  # the benchmark takes the stage apart on purpose
    rounds: dict[str, list[float]] = {"bare": [], "engine": [], "worker": [], "long": []}
    run_bare = bare(engine._network, batch, asked.imgsz, height) if asked.device == "cuda" else None
    run_engine = engine_round(detector, batch) if asked.device == "cuda" else None
    for _ in range(ROUNDS if asked.device == "cuda" else 1):
        if run_bare and run_engine:
            rounds["bare"].append(batch / run_bare())
            rounds["engine"].append(batch / run_engine())
        rounds["worker"].append(len(frames) / timed(lambda: worker(detector, frames)))
        rounds["long"].append(len(frames) / timed(lambda: detector.process(frames)))
    median = {name: statistics.median(figures or [float("nan")]) for name, figures in rounds.items()}
    draw, pick = host_ms(detector, frames)
    row = {"precision": precision, "batch": batch, "draw_ms": draw, "pick_ms": pick, "canvas_height": height}
    row |= {name: round(rate, 1) for name, rate in median.items()} | {"rounds": rounds}
    results["speed"].append(row)
    print(
        f"{precision:5}{batch:6}"
        + "".join(f"{rate:10.0f}" for rate in median.values())
        + f"{median['worker'] / median['bare']:8.1%}{median['long'] / median['bare']:8.1%}{draw:9.3f}{pick:9.3f}",
        flush=True,
    )


def engine_round(detector: YoloDetector, batch: int) -> Callable[[], float]:
    import torch

    engine: Any = detector._engine
    (work,) = engine._works.values()

    def run() -> float:
        torch.cuda.synchronize()
        began = time.perf_counter()
        with torch.cuda.stream(engine._streams.compute):
            for _ in range(10):
                work._graph.replay()
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / 10

    return run


def timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def worker(detector: YoloDetector, frames: list[View]) -> None:
    for first in range(0, len(frames), detector.capacity):
        detector.process(frames[first : first + detector.capacity])


def host_ms(detector: YoloDetector, frames: list[View]) -> tuple[float, float]:
    """Milliseconds a picture that the host's one thread spends in drawing (with helpers) and picking."""
    engine, batch = detector._engine, detector._engine.batch
    some = frames[:batch]
    letterboxes = [detector._letterbox(view) for view in some]
    canvas = engine.canvas(0, letterboxes[0].canvas)
    pixels = [view.pixels for view in some]
    draw = statistics.median(timed(lambda: detector._drawing.draw(canvas, letterboxes, pixels)) for _ in range(5))
    engine.start(0, len(some))
    rows = engine.finish(0)
    pick = statistics.median(timed(lambda: detector._picker.pick(rows, letterboxes)) for _ in range(5))
    return 1e3 * draw / batch, 1e3 * pick / batch


if __name__ == "__main__":
    main()

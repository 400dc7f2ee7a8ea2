"""Recorded video, whole pipeline: against a plain ultralytics loop, and against the detector alone. Ratios in one run.

    python -m benchmarks.recorded VIDEO WEIGHTS GT [--rounds 3] [--out FILE.json]

In each round, one after the other on the same machine: the plain loop ``model.track(stream=True)`` as it comes (its
threads are named) and with all cores; the raw detector (inference alone, frames in memory, the fastest of the ways
to use two cores); ``bartizan process`` with two workers, at bf16 and at f32. Rates are frames a second between the
first frames and the last, loading left out for all. Ratios are taken round by round; the median is printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lab.evaluate.rows import read_mot, read_result
from lab.evaluate.track import evaluate
from pipeline.journal.log import LogReader
from pipeline.messages import FrameRecord

WARM = 30
"""Frames left out at the beginning."""
OTHERS = ("dispatch", "alert", "evidence", "deliver", "capture")

LOOP = """
import sys, time, os, json
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")
import torch
from ultralytics import YOLO
video, weights, threads, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
model = YOLO(weights)
rows, n, began = [], 0, None
for result in model.track(source=video, stream=True, imgsz=640, classes=[0], conf=0.25, tracker="bytetrack.yaml",
                          verbose=False):
    if threads and n == 0:
        torch.set_num_threads(threads)
    n += 1
    if n == 30:
        began = time.perf_counter()
    if result.boxes.id is not None:
        for box, name in zip(result.boxes.xyxy.tolist(), result.boxes.id.int().tolist()):
            rows.append((n, name, box[0], box[1], box[2] - box[0], box[3] - box[1], 1, -1, -1, -1))
open(out, "w").write("".join(",".join(map(str, row)) + "\\n" for row in rows))
print(json.dumps({"fps": (n - 30) / (time.perf_counter() - began), "threads": torch.get_num_threads()}))
"""

RAW = """
import sys, time, multiprocessing
from pathlib import Path
from benchmarks.detect_raw import build, raw_round, read
def one(weights, precision, video, gate, ends):
    detector = build(Path(weights), precision, 1, 1)
    pictures = read(Path(video), 60)
    raw_round(detector, pictures)
    gate.wait()
    began = time.perf_counter(); raw_round(detector, pictures); raw_round(detector, pictures)
    ends.put((began, time.perf_counter()))
if __name__ == "__main__":
    video, weights, precision = sys.argv[1:4]
    detector = build(Path(weights), precision, 2, 2)
    pictures = read(Path(video), 60)
    raw_round(detector, pictures)
    streams = 120 / (raw_round(detector, pictures) + raw_round(detector, pictures))
    del detector
    context = multiprocessing.get_context("spawn")
    gate, ends = context.Barrier(2), context.Queue()
    pair = [context.Process(target=one, args=(weights, precision, video, gate, ends)) for _ in range(2)]
    [p.start() for p in pair]
    times = [ends.get() for _ in pair]
    [p.join() for p in pair]
    workers = 240 / (max(t[1] for t in times) - min(t[0] for t in times))
    print(max(streams, workers))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-bartizan-") as folder:
        rounds = [one_round(asked, Path(folder), number) for number in range(asked.rounds)]
        scores = score(asked, Path(folder))
        rest = outside(asked, Path(folder))
    result = {"rounds": rounds, "summary": summary(rounds), "scores": scores, "cpu_ms_outside_engine": rest}
    print(json.dumps(result["summary"], indent=2))
    print(json.dumps({"scores": scores, "cpu_ms_outside_engine": rest}, indent=2))
    if asked.out:
        asked.out.write_text(json.dumps(result, indent=2) + "\n")


def one_round(asked: Any, folder: Path, number: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, threads in (("loop_as_it_comes", 0), ("loop_all_cores", os.cpu_count() or 1)):
        said = json.loads(run("-c", LOOP, asked.video, asked.weights, str(threads), folder / f"{name}.txt"))
        found[name], found[f"{name}_threads"] = said["fps"], said["threads"]
    script = folder / "raw_limit.py"
    script.write_text(RAW)
    for precision in ("bf16", "f32"):
        found[f"raw_{precision}"] = float(run(script, asked.video, asked.weights, precision))
        out = folder / precision
        process(asked.video, asked.weights, precision, out)
        found[f"bartizan_{precision}"] = steady_fps(next((out / "logs").glob("*.log")))
    print(f"round {number + 1}: " + ", ".join(f"{name} {value:.1f}" for name, value in found.items()), flush=True)
    return found


def run(*command: Any) -> str:
    """The last line that a Python program prints."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1]


def process(video: Path, weights: Path, precision: str, out: Path) -> None:
    detect = f"stages.detect={{kind: yolo, model: {weights}, precision: {precision}, workers: 2, classes: [person]}}"
    run("-m", "pipeline.cli", "process", video, "--out", out, "--overwrite", "--set", detect)


def steady_fps(log: Path) -> float:
    reader, times = LogReader(log), []
    while batch := reader.read(4096):
        times += [record.frame.arrived_ns for record, _ in batch if isinstance(record, FrameRecord)]
    return (len(times) - 1 - WARM) / ((times[-1] - times[WARM]) / 1e9)


def summary(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Medians of the rates, and of the ratios round by round."""

    def median(name: str) -> float:
        return round(statistics.median(found[name] for found in rounds), 2)

    def ratio(above: str, below: str) -> float:
        return round(statistics.median(found[above] / found[below] for found in rounds), 3)

    rates = {name: median(name) for name in rounds[0]}
    ratios = {
        f"{ours}_over_{name}": ratio(ours, name)
        for ours in ("bartizan_bf16", "bartizan_f32")
        for name in ("loop_as_it_comes", "loop_all_cores")
    }
    limits = {f"{p}_of_raw": ratio(f"bartizan_{p}", f"raw_{p}") for p in ("bf16", "f32")}
    return {**rates, **ratios, **limits}


def score(asked: Any, folder: Path) -> dict[str, dict[str, float]]:
    """MOTA, IDF1 and HOTA of the last round's tracks."""
    truth = read_mot(asked.truth)
    results = {"loop": read_mot(folder / "loop_as_it_comes.txt")}
    for precision in ("bf16", "f32"):
        tracks = next((folder / precision / "tracks").glob("*.parquet"))
        results[f"{precision} causal"] = read_result(tracks, class_name="person", filled=False)
        results[f"{precision} filled"] = read_result(tracks, class_name="person", filled=True)
    found = {name: evaluate(rows, truth) for name, rows in results.items()}
    return {n: {"mota": round(s.mota, 3), "idf1": round(s.idf1, 3), "hota": round(s.hota, 3)} for n, s in found.items()}


def outside(asked: Any, folder: Path) -> dict[str, float]:
    """Processor time a frame outside the engine: all other processes by the difference between a whole and a short
    run (start-up cancels out), and what the detect worker does beside inference, by its own thread clock."""
    from benchmarks.detect_raw import build, outside_round, read, views

    short = folder / "short.avi"
    kept = cut(asked.video, short, 45)
    process(short, asked.weights, "bf16", folder / "short")
    process(asked.video, asked.weights, "bf16", folder / "bf16")
    whole, part = (json.loads((folder / name / "report.json").read_text()) for name in ("bf16", "short"))
    frames = whole["frames"] - kept
    found = {}
    for stage in OTHERS:
        cost = [sum(s for label, s in r["cpu_s"].items() if label.startswith(stage)) for r in (whole, part)]
        found[stage] = round(1000 * (cost[0] - cost[1]) / frames, 3)
    detector, pictures = build(asked.weights, "bf16", 1, 1), views(read(asked.video, 60))
    outside_round(detector, pictures)
    found["detect, before and after inference"] = round(
        1000 * min(outside_round(detector, pictures) for _ in range(3)) / len(pictures), 3
    )
    return {**found, "sum": round(sum(found.values()), 3)}


def cut(video: Path, to: Path, frames: int) -> int:
    """The first frames of a video, not encoded again."""
    import av

    with av.open(str(video)) as source, av.open(str(to), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        count = 0
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is None or count >= frames:
                break
            packet.stream = stream
            target.mux(packet)
            count += 1
    return count


if __name__ == "__main__":
    main()

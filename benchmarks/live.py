"""Live RTSP, whole pipeline: latency from the deciding frame's arrival to the committed event, and memory over time.

    python -m benchmarks.live [--weights WEIGHTS] [--minutes 10] [--cameras 4] [--fps 5] [--out FILE.json]

A real RTSP server on loopback plays the sample recording at 720p to each camera; it takes its share of the two
cores, as does decoding every frame. Without weights the motion detector is used. Memory is the proportional set
size of all processes of the run, so shared pages count once; its trend is a line fitted through the second half.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil

SAMPLE = Path(__file__).parent.parent / "sample_videos" / "campus.mp4"
EVERY_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--fps", type=float, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-bartizan-") as folder:
        result = measure(asked, Path(folder))
    print(json.dumps(result, indent=2))
    if asked.out:
        asked.out.write_text(json.dumps(result, indent=2) + "\n")


def measure(asked: Any, folder: Path) -> dict[str, Any]:
    media = folder / "media"
    media.mkdir()
    upscale(SAMPLE, media / "campus.mp4")
    port = 8655
    server = subprocess.Popen(
        [Path(sys.executable).with_name("rtsp-server"), "--dir", media, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(2)
    try:
        return watch(asked, folder, port)
    finally:
        server.kill()
        server.wait()


def watch(asked: Any, folder: Path, port: int) -> dict[str, Any]:
    url = f"rtsp://127.0.0.1:{port}/campus.mp4?play_count=0"
    cameras = {f"cam{number}": {"source": url, "fps": asked.fps} for number in range(asked.cameras)}
    detect = {"kind": "motion"} if asked.weights is None else {"kind": "yolo", "model": str(asked.weights.absolute())}
    rules = [
        {"rule": "in_field", "name": "anywhere", "rearm_s": 1},
        {"rule": "line_crossed", "name": "across", "line": [[0.53, 0.3], [0.66, 0.75]]},
        {"rule": "line_crossed", "name": "up the road", "line": [[0.6, 0.3], [1.0, 0.5]]},
    ]
    config = folder / "live.yml"
    config.write_text(
        json.dumps(
            {
                "cameras": cameras,
                "stages": {"detect": {**detect, "workers": 2}},
                "rules": rules,
                "out": str(folder / "out"),
            }
        )
    )
    run = subprocess.Popen([sys.executable, "-m", "pipeline.cli", "run", str(config)], stdout=subprocess.DEVNULL)
    try:
        memory = sample(run.pid, asked.minutes * 60)
        run.send_signal(signal.SIGINT)
        code = run.wait(60)
    finally:
        if run.poll() is None:
            run.kill()
    report = json.loads((folder / "out" / "report.json").read_text())
    dropped = {
        f"{book['camera']} {book['stage']} {reason}": count
        for book in report["books"]
        for reason, count in book["dropped"].items()
    }
    return {
        "cameras": asked.cameras,
        "analysed_fps_wanted": asked.fps,
        "detector": detect["kind"],
        "exit_code": code,
        "balanced": report["balanced"],
        "latency_ms": report["latency_ms"],
        "event_messages": report["events"],
        "analysed_fps": round(
            sum(b["out"] for b in report["books"] if b["stage"] == "detect") / report["elapsed_s"], 2
        ),
        "dropped": dropped,
        "cpu_cores": round(sum(report["cpu_s"].values()) / report["elapsed_s"], 2),
        "restarts": sum(restart["count"] for restart in report["restarts"]),
        "memory": trend(memory),
    }


def sample(pid: int, seconds: float) -> list[tuple[float, float]]:
    """Seconds since the start, and MiB of the run's processes together."""
    began, found = time.monotonic(), []
    while (elapsed := time.monotonic() - began) < seconds:
        parent = psutil.Process(pid)
        total = 0
        for process in [parent, *parent.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        found.append((elapsed, total / 2**20))
        time.sleep(EVERY_S)
    return found


def trend(memory: list[tuple[float, float]]) -> dict[str, float]:
    seconds, mebibytes = np.array(memory).T
    late = seconds >= seconds[-1] / 2
    slope = np.polyfit(seconds[late], mebibytes[late], 1)[0] * 60
    half = mebibytes[late]
    return {
        "mib_at_half": round(float(half[0]), 1),
        "mib_at_end": round(float(half[-1]), 1),
        "mib_most": round(float(mebibytes.max()), 1),
        "slope_mib_a_minute_second_half": round(float(slope), 2),
    }


def upscale(source: Path, to: Path) -> None:
    """The recording at 1280x720, H.264, as cheap to decode as a camera's."""
    import av

    with av.open(str(source)) as read, av.open(str(to), "w") as write:
        stream = write.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "26", "g": "20", "bf": "0"}
        for number, frame in enumerate(read.decode(video=0)):
            scaled = frame.reformat(1280, 720, "yuv420p")
            scaled.pts, scaled.time_base = number, Fraction(1, 10)
            write.mux(stream.encode(scaled))
        write.mux(stream.encode())


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

"""``make bench``: the numbers of the README, measured here. Takes about twenty minutes; leave the machine alone.

What needs test footage and weights (``BARTIZAN_DATA``, else ``../shared/data``) is left out, with a word, where they
are absent.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("BARTIZAN_DATA", ROOT.parent / "shared" / "data"))
SCENE = DATA / "videos" / "mot15" / "PETS09-S2L1"
WEIGHTS = DATA / "weights" / "yolo26n-deq8.pt"
RESULTS = ROOT / "benchmarks" / "results"


def main() -> int:
    RESULTS.mkdir(exist_ok=True)
    failed = run("benchmarks.transport_1080p")
    if WEIGHTS.exists() and SCENE.exists():
        scene = [str(SCENE / "vtest.avi"), str(WEIGHTS), str(SCENE / "gt" / "gt.txt")]
        failed += run("benchmarks.recorded", *scene, "--out", str(RESULTS / "recorded.json"))
        failed += run("benchmarks.live", "--weights", str(WEIGHTS), "--out", str(RESULTS / "live.json"))
    else:
        print(f"left out, no footage or weights under {DATA}: recorded video; live video with a network")
        failed += run("benchmarks.live", "--out", str(RESULTS / "live_motion.json"))
    return failed


def run(module: str, *arguments: str) -> int:
    print(f"== {module}", flush=True)
    return int(subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main())

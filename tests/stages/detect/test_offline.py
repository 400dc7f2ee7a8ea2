"""Nothing that detection loads talks to anybody: watched from inside the process, and without any network at all."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.detect.offline import import_ultralytics

HOOK = """
import json, sys, threading
seen = []
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        seen.append([event, str(arguments[1])])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg", "urllib.Request"):
        seen.append([event, str(arguments[:2])])
    elif event == "subprocess.Popen" and "pip" in str(arguments):
        seen.append([event, str(arguments[:2])])
sys.addaudithook(watch)
"""
WORK = """
from pathlib import Path
import numpy as np
from pipeline.messages import Frame
from pipeline.stage import View
from stages.detect.yolo import YoloDetector

picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
boxes = []
for runtime in ("openvino", "torch"):
    options = {"model": sys.argv[1], "device": "cpu", "runtime": runtime, "precision": "f32", "imgsz": 160}
    found = YoloDetector(YoloDetector.Options.model_validate(options))
    boxes.append(len(found.process([View(Frame("gate", 0, 0, 0), picture)])[0]))
try:
    YoloDetector(YoloDetector.Options.model_validate(options | {"model": "yolo26n.pt"}))
except Exception as error:
    refused = str(error)
for thread in threading.enumerate():
    if thread is not threading.current_thread() and not thread.daemon:
        thread.join(10)
import ultralytics
from ultralytics.utils.events import events
print(json.dumps({"seen": seen, "boxes": boxes, "refused": refused, "events": events.enabled,
                  "sync": ultralytics.settings["sync"]}))
"""
UNGUARDED = """
import ultralytics
print(json.dumps({"seen": seen}))
"""


def watch(
    weights: Path, home: Path, root: Path, *, prefix: tuple[str, ...] = (), work: str = WORK
) -> dict[str, object]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO_", "PYTEST_", "ULTRA"))}
    environment = kept | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "OMP_NUM_THREADS": "1"}
    environment |= {"BARTIZAN_CACHE": str(home / "cache"), "PYTHONPATH": str(root)}
    environment.pop("CI", None)  # OpenVINO keeps silent where it is set
    command = [*prefix, sys.executable, "-c", HOOK + work, str(weights)]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return report


def test_converting_loading_and_inferring_look_nobody_up(yolo11: Path, tmp_path: Path, root: Path) -> None:
    report = watch(yolo11, tmp_path, root)
    assert report["seen"] == []
    assert report["events"] is False
    assert report["sync"] is False
    assert isinstance(report["boxes"], list)
    assert all(report["boxes"])
    assert "yolo26n.pt not found; nothing is downloaded" in str(report["refused"])
    assert "\n" not in str(report["refused"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"], "something was left in the user's home"


@pytest.fixture
def cut_off() -> tuple[str, ...]:
    """Command prefix that takes the network away."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare -n needs root")
    return (unshare, "-n")


def test_it_works_where_there_is_no_network(yolo11: Path, tmp_path: Path, root: Path, cut_off: tuple[str, ...]) -> None:
    assert watch(yolo11, tmp_path, root, prefix=cut_off)["seen"] == []


def test_the_watch_sees_what_ultralytics_does_when_nobody_forbids_it(
    yolo11: Path, tmp_path: Path, root: Path, cut_off: tuple[str, ...]
) -> None:
    seen = watch(yolo11, tmp_path, root, prefix=cut_off, work=UNGUARDED)["seen"]
    assert "getaddrinfo" in str(seen)


def test_importing_the_stage_loads_no_runtime(root: Path) -> None:
    code = "import sys, stages.detect.yolo, stages.detect.options, stages.detect.offline, stages.detect.resolve; "
    code += "print([m for m in ('cv2', 'torch', 'ultralytics', 'openvino') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_that_finds_the_model_converted_loads_neither_torch_nor_ultralytics(yolo11: Path, root: Path) -> None:
    code = "import sys; from stages.detect.yolo import YoloDetector; "
    code += "YoloDetector(YoloDetector.Options(model=sys.argv[1], device='cpu', imgsz=160)); "
    code += "print([m for m in ('torch', 'ultralytics') if m in sys.modules])"
    for expected in (None, "[]"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(yolo11)], cwd=root, capture_output=True, text=True, check=True
        )
        assert expected is None or done.stdout.strip() == expected


def test_a_picture_that_cannot_be_read_is_said_to_be_that_and_asks_for_no_package(tmp_path: Path) -> None:
    from PIL import Image, UnidentifiedImageError

    import_ultralytics()
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(UnidentifiedImageError):
        Image.open(tmp_path / "no.png")

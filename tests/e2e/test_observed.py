"""What an operator sees of a running pipeline: metrics, health, and the table of ``bartizan top``."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.running import Running, bartizan, run_to_end
from tests.servers.process import free_port

LIVE = "synthetic:320x240@10?boxes=2"


def fetch(port: int, path: str) -> tuple[int, str]:
    """Status and body, of an error too; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except urllib.error.URLError as error:
        return 0, str(error)


def counted(port: int, name: str) -> float:
    """The value of the first series whose line begins so; -1 if there is none."""
    page = fetch(port, "/metrics")[1]
    return next((float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name)), -1.0)


def healthy(port: int) -> tuple[int, str] | None:
    """What is answered, if it is that all is well."""
    answer = fetch(port, "/healthz")
    return answer if answer[0] == 200 else None


def begin(start: Start, out: Path, port: int) -> Running:
    metrics = ("--set", "metrics.enabled=true", "--set", f"metrics.port={port}")
    run = start(["watch", LIVE, "--out", str(out), *metrics], out)
    run.child("alert")
    return run


@pytest.mark.slow
def test_metrics_health_and_top_follow_a_running_pipeline(start: Start, tmp_path: Path) -> None:
    port = free_port()
    run = begin(start, tmp_path / "out", port)
    run.wait_for(lambda: counted(port, "bartizan_frames_total") > 5, "frames to be counted")
    status, health = run.wait_for(lambda: healthy(port), "the pipeline to be healthy")
    assert (status, json.loads(health)["state"]) == (200, "ok"), health
    run.signal("detect[0]", signal.SIGKILL)
    run.wait_for(lambda: counted(port, "bartizan_restarts_total") >= 1, "the restart to be counted")
    run.wait_for(lambda: counted(port, "bartizan_ring_slots_used") >= 0, "ring fill to be told")
    table = bartizan("top", run.out, "--once")
    assert "detect[0]" in table.stdout
    assert "online" in table.stdout
    assert run.stop() == 0, run.said()
    assert run.report()["balanced"], run.report()["imbalances"]


def test_a_picture_that_changes_its_size_mid_stream_is_processed_to_the_end(tmp_path: Path) -> None:
    source = "synthetic:320x240@10?frames=60&boxes=2&recording=yes&size=30:640x480"
    run = run_to_end(["process", source, "--out", str(tmp_path / "out")], tmp_path / "out")
    assert run.report()["balanced"], run.report()["imbalances"]
    assert run.report()["frames"] == 60

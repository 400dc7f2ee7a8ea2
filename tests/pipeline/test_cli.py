"""The command as a user calls it: exit codes, one clear line, nothing heavy imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import SUMMARIES, exit_code
from pipeline.errors import BartizanError, CannotStart, DeliveryError, RingError, SourceRefused, UsageError
from pipeline.registry import COMMANDS

HEAVY = ("cv2", "torch", "ultralytics", "openvino", "polars", "sqlalchemy", "av")
COUNT_HEAVY = f"""
import sys
sys.argv[0] = "bartizan"
from pipeline.cli import main
try:
    main()
finally:
    heavy = [name for name in {HEAVY} if name in sys.modules]
    if heavy:
        print("imported", heavy)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clip.mp4").write_bytes(b"")
    (tmp_path / "good.yml").write_text(
        "cameras: {gate: {source: clip.mp4}, street: {source: 'rtsp://u:sesame@h/s'}}\n"
        "stages: {detect: {kind: motion, workers: 2}}\n"
        "sinks: [{kind: webhook, url: http://h/sesame-hook}]\n"
    )
    (tmp_path / "bad.yml").write_text("cameras: {gate: {source: clip.mp4, fsp: 5}}\nrules: [{rule: lottering}]\n")
    return tmp_path


def bartizan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COUNT_HEAVY, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_help_names_every_command_and_imports_nothing_heavy(folder: Path) -> None:
    done = bartizan(folder, "--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert "imported" not in done.stdout


def test_every_command_has_a_summary() -> None:
    assert SUMMARIES.keys() == COMMANDS.keys()


def test_check_says_ok_without_importing_anything_heavy(folder: Path) -> None:
    done = bartizan(folder, "check", "good.yml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok: 2 cameras, 1 rule, 1 sink, detect motion, analysis ")
    assert "imported" not in done.stdout


def test_check_tells_every_fault_and_exits_with_2(folder: Path) -> None:
    done = bartizan(folder, "check", "bad.yml")
    assert done.returncode == 2
    assert done.stdout == ""
    told = done.stderr.splitlines()
    assert told[0].startswith("bad.yml:1:36: cameras.gate.fsp: unknown key, did you mean 'fps'?")
    assert told[1].startswith("bad.yml:2:16: rules.0.rule: unknown kind 'lottering', did you mean 'loitering'?")
    assert len(told) == 2


def test_check_answers_programs_in_json(folder: Path) -> None:
    good = json.loads(bartizan(folder, "check", "good.yml", "--json").stdout)
    assert (good["ok"], good["cameras"], len(good["analysis_sha256"])) == (True, ["gate", "street"], 64)
    done = bartizan(folder, "check", "--json", "bad.yml")
    assert done.returncode == 2
    assert len(json.loads(done.stdout)["faults"]) == 2


def test_check_accepts_overrides_and_safe_mode(folder: Path) -> None:
    assert bartizan(folder, "check", "bad.yml", "--safe").returncode == 2
    done = bartizan(folder, "check", "bad.yml", "--safe", "--set", "cameras.more={source: clip.mp4}")
    assert done.returncode == 0
    assert done.stdout.count("left out: bad.yml") == 2
    assert "ok: 1 camera, 0 rules" in done.stdout


@pytest.mark.parametrize("form", ["text", "mermaid", "dot"])
def test_graph_draws_every_process_and_no_password(form: str, folder: Path) -> None:
    done = bartizan(folder, "graph", "good.yml", "--format", form)
    assert done.returncode == 0
    for title in (
        "capture[gate]",
        "capture[street]",
        "dispatch",
        "detect[1]",
        "alert",
        "evidence",
        "deliver",
        "webhook",
    ):
        assert title in done.stdout
    assert "sesame" not in done.stdout


def test_an_unknown_command_is_refused_with_a_suggestion(folder: Path) -> None:
    done = bartizan(folder, "chek")
    assert done.returncode == 2
    assert "check" in done.stderr


def test_an_error_is_one_line_and_a_traceback_only_with_debug(folder: Path) -> None:
    assert "Traceback" not in bartizan(folder, "check", "none.yml").stderr
    done = bartizan(folder, "--debug", "check", "none.yml")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "none.yml: no such file"


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError(), 2), (CannotStart(), 3), (SourceRefused(), 1), (DeliveryError("no answer"), 4), (RingError(), 3)],
)
def test_each_error_has_its_exit_code(error: BartizanError, code: int) -> None:
    assert exit_code(error) == code

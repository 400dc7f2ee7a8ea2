"""Whole runs on a data set of squares."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lab.detector import open_detector
from lab.train.detect.settings import Augmentation, DetectSettings
from lab.train.detect.training import train
from pipeline.errors import UsageError

CALM = Augmentation(mosaic=0.5, close_mosaic=1, degrade=0.3)


def settings(start: Path, squares: Path, **changed: object) -> DetectSettings:
    asked = {
        "start": str(start),
        "data": squares,
        "name": "squares",
        "imgsz": 96,
        "epochs": 3,
        "batch": 4,
        "frozen_epochs": 1,
        "workers": 0,
        "lr": 1e-3,
        "precision": "f32",
        "augmentation": CALM,
    }
    return DetectSettings.model_validate(asked | changed)


@pytest.mark.slow
def test_a_run_leaves_a_model_that_can_be_deployed_and_its_whole_story(
    start: Path, squares: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    model = train(settings(start, squares, share="val"), out, base=tmp_path)
    detector = open_detector(model, precision="f32", imgsz=96)
    assert detector.names == ["dog", "person"]
    story = json.loads((out / "run.json").read_text())
    assert story["settings"]["epochs"] == 3
    assert len(story["data_sha256"]) == len(story["model"]["sha256"]) == 64
    rows = (out / "curves.csv").read_text().splitlines()
    assert len(rows) == 1 + 4, "the start's score, and one row for each epoch"
    assert (out / "curves.png").stat().st_size > 1000
    assert list((out / "tensorboard").iterdir())
    assert set(json.loads((out / "shares.json").read_text())) >= {"0.3", "1.0"}


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(start: Path, squares: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(settings(start, squares), whole, base=tmp_path)
    lines = json.dumps(settings(start, squares).model_dump(mode="json"))
    (tmp_path / "run.yml").write_text(lines)
    command = [sys.executable, "-m", "pipeline.cli", "train", "detect", str(tmp_path / "run.yml"), "--out", str(cut)]
    child = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while not (cut / "curves.csv").is_file() or len((cut / "curves.csv").read_text().splitlines()) < 3:
        assert time.monotonic() < deadline
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    subprocess.run([*command, "--resume"], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    first, second = (torch.load(folder / "checkpoint.pt", weights_only=True)["average"] for folder in (whole, cut))
    worst = max(float((first[name].float() - second[name].float()).abs().max()) for name in first)
    assert worst < 1e-3


def test_a_run_is_not_overwritten_and_not_resumed_with_other_settings(
    start: Path, squares: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"settings": {"epochs": 7}, "data_sha256": "x"}))
    with pytest.raises(UsageError, match="holds a run already"):
        train(settings(start, squares), out, base=tmp_path)
    with pytest.raises(UsageError, match=r"other settings \(.*epochs"):
        train(settings(start, squares), out, base=tmp_path, resume=True)


def test_data_without_a_split_to_validate_is_refused(start: Path, squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no split 'val'"):
        train(settings(start, squares / "train"), tmp_path / "out", base=tmp_path)


def test_classes_in_another_order_than_the_data_are_refused(start: Path, squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="are not those of the data"):
        train(settings(start, squares, classes=("person", "dog")), tmp_path / "out", base=tmp_path)


def test_a_start_that_is_not_there_is_named(squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"start: .*nowhere\.pt is not there"):
        train(settings(Path("nowhere.pt"), squares), tmp_path / "out", base=tmp_path)

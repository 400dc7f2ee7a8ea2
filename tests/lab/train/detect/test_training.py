"""Whole runs on a data set of squares."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

from lab.dataset import yolo_format
from lab.dataset.labelled import Dataset
from lab.detector import open_detector
from lab.train.detect.settings import Augmentation, DetectSettings
from lab.train.detect.training import digest_of_dataset, train
from pipeline.errors import CannotStart, UsageError

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
    deadline = time.monotonic() + 240
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
    assert len((cut / "curves.csv").read_text().splitlines()) == 1 + 4, "no epoch's row is lost"


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
    data = yolo_format.read(squares)
    yolo_format.write(Dataset(data.names, {"train": data.splits["train"]}), tmp_path / "set")
    with pytest.raises(UsageError, match="no split 'val'"):
        train(settings(start, tmp_path / "set"), tmp_path / "out", base=tmp_path)


def test_classes_in_another_order_than_the_data_are_refused(start: Path, squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="are not those of the data"):
        train(settings(start, squares, classes=("person", "dog")), tmp_path / "out", base=tmp_path)


def test_a_start_that_is_not_there_is_named(squares: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"start: .*nowhere\.pt is not there"):
        train(settings(Path("nowhere.pt"), squares), tmp_path / "out", base=tmp_path)


@pytest.fixture(scope="module")
def fruitless(start: Path, squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that learned next to nothing, in a folder that two faulty runs were sent to before."""
    folder = tmp_path_factory.mktemp("fruitless")
    out, own, typo = folder / "out", folder / "start.pt", folder / "typo.pt"
    shutil.copy(start, own)
    typo.write_bytes(b"no weights")
    with pytest.raises(UsageError, match="is not there"):
        train(settings(own, squares, teacher="nowhere.pt"), out, base=folder)
    with pytest.raises(CannotStart):
        train(settings(typo, squares), out, base=folder)
    with (
        (folder / "said.txt").open("w") as said,
        (folder / "warned.txt").open("w") as warned,
        redirect_stdout(said),
        redirect_stderr(warned),
    ):
        train(settings(own, squares, epochs=1, lr=1e-12), out, base=folder)
    return out


def test_a_run_that_gained_nothing_says_so(fruitless: Path) -> None:
    said = (fruitless.parent / "said.txt").read_text()
    assert re.search(r"model: .*squares\.pt; weights of the start, none of 1 epochs beat it; .*\+0\.0000 against", said)
    assert "warning: nothing was gained" in (fruitless.parent / "warned.txt").read_text()
    story = json.loads((fruitless / "run.json").read_text())
    assert story["epoch"] == 0
    assert story["val_mAP50-95"] == story["start_val_mAP50-95"]


def test_a_damaged_checkpoint_is_refused_in_one_line(fruitless: Path, squares: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(fruitless, tmp_path / "copy"))
    for damaged in (b"", b"garbage", (copy / "checkpoint.pt").read_bytes()[:5000]):
        (copy / "checkpoint.pt").write_bytes(damaged)
        with pytest.raises(CannotStart, match=r"checkpoint\.pt: damaged, .*start in another --out") as refused:
            train(settings(fruitless.parent / "start.pt", squares, epochs=1, lr=1e-12), copy, base=copy, resume=True)
        assert "\n" not in str(refused.value)


def test_a_run_is_not_resumed_from_another_start_of_the_same_name(
    fruitless: Path, squares: Path, tmp_path: Path
) -> None:
    from lab.train.detect.network import load_network, write_network

    copy, own = Path(shutil.copytree(fruitless, tmp_path / "copy")), fruitless.parent / "start.pt"
    before = own.read_bytes()
    network, _ = load_network(own, ["person", "dog"])
    write_network(network, own, facts={})
    with pytest.raises(UsageError, match=r"other weights \(start, teacher\); start in another --out"):
        train(settings(own, squares, epochs=1, lr=1e-12), copy, base=copy, resume=True)
    own.write_bytes(before)


def test_a_file_where_the_folder_should_be_is_refused(start: Path, squares: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(UsageError, match=r"--out .*out: cannot be made"):
        train(settings(start, squares), tmp_path / "out", base=tmp_path)


def test_a_picture_that_moved_to_another_split_makes_other_data(squares: Path, tmp_path: Path) -> None:
    data = yolo_format.read(squares)
    moved = Dataset(
        data.names, {"train": data.splits["train"][1:], "val": data.splits["val"] + data.splits["train"][:1]}
    )
    renamed = Dataset(("cat", "person"), data.splits)
    copied = yolo_format.read(yolo_format.write(data, tmp_path / "elsewhere"))
    assert digest_of_dataset(copied) == digest_of_dataset(data)
    assert len({digest_of_dataset(each) for each in (data, moved, renamed)}) == 3

"""A run from crops to a deployed model, and what a kill does to it."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from lab.train.classify import checkpoint
from lab.train.classify.crops import Crop, read_crop, read_list
from lab.train.classify.export import read_network
from lab.train.classify.training import digest_of_crops, train
from lab.train.command import app
from pipeline.errors import CannotStart, UsageError
from stages.classify.classifier import CropClassifier
from stages.classify.options import ClassifierOptions
from tests.lab.train.classify.shapes import settings_of

PROGRAM = """
import sys
from pathlib import Path
from tests.lab.train.classify.shapes import settings_of
from lab.train.classify.training import train

crops, out = map(Path, sys.argv[1:3])
train(settings_of(crops, epochs=int(sys.argv[3])), out, base=crops)
"""


def test_the_deployed_model_tells_the_shapes_apart_in_recordings_it_never_saw(trained: Path) -> None:
    crops = read_list(trained / "crops.csv", split="test")
    model = CropClassifier(ClassifierOptions(model=trained / "model.onnx"))
    said = [model.names[at] for at in model.process([read_crop(crop) for crop in crops]).argmax(axis=1)]
    assert np.mean([name == crop.name for name, crop in zip(said, crops, strict=True)]) > 0.9
    seen = {crop.group for crop in read_list(trained / "crops.csv", split="train")}
    assert not seen & {crop.group for crop in crops}


def test_a_run_keeps_what_it_was_asked_and_how_it_went(trained: Path) -> None:
    run = json.loads((trained / "run.json").read_text())
    results = json.loads((trained / "results.json").read_text())
    model = CropClassifier(ClassifierOptions(model=trained / "model.onnx"))
    assert run["settings"]["network"] == "small"
    assert run["model"] == model.model == results["model"]
    assert results["test"]["unit"] in ("recording", "picture", "crop")
    assert results["temperature"] == model.temperature
    assert results["largest_difference_onnx"] < 1e-4
    assert (trained / "curves.png").stat().st_size > 1000
    assert len((trained / "curves.csv").read_text().splitlines()) == 1 + results["progress"]["epoch"]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(shapes: Path, tmp_path: Path, trained: Path) -> None:
    train(settings_of(shapes), tmp_path / "again", base=shapes)
    train(settings_of(shapes, seed=1), tmp_path / "other", base=shapes)
    expected = (trained / "model.safetensors").read_bytes()[-1000:]
    assert (tmp_path / "again" / "model.safetensors").read_bytes()[-1000:] == expected
    assert (tmp_path / "other" / "model.safetensors").read_bytes()[-1000:] != expected


@pytest.mark.slow
def test_a_run_that_was_killed_ends_at_the_weights_of_an_undisturbed_one(
    shapes: Path, tmp_path: Path, root: Path
) -> None:
    out, epochs = tmp_path / "killed", 12
    command = [sys.executable, "-c", PROGRAM, str(shapes), str(out), str(epochs)]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and not (out / checkpoint.FILE).is_file():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "model.onnx").exists(), "killed too late"
    settings = settings_of(shapes, epochs=epochs)
    train(settings, out, base=shapes, resume=True)
    train(settings, tmp_path / "undisturbed", base=shapes)
    mine, whole = (load_file(folder / "model.safetensors") for folder in (out, tmp_path / "undisturbed"))
    assert mine.keys() == whole.keys()
    assert all((mine[name] == whole[name]).all() for name in whole)
    assert (out / "curves.csv").read_text() == (tmp_path / "undisturbed" / "curves.csv").read_text()


def test_other_settings_or_a_used_folder_are_refused(shapes: Path, trained: Path) -> None:
    with pytest.raises(UsageError, match="holds a run already"):
        train(settings_of(shapes), trained, base=shapes)
    with pytest.raises(UsageError, match=r"other settings \(epochs\)"):
        train(settings_of(shapes, epochs=9), trained, base=shapes, resume=True)


def test_a_damaged_checkpoint_is_refused_in_one_line(shapes: Path, trained: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    (copy / checkpoint.FILE).write_bytes((copy / checkpoint.FILE).read_bytes()[:500])
    with pytest.raises(CannotStart, match=r"damaged, cannot be resumed from .*start in another --out") as refused:
        train(settings_of(shapes), copy, base=shapes, resume=True)
    assert "\n" not in str(refused.value)


def test_weights_that_do_not_fit_leave_the_folder_free_for_the_next_run(shapes: Path, tmp_path: Path) -> None:
    (tmp_path / "typo.pt").write_bytes(b"no weights")
    with pytest.raises(UsageError, match="damaged, or not plain tensors"):
        train(settings_of(shapes, weights=str(tmp_path / "typo.pt")), tmp_path / "out", base=shapes)
    assert not list((tmp_path / "out").iterdir())


def test_a_file_where_the_folder_should_be_is_refused(shapes: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(UsageError, match=r"--out .*out: cannot be made"):
        train(settings_of(shapes), tmp_path / "out", base=shapes)


def test_pictures_of_one_name_that_change_their_classes_are_other_data(shapes: Path) -> None:
    disc, square = (Crop(shapes / name / "cam0_000.png", None, name, "cam0", "train") for name in ("disc", "square"))
    swapped = [replace(disc, name="square"), replace(square, name="disc")]
    assert disc.path.name == square.path.name
    assert digest_of_crops([disc, square]) == digest_of_crops([square, disc]) != digest_of_crops(swapped)


def test_the_weights_go_on_to_be_attacked_and_trained(trained: Path, shapes: Path, tmp_path: Path) -> None:
    network, card = read_network(trained / "model.safetensors")
    assert card["names"] == ["disc", "square"]
    assert not network.training
    further = settings_of(
        shapes, epochs=2, weights=str(trained / "model.safetensors"), adversarial={"eps_255": 8, "steps": 2}
    )
    train(further, tmp_path / "further", base=shapes)
    results = json.loads((tmp_path / "further" / "results.json").read_text())
    assert 0 <= results["validation"]["robust_accuracy"] <= 1
    rows = (tmp_path / "further" / "curves.csv").read_text().splitlines()
    assert float(rows[1].split(",")[3]) > 0.9, "its first epoch only fits the last layer to a base that knows shapes"


def test_training_from_scratch_is_said(shapes: Path, tmp_path: Path) -> None:
    config = tmp_path / "shapes.yml"
    config.write_text(
        f"attribute: shape\ndata: {{sources: [{{crops: {shapes}, group: '^(cam[0-9])'}}]}}\n"
        "network: small\nsize: [32, 32]\nepochs: 1\n"
    )
    done = CliRunner().invoke(app, ["classify", str(config), "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0
    assert "training from scratch" in done.output
    assert "held back: balanced accuracy" in done.output
    assert re.search(r"model: .*; weights of epoch 1 of 1; .* [+-]0\.\d{4} against guessing \(0\.5000\)", done.output)


def test_faults_of_the_configuration_have_their_place(tmp_path: Path) -> None:
    from lab.settings import load
    from lab.train.classify.settings import ClassifySettings

    file = tmp_path / "bad.yml"
    file.write_text("attribute: shape\ndata:\n  sources:\n    - {}\nnetwrok: small\n")
    with pytest.raises(UsageError) as refused:
        load(file, ClassifySettings)
    assert "bad.yml:5:1: netwrok" in str(refused.value)
    assert "name either crops" in str(refused.value)

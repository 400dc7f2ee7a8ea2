"""``bartizan bench detect``, from the arguments to the table and the file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from lab.bench.command import app
from pipeline.errors import BartizanError, CannotStart, UsageError
from stages.detect.hardware import has_cuda
from tests.lab.compress.networks import SIDE

QUICK = ("--imgsz", str(SIDE), "--turns", "3")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["detect", *(str(argument) for argument in arguments)], catch_exceptions=True)


def fault_of(result: Result, kind: type[BartizanError] = UsageError) -> str:
    assert isinstance(result.exception, kind), (result.output, result.exception)
    assert len(str(result.exception).splitlines()) == 1
    return str(result.exception)


@pytest.fixture(scope="module")
def table(weights: Path, quantised: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """What is printed, and what is written."""
    out = tmp_path_factory.mktemp("out") / "figures.json"
    models = ("--model", weights, "--model", quantised)
    result = run(*models, "--data", dataset, "--batch", "1,2", "--out", out, *QUICK)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout, json.loads(out.read_text())


def engine(table: tuple[str, Any], model: str, runtime: str, precision: str) -> Any:
    (found,) = (
        each
        for each in table[1]["results"]
        if (each["model"], each["device"], each["runtime"], each["precision"]) == (model, "cpu", runtime, precision)
    )
    return found


def test_every_runtime_and_precision_there_is_here_is_measured(table: tuple[str, Any]) -> None:
    tried = {(each["runtime"], each["precision"]) for each in table[1]["results"] if each["model"] == "tiny.pt"}
    assert tried >= {("openvino", "f32"), ("onnxruntime", "f32"), ("torch", "f32")}
    int8 = {(each["runtime"], each["precision"]) for each in table[1]["results"] if each["model"] == "tiny-int8"}
    assert int8 == {("openvino", "int8")}
    for each in table[1]["results"]:
        assert each["fault"] is None
        alone = each["alone"]
        assert 0 < alone["best_ms"] <= alone["low_ms"] <= alone["median_ms"] <= alone["high_ms"]
        assert each["runtime"] in each["engine"]
        assert each["precision"] in each["engine"]


def test_the_curve_has_each_batch_of_engines_that_take_batches(table: tuple[str, Any]) -> None:
    assert set(engine(table, "tiny.pt", "torch", "f32")["frames_per_s_by_batch"]) == {"1", "2"}
    assert set(engine(table, "tiny.pt", "onnxruntime", "f32")["frames_per_s_by_batch"]) == {"1", "2"}
    assert set(engine(table, "tiny.pt", "openvino", "f32")["frames_per_s_by_batch"]) == {"1"}
    assert all(rate > 0 for each in table[1]["results"] for rate in each["frames_per_s_by_batch"].values())


def test_accuracy_is_that_of_the_labels_and_falls_with_a_crude_quantisation(table: tuple[str, Any]) -> None:
    exact = [engine(table, "tiny.pt", runtime, "f32")["mAP50-95"] for runtime in ("openvino", "onnxruntime", "torch")]
    assert exact == pytest.approx([exact[0]] * 3, abs=0.02)
    assert exact[0] > 0.9
    assert engine(table, "tiny-int8", "openvino", "int8")["mAP50-95"] < exact[0]


def test_boxes_are_compared_with_the_first_float32_engine(table: tuple[str, Any]) -> None:
    first = table[1]["results"][0]
    assert (first["precision"], first["agreement"]) == ("f32", None)
    assert engine(table, "tiny.pt", "torch", "f32")["agreement"] > 0.95
    assert engine(table, "tiny-int8", "openvino", "int8")["agreement"] < 1


def test_the_table_fits_a_terminal_and_names_what_it_measures(table: tuple[str, Any]) -> None:
    text, document = table
    assert max(map(len, text.splitlines())) <= 80
    for word in ("tiny.pt", "tiny-int8", "openvino int8", "torch f32", "ms/frame", "batch: frames/s", "mAP50-95"):
        assert word in text
    assert {"processor", "cores", "gpu", "versions", "load"} <= set(document["machine"])


def test_a_recording_and_nothing_at_all_can_be_looked_at(weights: Path, video: Path) -> None:
    only = ("--runtime", "openvino", "--precision", "f32")
    filmed = run("--model", weights, "--source", video, *only, *QUICK)
    assert filmed.exit_code == 0, (filmed.output, filmed.exception)
    assert "clip.avi" in filmed.stdout
    made_up = run("--model", weights, *only, *QUICK)
    assert made_up.exit_code == 0, (made_up.output, made_up.exception)
    assert "made-up pictures" in made_up.stdout


def test_an_engine_that_cannot_start_is_named_and_the_others_go_on(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.onnx").write_bytes(b"no graph at all")
    models = ("--model", tmp_path / "torn.onnx", "--model", weights)
    result = run(*models, "--runtime", "onnxruntime", *QUICK)
    assert result.exit_code == 0, (result.output, result.exception)
    said = " ".join(result.stdout.split())
    assert "torn.onnx onnxruntime f32: " in said
    assert "not an ONNX model" in said
    alone = run("--model", tmp_path / "torn.onnx", *QUICK)
    assert "engines can start; the first one: " in fault_of(alone, CannotStart)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--batch", "1,x"), "--batch '1,x': expected numbers from 1 to 64"),
        (("--batch", "0"), "expected numbers from 1 to 64"),
        (("--batch", "128"), "expected numbers from 1 to 64"),
        (("--batch", ","), "expected numbers from 1 to 64"),
        (("--runtime", "openvno"), "--runtime 'openvno': there are onnxruntime, openvino, tensorrt, torch, did you"),
        (("--precision", "f8"), "--precision 'f8': there are bf16, f16, f32, int8"),
        (("--precision", "int8"), "nothing to try: of these models this machine can run"),
        (("--source", "nowhere.avi"), "--source nowhere.avi: is not there; name a recording"),
        (("--data", "nowhere"), "nowhere: does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_anything_is_timed(
    weights: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("--model", weights, *arguments, *QUICK)
    assert said in fault_of(result)
    assert "timing" not in result.output


@pytest.mark.skipif(has_cuda(), reason="this machine has a GPU")
def test_a_runtime_that_wants_a_gpu_is_not_there(weights: Path) -> None:
    assert "nothing to try" in fault_of(run("--model", weights, "--runtime", "tensorrt", *QUICK))


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "not found" in fault_of(run("--model", tmp_path / "no.pt"), CannotStart)


def test_a_recording_that_cannot_be_read_is_one_line(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.avi").write_bytes(b"RIFF and nothing more")
    fault = fault_of(run("--model", weights, "--source", tmp_path / "torn.avi", *QUICK))
    assert "torn.avi: cannot be read as a recording" in fault


def test_a_data_set_of_other_classes_is_refused_before_anything_is_timed(weights: Path, tmp_path: Path) -> None:
    import cv2

    for part in ("images/val", "labels/val"):
        (tmp_path / part).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images/val/a.png"), np.zeros((96, 96, 3), np.uint8))
    (tmp_path / "labels/val/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "data.yaml").write_text("path: .\nval: images/val\nnames: {0: zebra}\n")
    result = run("--model", weights, "--data", tmp_path / "data.yaml", *QUICK)
    assert "zebra" in fault_of(result)
    assert "timing" not in result.output

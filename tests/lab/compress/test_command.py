import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lab.compress.command import app
from pipeline.errors import BartizanError, UsageError
from stages.detect.yolo import YoloDetector
from tests.lab.compress.networks import NAMES, SIDE

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

QUICK = ["--imgsz", str(SIDE), "--precision", "f32", "--rounds", "50", "--turns", "5"]


def compress(*words: str | Path) -> Result:
    found = CliRunner().invoke(app, [*map(str, words), *QUICK])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


@pytest.fixture(scope="module")
def quantised(weights: Path, pictures: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("int8") / "out"
    found = compress(
        "int8", weights, "--calibrate", pictures, "--data", dataset, "--tolerance", "1", "--frames", "6", "--out", out
    )
    assert found.exit_code == 0, found.output
    assert "mAP50-95" in found.stdout
    assert "latency" in found.stdout
    return out


def test_an_int8_model_is_a_folder_that_the_detector_loads(quantised: Path, weights: Path) -> None:
    assert {"model.xml", "model.bin", "metadata.yaml", "run.json"} == {file.name for file in quantised.iterdir()}
    options = YoloDetector.Options(model=quantised, device="cpu", precision="f32", imgsz=SIDE)
    assert YoloDetector(options).names == list(NAMES)
    assert "FakeQuantize" in (quantised / "model.xml").read_text()


def test_the_record_says_from_what_how_and_with_what_outcome(quantised: Path) -> None:
    record = json.loads((quantised / "run.json").read_text())
    assert record["made_by"] == "bartizan compress int8"
    assert set(record["files"]) == {"model.xml", "model.bin"}
    assert list(record["from"]) == ["tiny.pt"]
    assert len(record["data_sha256"]) == 64
    assert record["verdict"]["decision"] == "accepted"
    assert record["settings"]["calibration"]["frames"] == 6
    assert {"nncf", "openvino"} <= set(record["versions"])


def test_an_int8_model_cannot_be_quantised_again(
    quantised: Path, pictures: Path, dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="is INT8 already"):
        compress("int8", quantised, "--calibrate", pictures, "--data", dataset, "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_loses_too_much_is_refused_and_not_left_behind(
    weights: Path, dataset: Path, tmp_path: Path
) -> None:
    found = compress(
        "prune", weights, "--data", dataset, "--ratio", "0.15", "--criterion", "bn", "--finetune", "0",
        "--tolerance", "0.001", "--out", tmp_path / "out",
    )  # fmt: skip
    assert found.exit_code == 1
    assert "refused: mAP50-95 falls by" in found.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_pruned_network_is_taught_and_runs(weights: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = compress(
        "prune", weights, "--data", dataset, "--ratio", "0.15", "--finetune", "1", "--batch", "4", "--workers", "0",
        "--tolerance", "1", "--out", out,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    record = json.loads((out / "run.json").read_text())
    work = record["settings"]["pruning"]["work"]
    assert work[1] <= 0.85 * work[0]
    model = out / "tiny-pruned.pt"
    options = YoloDetector.Options(model=model, device="cpu", precision="f32", imgsz=SIDE)
    assert YoloDetector(options).names == list(NAMES)
    assert list(record["files"]) == [model.name]
    assert _means(model) <= _means(weights)  # those of the channels that stay, and no batch's own


def _means(checkpoint: Path) -> set[float]:
    """The means that the normalising layers of a network subtract."""
    import torch

    from stages.detect.checkpoint import load_checkpoint

    network: Any = load_checkpoint(checkpoint)
    norms = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    return {float(mean) for norm in norms if norm.running_mean is not None for mean in norm.running_mean}


@pytest.mark.slow
def test_a_student_is_taught_on_frames_that_nobody_labelled(
    weights: Path, dataset: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    found = compress(
        "distill", weights, "--student", "0.5", "--data", dataset, "--learn", pictures, "--epochs", "1", "--batch", "4",
        "--workers", "0", "--tolerance", "1", "--out", out,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert (out / "tiny-student.pt").stat().st_size < weights.stat().st_size


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prune", "MODEL", "--criterion", "luck"], "allowed are taylor, bn, l1"),
        (["distill", "MODEL", "--student", "3"], "a width lies between"),
        (["distill", "MODEL", "--student", "nobody.pt"], "neither a width such as 0.75 nor a .pt"),
        (["distill", "MODEL", "--student", "TRUNCATED"], r"^weights .*cut\.pt are not an ultralytics checkpoint"),
        (["prune", "MODEL", "--block", "3"], "--block 3: these pictures make 4 of them, too few"),
        (["int8", "MODEL", "--calibrate", "nowhere"], "--calibrate nowhere: does not exist"),
        (["int8", "MODEL", "--calibrate", "nowhere", "--keep", "calm"], "allowed are auto"),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    weights: Path, dataset: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    truncated = tmp_path / "cut.pt"
    truncated.write_bytes(weights.read_bytes()[:-2000])
    files = {"MODEL": str(weights), "TRUNCATED": str(truncated)}
    with pytest.raises(BartizanError, match=message) as refused:
        compress(*(files.get(word, word) for word in words), "--data", dataset, "--out", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == [truncated]

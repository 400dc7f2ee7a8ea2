"""``bartizan evaluate detect`` and ``compare``, from the arguments to the files."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lab.dataset.labelled import Dataset
from lab.dataset.yolo_format import read, write
from lab.evaluate.command import app
from lab.evaluate.detect_command import detect
from pipeline.errors import UsageError

QUICK = ["--imgsz", "128", "--runtime", "torch", "--device", "cpu", "--rounds", "30", "--conf", "0.6"]

BLOCK = ["--block", "3"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)


def fault_of(result: Result) -> str:
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def report(weights: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a full report: corruptions and attacks too."""
    out = tmp_path_factory.mktemp("report") / "new"
    extra = [
        "--corruptions",
        "fog,jpeg",
        "--severities",
        "1,5",
        "--attack",
        "fgsm,pgd,patch",
        "--attack-limit",
        "4",
        "--patch-steps",
        "5",
    ]
    result = run("detect", weights, dataset, "--out", out, *QUICK, *extra)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "10 pictures" in result.output
    return out


@pytest.fixture(scope="module")
def result(report: Path) -> Any:
    return json.loads((report / "result.json").read_text())


def test_boxes_that_are_the_truth_by_making_are_found(result: Any) -> None:
    figures = result["figures"]
    assert figures["map50"]["value"] > 0.95
    assert figures["chosen"]["recall"]["value"] > 0.95
    assert figures["chosen"]["precision"]["value"] > 0.95
    assert figures["map50"]["low"] <= figures["map50"]["value"]
    assert figures["pictures"] == 10
    assert set(figures["recall_at_precision"]) == {"0.8", "0.85", "0.9", "0.95"}


def test_every_part_of_the_report_is_there(report: Path, result: Any) -> None:
    html = (report / "report.html").read_text()
    for heading in ("Figures", "Classes", "Curves", "Slices", "Confusion", "Mistakes", "Robustness", "Attacks"):
        assert f">{heading}</h2>" in html
    assert "yard" in html
    assert {part["kind"] for part in result["slices"]} == {"size", "light", "camera"}


def test_the_confusion_counts_every_true_box_once(result: Any) -> None:
    counts = result["confusion"]["counts"]
    assert sum(map(sum, counts[:-1])) == result["figures"]["truths"]


def test_corruption_is_told_by_name_and_severity(result: Any) -> None:
    named = [(each["corruption"], each["severity"]) for each in result["robustness"]["conditions"]]
    assert named == [("fog", 1), ("fog", 5), ("jpeg", 1), ("jpeg", 5)]
    clean, mean = result["robustness"]["clean"]["value"], result["robustness"]["mean"]["value"]
    assert result["robustness"]["relative"]["value"] == pytest.approx(mean / clean)
    assert clean == pytest.approx(result["figures"]["map"]["value"])


def test_attacks_lower_what_is_found(result: Any) -> None:
    pgd = result["attacks"]["pgd"]
    assert [each["epsilon"] for each in pgd] == [0, 1, 2, 4, 8]
    assert pgd[-1]["recall"]["value"] < pgd[0]["recall"]["value"]
    assert set(result["attacks"]["patch"]) == {"pictures", "clean", "control", "patched", "cost"}


def test_the_run_says_what_it_was_made_of(report: Path) -> None:
    record = json.loads((report / "run.json").read_text())
    assert record["settings"]["conf"] == 0.6
    assert len(record["data_sha256"]) == 64
    assert "torch" in record["versions"]


def test_a_model_may_take_its_own_place(weights: Path, dataset: Path, tmp_path: Path) -> None:
    result = run("compare", weights, weights, dataset, *QUICK[:-2], "--out", tmp_path)
    assert result.exit_code == 0
    assert "PASS" in result.output
    assert json.loads((tmp_path / "result.json").read_text())["verdict"] == "not worse"
    assert "PASS" in (tmp_path / "report.html").read_text()


def test_a_worse_model_may_not_even_leniently(weights: Path, other_weights: Path, dataset: Path) -> None:
    result = run("compare", weights, other_weights, dataset, *QUICK[:-2], "--lenient", "--metric", "map50")
    assert result.exit_code == 1
    assert "FAIL" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--attack", "gpd"], "no attack is named 'gpd'"),
        (["--corruptions", "frog"], "no corruption is named 'frog'"),
        (["--severities", "0"], "expected some of 1,2,3,4,5"),
        (["--levels", "85"], "expected shares"),
        (["--map", "person"], "expected NAME=VALUE"),
        (["--map", "persn=car"], "did you mean 'person'"),
        (["--map", "person=van"], "the model knows no class 'van'"),
        (["--map", "person=car"], "already stands for another class"),
        (["--classes", "dog"], "the data set knows no class 'dog'"),
        (["--split", "test"], "it has val"),
        (["--labels", "nowhere"], "is not a folder"),
        (["--names", "nothing.txt"], "neither coco, model, nor a file"),
        (["--precision", "f99"], "--precision f99: input should be 'auto'"),
        (["--imgsz", "100"], "--imgsz 100: input should be a multiple of 32"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], said: str, weights: Path, dataset: Path, tmp_path: Path
) -> None:
    fault = fault_of(run("detect", weights, dataset, "--out", tmp_path, *QUICK, *arguments))
    assert said in fault
    assert len(fault.splitlines()) == 1


def test_compare_wants_pictures_or_a_video(weights: Path, dataset: Path, tmp_path: Path) -> None:
    assert "either" in fault_of(run("compare", weights, weights))
    assert "either" in fault_of(run("compare", weights, weights, dataset, "--video", "x.avi", "--truth", "gt.txt"))
    assert "--metric" in fault_of(run("compare", weights, weights, dataset, "--metric", "accuracy"))
    assert "--every is for a --video" in fault_of(run("compare", weights, weights, dataset, "--every", "2"))
    assert fault_of(run("compare", weights, weights, dataset, "--imgsz-b", "100")).startswith("B: --imgsz 100: ")


def test_a_block_is_heeded_for_a_data_set_too(weights: Path, dataset: Path, tmp_path: Path) -> None:
    images = []
    for each in read(dataset):
        for turn in range(4):
            camera, number = each.path.stem.split("_")
            path = tmp_path / f"{camera}_{turn}{number}.png"
            copyfile(each.path, path)
            images.append(replace(each, path=path))
    write(Dataset(read(dataset).names, {"val": tuple(images)}), tmp_path / "many")
    single, block = (run("compare", weights, weights, tmp_path / "many", *QUICK[:-2], *how) for how in ([], BLOCK))
    assert "40 pictures." in single.output
    assert "note: 20 pictures of 'gate' count as independent" in single.output
    assert "40 pictures, 14 blocks." in block.output
    assert "note" not in block.output
    fault = fault_of(run("compare", weights, weights, dataset, *QUICK[:-2], *BLOCK))
    assert "--block 3: these pictures make 4 of them, too few" in fault


def test_an_exported_model_gives_no_gradients(weights: Path, tmp_path: Path) -> None:
    from lab.evaluate.victim import Victim
    from lab.evaluate.vocabulary import match_names

    with pytest.raises(UsageError, match="gives no gradients"):
        Victim(tmp_path / "model.xml", match_names(["a"], ["a"]))


@pytest.mark.footage
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_teacher_scores_on_coco_what_ultralytics_says(footage: Path, tmp_path: Path) -> None:
    """ultralytics' own validation gives 0.444 (FP32, batch 1): it lets an anchor have two classes, matches by overlap
    before confidence, and integrates by trapezoids."""
    coco = footage / "datasets" / "coco256_lightly"
    detect(
        str(footage / "weights" / "yolo11n-deq8.pt"),
        coco / "images" / "val2017",
        tmp_path,
        labels=coco / "object_detection" / "labels" / "val2017",
        names="coco",
        precision="f32",
        rounds=20,
    )
    figures = json.loads((tmp_path / "result.json").read_text())["figures"]
    assert figures["map"]["value"] == pytest.approx(0.444, abs=0.01)
    assert figures["map50"]["value"] == pytest.approx(0.600, abs=0.015)

"""Figures of a classifier, against sums done by hand, and the command that reports them."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lab.evaluate.classify import Answers, area_under_roc, average_precision, measure
from lab.evaluate.classify_gate import compare
from lab.evaluate.command import app
from lab.evaluate.compare import judge
from lab.statistics import Interval
from lab.train.classify.training import train
from pipeline.errors import CannotStart, UsageError
from tests.lab.train.classify.shapes import settings_of, write_shapes

NAMES = ("car", "van")


def answers(labels: list[int], vans: list[float], groups: list[str] | None = None) -> Answers:
    """Of crops with these classes, from the probability of a van."""
    probability = np.stack([1 - np.array(vans), np.array(vans)], axis=1).astype(np.float32)
    files = tuple(f"{number}.png" for number in range(len(labels)))
    return Answers(NAMES, np.array(labels, np.int64), probability, tuple(groups or files), files)


def test_accuracy_baseline_and_confusion_are_what_counting_gives() -> None:
    figures = measure(answers([0, 0, 0, 1], [0.1, 0.2, 0.9, 0.8]), rounds=20)
    assert figures.accuracy.value == 0.75
    assert figures.baseline.value == 0.75
    assert figures.gain.value == 0.0
    assert figures.balanced_accuracy.value == pytest.approx((2 / 3 + 1) / 2)
    assert figures.confusion == [[2, 1], [0, 1]]
    assert figures.classes["van"].precision.value == 0.5
    assert figures.classes["van"].recall.value == 1.0


def test_a_model_that_always_says_one_thing_gains_nothing_over_the_most_frequent_class() -> None:
    figures = measure(answers([0] * 30 + [1] * 10, [0.3] * 40), rounds=200)
    assert (figures.gain.low, figures.gain.high) == (0.0, 0.0)
    assert figures.balanced_accuracy.value == 0.5


def test_crops_of_few_recordings_leave_a_wider_interval_than_they_would_alone() -> None:
    labels, said = [0] * 100 + [1] * 100, [0.1] * 100 + [0.9] * 80 + [0.1] * 20
    apart = measure(answers(labels, said), rounds=300)
    groups = [f"camera {number // 10}" for number in range(200)]
    together = measure(answers(labels, said, groups), rounds=300)
    assert together.unit == "recording"
    assert together.units == 20
    assert _width(together.accuracy) > 1.5 * _width(apart.accuracy)


def test_curves_agree_with_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score  # type: ignore[import-untyped]  # no types

    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 200)
    vans = np.clip(0.3 * labels + random.random(200) * 0.7, 0, 1).round(2)
    found = answers(labels.tolist(), vans.tolist())
    assert area_under_roc(found, 1) == pytest.approx(roc_auc_score(labels, found.probability[:, 1]))
    expected = average_precision_score(labels, found.probability[:, 1])
    assert average_precision(found, 1) == pytest.approx(expected, abs=1e-6)


def test_one_that_errs_more_on_the_same_crops_is_worse_and_one_that_errs_alike_is_not() -> None:
    labels = [0] * 100 + [1] * 100
    good = answers(labels, [0.1] * 100 + [0.9] * 95 + [0.1] * 5)
    bad = answers(labels, [0.1] * 70 + [0.9] * 30 + [0.9] * 95 + [0.1] * 5)
    found = compare(good, bad, rounds=200)
    assert (found.a.value, found.b.value) == (0.975, 0.825)
    assert judge(found.difference, tolerance=0.02) == "worse"
    assert judge(compare(good, good, rounds=200).difference, tolerance=0.0) == "not worse"
    few = answers([0, 1] * 6, [0.1, 0.9] * 5 + [0.9, 0.9])
    assert judge(compare(few, answers([0, 1] * 6, [0.1, 0.9] * 6), rounds=200).difference, tolerance=0.0) == "not worse"
    assert judge(compare(answers([0, 1] * 6, [0.1, 0.9] * 6), few, rounds=200).difference, tolerance=0.02) == (
        "cannot tell"
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classify")
    crops = write_shapes(folder / "crops", each=40)
    train(settings_of(crops), folder / "run", base=folder)
    return folder / "run" / "model.onnx"


def test_the_report_says_how_good_it_is_and_under_what_it_breaks(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    crops = model.with_name("crops.csv")
    words = ["classify", model, crops, "--out", out, "--attack", "fgsm", "--eps", "16", "--rounds", "50"]
    found = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "most frequent class" in found.stdout
    result = json.loads((out / "result.json").read_text())
    assert result["figures"]["accuracy"]["value"] > result["figures"]["baseline"]["value"]
    assert list(result["attacks"]) == ["fgsm"]
    page = (out / "report.html").read_text()
    assert "Confusion" in page
    assert 'src="http' not in page
    assert json.loads((out / "run.json").read_text())["settings"]["eps"] == 16


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["--attack", "hammer"], UsageError, "known are fgsm, pgd"),
        (["--split", "nothing"], UsageError, "nothing"),
        (["--runtime", "abacus"], UsageError, "openvino"),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    model: Path, tmp_path: Path, words: list[str], error: type[Exception], message: str
) -> None:
    given = ["classify", str(model), str(model.with_name("crops.csv")), "--out", str(tmp_path / "out"), *words]
    with pytest.raises(error, match=message) as refused:
        CliRunner().invoke(app, given, catch_exceptions=False)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_no_gallery_and_a_class_that_is_unknown_are_named(model: Path, tmp_path: Path) -> None:
    data = write_shapes(tmp_path / "crops", each=2)
    (data / "square").rename(data / "lozenge")
    out = ["--out", str(tmp_path / "out")]
    with pytest.raises(UsageError, match="knows no class lozenge"):
        CliRunner().invoke(app, ["classify", str(model), str(data), *out], catch_exceptions=False)
    with pytest.raises(CannotStart, match="nor a gallery"):
        CliRunner().invoke(app, ["classify", str(tmp_path), str(data), *out], catch_exceptions=False)


def _width(interval: Interval) -> float:
    return interval.high - interval.low


def test_a_model_takes_the_place_of_itself(model: Path, tmp_path: Path) -> None:
    words = ["classify", model, model.with_name("crops.csv"), "--out", tmp_path, "--against", model, "--rounds", "50"]
    found = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "PASS" in found.stdout
    assert json.loads((tmp_path / "result.json").read_text())["against"]["difference"]["value"] == 0

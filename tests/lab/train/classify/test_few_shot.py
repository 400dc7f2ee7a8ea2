"""New types from a few crops: the thresholds are honest, and a gallery runs like a trained model."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from lab.train.classify.few_shot import Method, few_names, name_types
from lab.train.classify.few_shot_command import METHODS
from lab.train.command import app
from pipeline.errors import CannotStart, UsageError
from stages.classify.crop_graph import FloatArray
from stages.classify.few_shot import FewShotClassifier, normalised, scores
from tests.lab.train.classify.shapes import shape

WIDTH = 16


def cloud(random: np.random.Generator, count: int, *, at: float = 0.0) -> FloatArray:
    """Embeddings around a place on the first axis."""
    rows = random.standard_normal((count, WIDTH)).astype(np.float32)
    rows[:, 0] += at
    return rows


@pytest.mark.parametrize("method", METHODS)
def test_new_objects_of_the_type_pass_and_others_do_so_as_rarely_as_was_asked(method: Method) -> None:
    random = np.random.default_rng(4)
    content = name_types({"van": cloud(random, 12, at=9)}, cloud(random, 400), method=method, false_alarm_rate=0.05)
    (van,) = content["types"]
    rows, centre = np.array(van.rows, np.float32), np.array(content["centre"], np.float32)
    fresh = scores(normalised(cloud(random, 200, at=9), centre), [rows])[:, 0]
    others = scores(normalised(cloud(random, 4000), centre), [rows])[:, 0]
    assert (fresh > van.threshold).mean() > 0.85
    assert (others > van.threshold).mean() < 0.09
    assert van.separation > 0.95


def test_examples_that_are_like_everything_else_are_known_to_say_nothing() -> None:
    random = np.random.default_rng(5)
    content = name_types({"thing": cloud(random, 10)}, cloud(random, 400), method="prototype", false_alarm_rate=0.02)
    assert content["types"][0].separation < 0.75
    assert content["types"][0].recall < 0.5


def test_two_types_are_told_apart() -> None:
    random = np.random.default_rng(6)
    given = {"van": cloud(random, 8, at=9), "cart": cloud(random, 8, at=-9)}
    content = name_types(given, cloud(random, 200), method="discriminant", false_alarm_rate=0.02)
    rows = [np.array(each.rows, np.float32) for each in content["types"]]
    found = scores(normalised(cloud(random, 50, at=-9), np.array(content["centre"], np.float32)), rows)
    assert (found.argmax(axis=1) == 1).mean() > 0.95


@pytest.mark.parametrize(
    ("examples", "others", "message"),
    [
        ({"van": 2}, 50, "2 examples; 3 at least"),
        ({"van": 5}, 4, "4 crops of other objects"),
        ({"other": 5}, 50, "cannot be named 'other'"),
    ],
)
def test_too_little_to_go_by_is_refused(examples: dict[str, int], others: int, message: str) -> None:
    random = np.random.default_rng(7)
    rows = {name: cloud(random, count) for name, count in examples.items()}
    with pytest.raises(UsageError, match=message):
        name_types(rows, cloud(random, others), method="nearest", false_alarm_rate=0.02)


def test_names_are_the_folders_own_unless_given_and_no_two_are_alike() -> None:
    folders = [Path("a/van"), Path("b/van")]
    assert few_names(folders, ["van", "lorry"]) == ["van", "lorry"]
    with pytest.raises(UsageError, match="two types have one name"):
        few_names(folders, [])
    with pytest.raises(UsageError, match="1 --name for 2 folders"):
        few_names(folders, ["van"])


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten discs; thirty squares that stand for other objects."""
    folder = tmp_path_factory.mktemp("few")
    random = np.random.default_rng(8)
    for name, count in (("disc", 10), ("square", 30)):
        (folder / name).mkdir()
        for number in range(count):
            cv2.imwrite(str(folder / name / f"{number}.png"), shape(name, random))
    return folder


def test_a_gallery_on_a_trained_classifier_names_crops_it_never_saw(crops: Path, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "gallery"
    words = ["few-shot", crops / "disc", "--embedder", trained / "model.onnx", "--others", crops / "square"]
    found = CliRunner().invoke(app, [*map(str, words), "--out", str(out)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "disc: 10 examples" in found.stdout
    classifier = FewShotClassifier(FewShotClassifier.Options(gallery=out))
    assert classifier.names == ("disc", "other")
    random = np.random.default_rng(9)
    judged = classifier.process([shape("disc", random) for _ in range(10)] + [shape("square", random)] * 10)
    assert judged.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    assert (judged.argmax(axis=1) == [0] * 10 + [1] * 10).mean() >= 0.9
    gallery = json.loads((out / "gallery.json").read_text())
    (out / "gallery.json").write_text(json.dumps(gallery | {"embedder_sha256": "0" * 64}))
    with pytest.raises(CannotStart, match="was made with another"):
        FewShotClassifier(FewShotClassifier.Options(gallery=out))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"--method": "luck"}, "known are prototype"), ({"--embedder": "nowhere.onnx"}, "no such file")],
)
def test_wrong_words_are_answered_in_one_line(
    crops: Path, trained: Path, tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    words = {"--embedder": str(trained / "model.onnx"), "--others": str(crops / "square")} | changed
    given = [word for pair in words.items() for word in pair]
    with pytest.raises(UsageError, match=message) as refused:
        CliRunner().invoke(
            app, ["few-shot", str(crops / "disc"), *given, "--out", str(tmp_path)], catch_exceptions=False
        )
    assert "\n" not in str(refused.value)

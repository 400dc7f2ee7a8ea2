"""``bartizan dataset`` as it is typed: what it writes, what it says, what it ends with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.dataset.command import app
from lab.dataset.label import unlabelled
from lab.dataset.labelled import Dataset
from lab.dataset.yolo_format import read, write
from pipeline.errors import UsageError
from tests.lab.dataset.conftest import drawn


def run(*words: object) -> tuple[int, str]:
    """Exit code and output; errors that Bartizan raises on purpose come out as they are."""
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.exit_code, outcome.output


@pytest.fixture
def yolo(dataset: Dataset, tmp_path: Path) -> Path:
    return write(dataset, tmp_path / "yolo").parent


def test_classes_are_renamed_merged_and_dropped_on_import(yolo: Path, tmp_path: Path) -> None:
    code, said = run(
        "import", yolo, "--format", "yolo", "--map", "car=", "--map", "person=pedestrian", "--out", tmp_path / "a"
    )
    merged = run("import", yolo, "--format", "yolo", "--map", "car=person", "--out", tmp_path / "b")

    assert (code, merged[0]) == (0, 0)
    assert "5 boxes of 1 classes" in said
    assert read(tmp_path / "a").names == ("pedestrian",)
    assert "7 boxes of 1 classes" in merged[1]
    assert read(tmp_path / "b").names == ("person",)


def test_classes_are_put_in_the_order_wanted(yolo: Path, tmp_path: Path) -> None:
    run("import", yolo, "--format", "yolo", "--classes", "dog,car,person", "--out", tmp_path / "a")

    data = read(tmp_path / "a")
    assert data.names == ("dog", "car", "person")
    assert {int(number) for image in data for number in image.class_id} == {1, 2}


def test_a_class_that_is_not_there_is_named_with_its_like(yolo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'person'"):
        run("import", yolo, "--format", "yolo", "--map", "persn=x", "--out", tmp_path / "a")


def test_a_folder_in_use_is_not_written_into(yolo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not empty"):
        run("export", yolo, "--format", "coco", "--out", yolo)


def test_a_split_passes_the_check_and_a_leak_fails_it(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    images = [drawn(folder / f"c{i % 5}_{i}.png", [(10, 10, 60, 90, 0)], seed=i) for i in range(100)]
    yaml = write(Dataset(("person",), {"train": tuple(images)}), tmp_path / "one")

    assert run("split", yaml, "--out", tmp_path / "split")[0] == 0
    code, said = run("check", tmp_path / "split")
    assert code == 0, said
    assert len(read(tmp_path / "split").splits["val"]) == 20

    leaking = write(Dataset(("person",), {"train": tuple(images[:70]), "val": tuple(images[60:])}), tmp_path / "leak")
    code, said = run("check", leaking)
    assert code == 1
    assert "error: same scene in two splits, 10: make the splits anew" in said
    report = json.loads((tmp_path / "leak" / "report.json").read_text())
    assert report["errors"] == 10
    assert report["classes"]["person"] == {"train": 70, "val": 40}


def test_warnings_fail_only_a_strict_check(tmp_path: Path) -> None:
    yaml = write(
        Dataset(("person",), {"train": (drawn(tmp_path / "a_1.png", [(10, 10, 60, 90, 0)]),)}), tmp_path / "set"
    )

    assert run("check", yaml)[0] == 0
    assert run("check", yaml, "--strict")[0] == 1


def test_frames_are_captured_without_any_detector(tmp_path: Path) -> None:
    code, said = run(
        "capture", "synthetic:160x120@10?frames=60&boxes=2&recording=yes", "--count", 3, "--out", tmp_path / "a"
    )

    assert code == 0
    assert "3 of 12 frames chosen" in said
    assert len(read(tmp_path / "a")) == 3
    assert json.loads((tmp_path / "a" / "run.json").read_text())["result"]["chosen"] == 3


def test_a_camera_is_held_back_by_its_name(yolo: Path, tmp_path: Path) -> None:
    code, said = run("split", yolo, "--hold-back", "yard", "--out", tmp_path / "a")

    assert code == 0
    assert "train 3, val 3 pictures" in said
    assert {image.camera for image in read(tmp_path / "a").splits["val"]} == {"yard"}
    with pytest.raises(
        UsageError, match=r"^--hold-back 'yrad': no such camera, did you mean 'yard'\?; there are gate, yard$"
    ):
        run("split", yolo, "--hold-back", "yrad", "--out", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_why_a_frame_was_chosen_says_for_how_many_it_stands(tmp_path: Path) -> None:
    source = "synthetic:160x120@10?frames=60&boxes=2&recording=yes"
    run("capture", source, "--count", 3, "--out", tmp_path / "a")

    lines = [json.loads(line) for line in (tmp_path / "a" / "manifest.jsonl").read_text().splitlines()]
    assert lines[0]["reason"] == "first of its kind"
    assert all(f"stands for {line['stands_for']:.0%} of the frames" in line["reason"] for line in lines[1:])


def test_labels_that_nobody_made_do_not_win_over_teachers(yolo: Path) -> None:
    assert {len(image) for image in unlabelled(read(yolo))} == {0}
    assert unlabelled(read(yolo)).names == ()

import json
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from lab.evaluate.command import app
from pipeline.errors import UsageError

NORMAL, FAST = 2, 9


def draw(folder: Path, paces: list[int], *, seed: int) -> None:
    """A clip of textured blocks as high as people, one after the other, each that many pixels a frame."""
    random = np.random.default_rng(seed)
    wall = np.random.default_rng(0).integers(90, 120, (120, 180, 3)).astype(np.uint8)
    block = random.integers(0, 255, (60, 24, 3)).astype(np.uint8)
    folder.mkdir(parents=True)
    left = 5
    for frame, pace in enumerate(paces):
        picture = wall.copy()
        left = (left + pace) % 150
        picture[40:100, left : left + 24] = block
        cv2.imwrite(str(folder / f"{frame:03}.png"), picture)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three normal clips, and a test clip that runs from frame 13 on; ``shorter`` is its beginning."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(3):
        draw(folder / "normal" / f"n{number}", [NORMAL] * 24, seed=1)
    draw(folder / "test" / "run", [NORMAL] * 12 + [FAST] * 12, seed=1)
    draw(folder / "shorter" / "run", [NORMAL] * 12 + [FAST] * 4, seed=1)
    for name, row in (("labels", "run,13,24"), ("wrong", "walk,13,24")):
        (folder / f"{name}.csv").write_text(f"clip,first_anomalous_frame,last_anomalous_frame\n{row}\n")
    masks = folder / "masks" / "run"
    masks.mkdir(parents=True)
    left = 5
    for frame, pace in enumerate([NORMAL] * 12 + [FAST] * 12):
        left = (left + pace) % 150
        mask = np.zeros((120, 180), np.uint8)
        if frame >= 12:
            mask[40:100, left : left + 24] = 255
        cv2.imwrite(str(masks / f"{frame:03}.png"), mask)
    return folder


def evaluate(clips: Path, out: Path, *more: str, test: str = "test") -> Result:
    arguments = ["anomaly", "--normal", str(clips / "normal"), "--test", str(clips / test), "--scores", str(out)]
    return CliRunner().invoke(app, [*arguments, "--cache", str(clips / "cache"), *more])


def scores(out: Path) -> list[float]:
    table = pl.read_parquet(out / "run.parquet")
    assert table.columns == ["frame", "score"]
    assert table["frame"].to_list() == list(range(1, len(table) + 1))
    found: list[float] = table["score"].to_list()
    return found


def test_later_frames_never_change_earlier_scores(clips: Path, tmp_path: Path) -> None:
    """Through the whole command: no score is scaled, smoothed or ranked by what comes after it in its clip."""
    assert evaluate(clips, tmp_path / "whole").exit_code == 0
    assert evaluate(clips, tmp_path / "cut", test="shorter").exit_code == 0
    whole, cut = scores(tmp_path / "whole"), scores(tmp_path / "cut")
    assert (len(whole), len(cut)) == (24, 16)
    assert whole[:16] == cut
    assert max(whole[12:]) > max(whole[:12]), "and they tell something"


def test_without_labels_scores_are_written_and_nothing_is_measured(clips: Path, tmp_path: Path) -> None:
    told = evaluate(clips, tmp_path)
    assert told.exit_code == 0
    assert "24 frames of 1 clips scored" in told.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.parquet"]


def test_with_labels_figures_stand_beside_floors(clips: Path, tmp_path: Path) -> None:
    more = ["--labels", str(clips / "labels.csv"), "--masks", str(clips / "masks"), "--out", str(tmp_path / "report")]
    told = evaluate(clips, tmp_path / "scores", *more)
    assert told.exit_code == 0, told.output
    facts = json.loads((tmp_path / "report" / "result.json").read_text())
    rows = ["model of normal", "random", "frame number", "number of boxes", "widest box", "max window flow"]
    assert list(facts["frame_auc"]) == rows
    assert facts["frame_auc"]["frame number"]["micro"] == 1.0
    assert facts["frame_auc"]["max window flow"]["micro"] > 0.9
    assert (facts["places"]["regions"], facts["places"]["tracks"]) == (12, 1)
    assert "looks ahead" in told.output
    assert "a leak" in told.output
    assert "1 clips make a rough interval" in told.output
    assert "<svg" in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--labels", "wrong.csv"], "clip 'walk' is not among the test clips: run"),
        (["--masks", "masks"], "--masks needs --labels"),
        (["--labels", "labels.csv", "--masks", "normal"], r"run: holds 0 masks, but the clip has 24 frames"),
        (["--test", "test/run"], "holds no clip .*It holds pictures itself: name the folder above it"),
        (["--test", "nowhere"], "nowhere: is no folder"),
    ],
)
def test_what_cannot_be_used_is_one_line(clips: Path, tmp_path: Path, more: list[str], message: str) -> None:
    placed = [each if each.startswith("--") else str(clips / each) for each in more]
    told = evaluate(clips, tmp_path, *placed)
    assert isinstance(told.exception, UsageError), told.output
    with pytest.raises(UsageError, match=message):
        raise told.exception

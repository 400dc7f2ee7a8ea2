import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from lab.evaluate.anomaly.telling import text_of
from lab.evaluate.anomaly.trial import Asked, carry_out
from lab.evaluate.command import app
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.stage import Picture, View

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
    """Two normal clips, and a test clip that runs from frame 9 on; ``shorter`` is its beginning."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(2):
        draw(folder / "normal" / f"n{number}", [NORMAL] * 16, seed=1)
    draw(folder / "test" / "run", [NORMAL] * 8 + [FAST] * 6, seed=1)
    draw(folder / "shorter" / "run", [NORMAL] * 8 + [FAST] * 3, seed=1)
    for name, row in (("labels", "run,9,14"), ("wrong", "walk,9,14")):
        (folder / f"{name}.csv").write_text(f"clip,first_anomalous_frame,last_anomalous_frame\n{row}\n")
    (folder / "broken").mkdir()
    (folder / "broken" / "yard.avi").write_bytes(b"no video")
    (folder / "unreadable" / "run").mkdir(parents=True)
    (folder / "unreadable" / "run" / "1.png").write_bytes(b"no picture")
    masks = folder / "masks" / "run"
    masks.mkdir(parents=True)
    left = 5
    for frame, pace in enumerate([NORMAL] * 8 + [FAST] * 6):
        left = (left + pace) % 150
        mask = np.zeros((120, 180), np.uint8)
        if frame >= 8:
            mask[40:100, left : left + 24] = 255
        cv2.imwrite(str(masks / f"{frame:03}.png"), mask)
    return folder


class Finder:
    """Fulfils ``Detector``: a person is where the picture is no wall."""

    engine, model, names, capacity = "finder", {"name": "finder", "sha256": "f" * 64}, ["person"], 1
    asked = 0

    def process(self, batch: Sequence[View]) -> list[Detections]:
        self.asked += len(batch)
        return [self._find(view.pixels) for view in batch]

    def _find(self, pixels: Picture) -> Detections:
        there = np.abs(pixels.astype(int) - 105).max(axis=2) > 20
        columns, rows = np.flatnonzero(there.any(axis=0)), np.flatnonzero(there.any(axis=1))
        box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
        return Detections(box, np.full(1, 0.9, np.float32), np.zeros(1, np.int32))


def asked(clips: Path, scores: Path, test: str = "test", **more: Path) -> Asked:
    return replace(Asked(normal=clips / "normal", test=clips / test, scores=scores), **more)  # type: ignore[arg-type]  # paths only


def scores(out: Path) -> list[float]:
    table = pl.read_parquet(out / "run.parquet")
    assert table.columns == ["frame", "score"]
    assert table["frame"].to_list() == list(range(1, len(table) + 1))
    found: list[float] = table["score"].to_list()
    return found


def test_later_frames_never_change_earlier_scores(clips: Path, tmp_path: Path) -> None:
    """Through the whole command: no score is scaled, smoothed or ranked by what comes after it in its clip."""
    carry_out(asked(clips, tmp_path / "whole"), Finder())
    carry_out(asked(clips, tmp_path / "cut", test="shorter"), Finder())
    whole, cut = scores(tmp_path / "whole"), scores(tmp_path / "cut")
    assert (len(whole), len(cut)) == (14, 11)
    assert whole[:11] == cut
    assert max(whole[8:]) > max(whole[:8]), "and they tell something"


def test_without_labels_scores_are_written_and_nothing_is_measured(clips: Path, tmp_path: Path) -> None:
    assert carry_out(asked(clips, tmp_path), Finder()) == {"clips": 1, "frames": 14}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.parquet"]


def test_with_labels_figures_stand_beside_floors(clips: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    wanted = asked(clips, tmp_path / "scores", labels=clips / "labels.csv", masks=clips / "masks", out=report)
    told = text_of(carry_out(wanted, Finder()))
    facts = json.loads((report / "result.json").read_text())
    rows = ["model of normal", "random", "frame number", "number of boxes", "widest box", "max window flow"]
    assert list(facts["frame_auc"]) == rows
    assert facts["frame_auc"]["frame number"]["micro"] == 1.0
    assert facts["fps"] == {"run": pytest.approx(10.0)}
    assert facts["frame_auc"]["max window flow"]["micro"] > 0.9
    assert (facts["places"]["regions"], facts["places"]["tracks"]) == (6, 1)
    assert "looks ahead" in told
    assert "a leak" in told
    assert "1 clips make a rough interval" in told
    assert "<svg" in (report / "report.html").read_text()


def test_kept_boxes_give_the_same_scores_without_asking_the_detector(clips: Path, tmp_path: Path) -> None:
    first, second = Finder(), Finder()
    carry_out(asked(clips, tmp_path / "one", cache=tmp_path / "cache"), first)
    carry_out(asked(clips, tmp_path / "two", cache=tmp_path / "cache"), second)
    assert (first.asked, second.asked) == (16 + 14, 0), "clips of one content are detected once"
    assert scores(tmp_path / "one") == scores(tmp_path / "two")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--labels", "wrong.csv"], "clip 'walk' is not among the test clips: run"),
        (["--masks", "masks"], "--masks needs --labels"),
        (["--labels", "labels.csv", "--masks", "normal"], "holds no folder of masks for clip run"),
        (["--test", "test/run"], "holds no clip .*It holds pictures itself: name the folder above it"),
        (["--test", "nowhere"], "nowhere: is no folder"),
        (["--test", "."], "holds no clip .*Clips lie in .*/broken, .*/masks, .*/normal: name one of those"),
        (["--test", "broken"], "broken/yard.avi: not a video that can be read"),
        (["--test", "unreadable"], "unreadable/run: no picture in this folder"),
        (["--scores", "labels.csv"], "--scores .*labels.csv: cannot be made: File exists"),
        (["--cache", "labels.csv"], "--cache .*labels.csv: cannot be made: File exists"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_anything_long(
    clips: Path, tmp_path: Path, more: list[str], message: str
) -> None:
    arguments = ["anomaly", "--normal", str(clips / "normal"), "--test", str(clips / "test"), "--scores", str(tmp_path)]
    placed = [each if each.startswith("--") else str(clips / each) for each in more]
    told = CliRunner().invoke(app, [*arguments, *placed])
    assert isinstance(told.exception, UsageError), told.output
    with pytest.raises(UsageError, match=message):
        raise told.exception


def test_as_many_masks_as_frames_are_needed(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "masks" / "run").mkdir(parents=True)
    wanted = asked(clips, tmp_path / "scores", labels=clips / "labels.csv", masks=tmp_path / "masks")
    with pytest.raises(UsageError, match="run: holds 0 masks, but the clip has 14 frames"):
        carry_out(wanted, Finder())


class Blind(Finder):
    """Sees nothing."""

    def _find(self, pixels: Picture) -> Detections:
        return Detections.empty()


def test_where_no_object_is_ever_seen_movement_is_learned_and_it_is_said(
    clips: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    carry_out(asked(clips, tmp_path), Blind())
    found = scores(tmp_path)
    assert max(found[8:]) > max(found[:8])
    assert "the normal clips show no object; only movement is learned" in caplog.text


def test_where_nothing_is_ever_seen_nothing_is_learned(clips: Path, tmp_path: Path) -> None:
    draw(tmp_path / "normal" / "still", [NORMAL], seed=1)
    with pytest.raises(UsageError, match="show nothing to learn from"):
        carry_out(replace(asked(clips, tmp_path), normal=tmp_path / "normal"), Blind())


def test_masks_of_some_clips_measure_those_and_may_be_named_as_ucsd_names_them(clips: Path, tmp_path: Path) -> None:
    for name, paces in (("run", [NORMAL] * 8 + [FAST] * 6), ("walk", [NORMAL] * 12)):
        draw(tmp_path / "test" / name, paces, seed=1)
    shutil.copytree(clips / "masks" / "run", tmp_path / "test" / "run_gt")
    wanted = replace(
        asked(clips, tmp_path / "scores", labels=clips / "labels.csv"), test=tmp_path / "test", masks=tmp_path / "test"
    )
    facts = carry_out(wanted, Finder())
    assert (facts["clips"], facts["places"]["clips"], facts["places"]["regions"]) == (2, 1, 6)
    assert "1 tracks of 1 clips with masks" in text_of(facts)


def test_odd_clips_have_a_row_for_each_frame_and_0_where_nothing_can_be_told(clips: Path, tmp_path: Path) -> None:
    """Damaged and empty files, another size in between, sixteen bits, names with spaces, one picture alone, a video."""
    odd = tmp_path / "test"
    for name in ("with spaces, 50 %", "deep"):
        draw(odd / name, [NORMAL] * 8, seed=1)
    damaged = odd / "with spaces, 50 %"
    (damaged / "003.png").write_bytes(b"no picture")
    (damaged / "005.png").write_bytes(b"")
    cv2.imwrite(str(damaged / "006.png"), np.full((50, 40, 3), 105, np.uint8))
    for file in (odd / "deep").iterdir():
        cv2.imwrite(str(file), read(file).astype(np.uint16) * 257)
    draw(odd / "alone", [NORMAL], seed=1)
    (odd / "alone" / "000.png").rename(odd / "alone" / "000.PNG")
    video(odd / "yard.avi", clips / "test" / "run")
    carry_out(replace(asked(clips, tmp_path / "scores"), test=odd), Wary())
    found = {file.stem: pl.read_parquet(file) for file in (tmp_path / "scores").iterdir()}
    assert {name: len(table) for name, table in found.items()} == {
        "with spaces, 50 %": 8,
        "deep": 8,
        "alone": 1,
        "yard": 14,
    }
    for table in found.values():
        assert table.schema == {"frame": pl.Int64, "score": pl.Float64}
        assert table["frame"].to_list() == list(range(1, len(table) + 1))
        assert table["score"].is_finite().all()
    told = found["with spaces, 50 %"]["score"].to_list()
    assert [told[row] for row in (3, 5, 6)] == [0.0, 0.0, 0.0]
    assert found["alone"]["score"].to_list() == [0.0]


class Wary(Finder):
    """Fulfils ``Detector``: finds nothing where all is wall."""

    def _find(self, pixels: Picture) -> Detections:
        there = np.abs(pixels.astype(int) - 105).max(axis=2) > 20
        return super()._find(pixels) if there.any() else Detections.empty()


def read(file: Path) -> Picture:
    return np.asarray(cv2.imread(str(file)), np.uint8)


def video(file: Path, clip: Path) -> None:
    """The pictures of a clip as a video without losses."""
    pictures = [read(each) for each in sorted(clip.iterdir())]
    high, wide = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"FFV1"), 10, (wide, high))
    for picture in pictures:
        writer.write(picture)
    writer.release()

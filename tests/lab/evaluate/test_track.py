"""Scores on examples small enough to work out by hand."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from lab.evaluate.command import app
from lab.evaluate.rows import Rows, read_mot, read_result
from lab.evaluate.track import evaluate
from lab.evaluate.track_moments import moments
from pipeline.detections import Tracks
from pipeline.errors import UsageError
from pipeline.stage import TrackedFrame
from stages.track.export import write_tracks
from tests.servers.clips import write_clip


def rows(table: list[tuple[int, int, float]]) -> Rows:
    """Boxes of 10 by 20 pixels: (frame, id, left)."""
    values = np.array(table, np.float64).reshape(-1, 3)
    left = values[:, 2:]
    xyxy = np.concatenate([left, left * 0, left + 10, left * 0 + 20], axis=1)
    return Rows(values[:, 0].astype(np.int64), values[:, 1].astype(np.int64), xyxy)


TRUTH = rows([(frame, 1, 5.0 * frame) for frame in range(1, 11)])


def test_the_truth_itself_scores_one() -> None:
    scores = evaluate(TRUTH, TRUTH)
    assert (scores.mota, scores.idf1, scores.hota) == pytest.approx((1, 1, 1))
    assert (scores.id_switches, scores.fp, scores.fn, scores.boxes, scores.objects, scores.tracks) == (
        0,
        0,
        0,
        10,
        1,
        1,
    )


def test_a_track_that_changes_its_identity_halfway() -> None:
    scores = evaluate(rows([(f, 7 if f <= 5 else 8, 5.0 * f) for f in range(1, 11)]), TRUTH)
    assert scores.id_switches == 1
    assert scores.mota == pytest.approx(1 - 1 / 10)
    assert scores.idf1 == pytest.approx(2 * 5 / (10 + 10))
    assert scores.hota == pytest.approx(np.sqrt(0.5)), "all found, each association half right"


def test_misses_and_false_boxes_are_counted() -> None:
    found = [(f, 7, 5.0 * f) for f in range(1, 9)] + [(3, 9, 500.0), (4, 9, 500.0), (5, 9, 500.0)]
    scores = evaluate(rows(found), TRUTH)
    assert (scores.fn, scores.fp, scores.id_switches) == (2, 3, 0)
    assert scores.mota == pytest.approx(1 - 5 / 10)
    assert scores.idf1 == pytest.approx(2 * 8 / (10 + 11))
    assert (scores.precision, scores.recall) == pytest.approx((8 / 11, 8 / 10))


def test_the_threshold_decides_what_is_found() -> None:
    shifted = rows([(f, 7, 5.0 * f + 2.5) for f in range(1, 11)])
    assert evaluate(shifted, TRUTH, iou=0.5).fn == 0
    strict = evaluate(shifted, TRUTH, iou=0.7)
    assert (strict.fn, strict.fp) == (10, 10)
    assert strict.mota == pytest.approx(-1)


def test_an_empty_result_scores_nothing() -> None:
    scores = evaluate(rows([]), TRUTH)
    assert (scores.mota, scores.idf1, scores.hota, scores.fn, scores.tracks) == (0, 0, 0, 10, 0)


def test_an_empty_truth_and_an_odd_threshold_are_refused() -> None:
    with pytest.raises(UsageError, match="no boxes"):
        evaluate(TRUTH, rows([]))
    with pytest.raises(UsageError, match="between 0 and 1"):
        evaluate(TRUTH, TRUTH, iou=1.5)


def test_another_library_comes_to_the_same_counts() -> None:
    random = np.random.default_rng(3)
    truth = rows([(f, k, 60.0 * k + 3 * f) for f in range(1, 40) for k in range(5)])
    found = [(f, k, 60.0 * k + 3 * f + random.normal(0, 2)) for f in range(1, 40) for k in range(5)]
    found = [(f, k + (10 if f > 20 and k == 2 else 0), x) for f, k, x in found if random.random() > 0.1]
    scores = evaluate(rows(found), truth)
    summary = motmetrics_summary(rows(found), truth)
    assert scores.mota == pytest.approx(summary["mota"])
    assert scores.idf1 == pytest.approx(summary["idf1"])
    assert (scores.fp, scores.fn, scores.id_switches) == tuple(
        summary[name] for name in ("num_false_positives", "num_misses", "num_switches")
    )


def motmetrics_summary(result: Rows, truth: Rows) -> dict[str, float]:
    """The same measures by py-motmetrics."""
    import motmetrics  # type: ignore[import-untyped]  # ships no stubs

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in range(1, int(truth.frame.max()) + 1):
        mine, theirs = truth.frame == frame, result.frame == frame
        apart = np.abs(truth.xyxy[mine][:, None, 0] - result.xyxy[theirs][None, :, 0])
        overlap = np.clip(10 - apart, 0, None) / (10 + np.minimum(apart, 10))
        distance = np.where(overlap >= 0.5, 1 - overlap, np.nan)
        accumulator.update(truth.track_id[mine], result.track_id[theirs], distance)
    names = ["mota", "idf1", "num_false_positives", "num_misses", "num_switches"]
    summary = motmetrics.metrics.create().compute(accumulator, metrics=names, name="all")
    return {name: float(summary[name].iloc[0]) for name in names}


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_flagged_rows_count_unless_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "gt.txt", ["1,1,0,0,10,20,1,-1,-1,-1", "1 2 50 0 10 20 0 -1 -1 -1", "", "2,1,0,0,10,20"])
    assert (len(read_mot(file)), read_mot(file).flagged) == (3, 1)
    assert (len(read_mot(file, flagged=False)), read_mot(file, flagged=False).flagged) == (2, 0)
    assert read_mot(file).xyxy[1].tolist() == [50, 0, 60, 20]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,1,0,0,ten,20", r"gt\.txt:2: not numbers"),
        ("1,1,0,0", r"gt\.txt:2: expected frame"),
        ("1,1,0,0,nan,20", r"gt\.txt:2: expected frame"),
        ("0,1,0,0,10,20", r"gt\.txt:2: frame and id must be whole"),
        ("1.5,1,0,0,10,20", r"gt\.txt:2: frame and id must be whole"),
        ("1,1,5,0,10,20", r"gt\.txt: id 1 stands twice in frame 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_mot(write(tmp_path / "gt.txt", ["1,1,0,0,10,20", line]))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in ("none.txt", "none.parquet"):
        with pytest.raises(UsageError, match="none"):
            read_result(tmp_path / name, class_name="person", filled=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Tracks with a gap of one frame and their truth."""

    def at(index: int) -> Tracks:
        if index == 4:
            return Tracks.empty()
        one = np.ones(1, np.float32)
        box = np.array([[5.0 * index, 0, 5.0 * index + 10, 20]], np.float32)
        return Tracks(box, one, np.zeros(1, np.int32), np.ones(1, np.int32), np.ones(1, bool), one)

    frames = [TrackedFrame(index, index * 100_000_000, at(index)) for index in range(10)]
    write_tracks(frames, ["person"], tmp_path / "gate.parquet", fill=True)
    truth = write(tmp_path / "gt.txt", [f"{k + 1},1,{5 * k},0,10,20,1,-1,-1,-1" for k in range(10)])
    return tmp_path / "gate.parquet", truth


def test_the_command_prints_scores_and_tells_filled_from_causal(files: tuple[Path, Path]) -> None:
    runner = CliRunner()
    causal = runner.invoke(app, ["track", *map(str, files), "--json"])
    filled = runner.invoke(app, ["track", *map(str, files), "--json", "--filled"])
    assert (causal.exit_code, filled.exit_code) == (0, 0)
    assert msgspec.json.decode(causal.stdout)["mota"] == pytest.approx(0.9)
    assert msgspec.json.decode(filled.stdout)["mota"] == pytest.approx(1.0)
    table = runner.invoke(app, ["track", *map(str, files)]).stdout
    assert re.search(r"^mota +0\.900$", table, re.MULTILINE)
    assert "hota" in table


def test_the_command_raises_what_the_program_turns_into_one_line(files: tuple[Path, Path]) -> None:
    outcome = CliRunner().invoke(app, ["track", *map(str, files), "--class", "dog"])
    assert isinstance(outcome.exception, UsageError)
    assert "there are: person" in str(outcome.exception)


def test_moments_add_up_to_what_trackeval_counts() -> None:
    rng = np.random.default_rng(3)
    truth = rows([(f, who, 30.0 * who + 2 * f) for f in range(1, 40) for who in range(5)])
    noisy = [
        (f, who if f < 20 else (who + 1) % 5, 30.0 * who + 2 * f + rng.normal(0, 3))
        for f in range(1, 40)
        for who in range(6)
        if rng.random() < 0.8
    ]
    result = rows(noisy)
    scores, found = evaluate(result, truth), moments(result, truth, iou=0.5)
    assert sum(len(each.missed) for each in found) == scores.fn > 0
    assert sum(len(each.false) for each in found) == scores.fp > 0
    assert sum(len(each.switched) for each in found) == scores.id_switches > 0


def test_the_page_shows_where_tracks_go_wrong(tmp_path: Path) -> None:
    video = write_clip(tmp_path / "clip.mp4", frames=20, source="synthetic:160x120@10?boxes=1")
    (tmp_path / "gt.txt").write_text("".join(f"{f},1,{5 * f},10,20,40,1\n" for f in range(1, 21)))
    (tmp_path / "out.txt").write_text("".join(f"{f},{1 if f < 9 else 2},{5 * f},10,20,40,1\n" for f in range(1, 19)))
    told = [str(tmp_path / "out.txt"), str(tmp_path / "gt.txt"), "--out", str(tmp_path / "page"), "--block", "5"]
    outcome = CliRunner().invoke(app, ["track", *told, "--video", str(video)])
    assert outcome.exit_code == 0, outcome.output
    page = (tmp_path / "page" / "report.html").read_text()
    assert page.count("<figcaption>frame ") == 3, "the switch and two frames without a track, and none that are right"
    facts = msgspec.json.decode((tmp_path / "page" / "result.json").read_bytes())
    assert facts["mota"] == pytest.approx(1 - 3 / 20)
    assert facts["mota_low"] < facts["mota"] < facts["mota_high"]


def test_a_recording_of_something_else_is_refused(tmp_path: Path) -> None:
    video = write_clip(tmp_path / "clip.mp4", frames=4, source="synthetic:160x120@10?boxes=1")
    (tmp_path / "gt.txt").write_text("".join(f"{f},1,{5 * f},10,20,40,1\n" for f in range(1, 21)))
    (tmp_path / "out.txt").write_text("1,1,5,10,20,40,1\n")
    told = [str(tmp_path / "out.txt"), str(tmp_path / "gt.txt"), "--out", str(tmp_path / "page")]
    outcome = CliRunner().invoke(app, ["track", *told, "--video", str(video)])
    assert isinstance(outcome.exception, UsageError)
    assert "not the recording" in str(outcome.exception)

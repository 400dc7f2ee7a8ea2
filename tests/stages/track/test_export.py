"""Tracks as files: the columns promised, filled where asked, whole or not at all."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.detections import Tracks
from pipeline.errors import UsageError
from pipeline.stage import TrackedFrame
from stages.track.export import read_rows, write_tracks

COLUMNS = ["frame", "media_time_s", "track_id", "class", "confidence", "x1", "y1", "x2", "y2", "filled"]


def tracked(index: int, rows: list[tuple[int, float, int, bool]], *, media_ns: int | None = None) -> TrackedFrame:
    """A frame with tracks (id, left edge, class, observed)."""
    n = len(rows)
    left = np.array([row[1] for row in rows], np.float32).reshape(n, 1)
    tracks = Tracks(
        xyxy=np.concatenate([left, left * 0, left + 10, left * 0 + 20], axis=1).astype(np.float32),
        confidence=np.full(n, 0.5, np.float32),
        class_id=np.array([row[2] for row in rows], np.int32),
        track_id=np.array([row[0] for row in rows], np.int32),
        observed=np.array([row[3] for row in rows], bool),
        vote=np.full(n, 0.5, np.float32),
    )
    return TrackedFrame(index, index * 100_000_000 if media_ns is None else media_ns, tracks)


def walk(missing: set[int], *, frames: int = 12) -> list[TrackedFrame]:
    return [tracked(k, [] if k in missing else [(1, 10.0 * k, 0, True)]) for k in range(frames)]


def test_the_columns_are_those_promised(tmp_path: Path) -> None:
    write_tracks([tracked(4, [(2, 7.0, 1, True), (1, 5.0, 9, True)])], ["person", "bicycle"], tmp_path / "a.parquet",
                 fill=True)  # fmt: skip
    table = pl.read_parquet(tmp_path / "a.parquet")
    assert table.columns == COLUMNS
    assert table.rows() == [
        (5, 0.4, 1, "9", 0.5, 5.0, 0.0, 15.0, 20.0, False),
        (5, 0.4, 2, "bicycle", 0.5, 7.0, 0.0, 17.0, 20.0, False),
    ]


def test_only_what_was_observed_is_written(tmp_path: Path) -> None:
    write_tracks([tracked(0, [(1, 5.0, 0, True), (2, 5.0, 0, False)])], ["person"], tmp_path / "a.parquet", fill=False)
    assert pl.read_parquet(tmp_path / "a.parquet")["track_id"].to_list() == [1]


def test_a_gap_is_filled_along_the_straight_way_and_marked(tmp_path: Path) -> None:
    write_tracks(walk({5, 6}), ["person"], tmp_path / "a.parquet", fill=True)
    table = pl.read_parquet(tmp_path / "a.parquet")
    assert table["frame"].to_list() == list(range(1, 13))
    np.testing.assert_allclose(table["x1"].to_numpy(), 10.0 * np.arange(12), rtol=1e-6)
    assert table.filter(pl.col("filled"))["frame"].to_list() == [6, 7]


def test_the_way_is_even_in_time_not_in_frames(tmp_path: Path) -> None:
    times = [0, 100, 200, 230, 300, 400]
    frames = [
        tracked(k, [] if k == 3 else [(1, float(ms), 0, True)], media_ns=ms * 1_000_000) for k, ms in enumerate(times)
    ]
    write_tracks(frames, ["person"], tmp_path / "a.parquet", fill=True)
    assert pl.read_parquet(tmp_path / "a.parquet")["x1"].to_list() == pytest.approx(times)


def test_nothing_is_filled_unless_asked(tmp_path: Path) -> None:
    write_tracks(walk({5, 6}), ["person"], tmp_path / "a.parquet", fill=False)
    assert pl.read_parquet(tmp_path / "a.parquet").height == 10


@pytest.mark.parametrize(
    ("missing", "frames"),
    [
        (set(range(20, 45)), 65),  # longer than two seconds
        ({2, 3, 4, 5, 6, 7}, 12),  # seen for less long before it than it lasts
        ({5, 6, 7, 9, 10, 11}, 13),  # one stray sighting between two gaps
        ({10, 11}, 12),  # the end is no gap
    ],
)
def test_a_gap_that_would_be_mostly_invention_stays(tmp_path: Path, missing: set[int], frames: int) -> None:
    write_tracks(walk(missing, frames=frames), ["person"], tmp_path / "a.parquet", fill=True)
    assert not pl.read_parquet(tmp_path / "a.parquet")["filled"].any()


def test_gaps_of_one_track_are_not_filled_from_another(tmp_path: Path) -> None:
    frames = [tracked(k, [(1 if k < 6 else 2, 10.0 * k, 0, True)] if k != 6 else []) for k in range(12)]
    write_tracks(frames, ["person"], tmp_path / "a.parquet", fill=True)
    assert not pl.read_parquet(tmp_path / "a.parquet")["filled"].any()


def test_equal_tracks_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tracks(iter(walk({5})), ["person"], tmp_path / f"{name}.parquet", fill=True)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_no_tracks_give_a_file_with_all_columns(tmp_path: Path) -> None:
    write_tracks([], [], tmp_path / "new" / "a.parquet", fill=True)
    assert pl.read_parquet(tmp_path / "new" / "a.parquet").columns == COLUMNS
    assert read_rows(tmp_path / "new" / "a.parquet", class_name="person", filled=True).shape == (0, 7)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    target.mkdir()
    with pytest.raises(OSError, match=r"a\.parquet"):
        write_tracks(walk(set()), ["person"], target, fill=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_rows_come_back_as_motchallenge_wants_them(tmp_path: Path) -> None:
    write_tracks(walk({5}), ["person"], tmp_path / "a.parquet", fill=True)
    assert read_rows(tmp_path / "a.parquet", class_name="person", filled=False).shape == (11, 7)
    rows = read_rows(tmp_path / "a.parquet", class_name=None, filled=True)
    np.testing.assert_allclose(rows[5], [6, 1, 50, 0, 10, 20, 0.5])


def test_a_file_that_is_no_such_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    pl.DataFrame({"frame": [1]}).write_parquet(tmp_path / "other.parquet")
    write_tracks(walk(set()), ["person"], tmp_path / "a.parquet", fill=False)
    for name, class_name, message in (
        ("junk", None, "not a readable Parquet"),
        ("none", None, "not a readable Parquet"),
        ("other", None, "columns missing: media_time_s"),
        ("a", "perosn", "no track of class 'perosn'; there are: person"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            read_rows(tmp_path / f"{name}.parquet", class_name=class_name, filled=True)
        assert "\n" not in str(caught.value)

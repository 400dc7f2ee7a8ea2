"""A spool holds what was written, cut wherever a crash may cut it, and never half a frame."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.detections import Tracks
from pipeline.errors import CannotStart
from pipeline.spool import Spool, read
from pipeline.stage import TrackedFrame

SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def tracked(index: int, n: int, *, rows: bool = False) -> TrackedFrame:
    random = np.random.default_rng(index)
    return TrackedFrame(
        index,
        index * 40_000_000,
        Tracks(
            random.random((n, 4), np.float32),
            random.random(n, np.float32),
            random.integers(0, 80, n).astype(np.int32),
            np.arange(1, n + 1, dtype=np.int32),
            random.random(n) < 0.5,
            random.random(n, np.float32),
            random.integers(-1, n, n).astype(np.int32) if rows else None,
        ),
    )


def write(path: Path, frames: list[TrackedFrame], *, length: int = 0) -> int:
    spool = Spool(path, length)
    spool.append(frames)
    spool.close()
    return spool.length


def same(one: TrackedFrame, other: TrackedFrame) -> bool:
    fields = ("xyxy", "confidence", "class_id", "track_id", "observed", "vote")
    arrays = all(np.array_equal(getattr(one.tracks, name), getattr(other.tracks, name)) for name in fields)
    looked_up = np.array_equal(np.array(one.tracks.detection), np.array(other.tracks.detection))
    return arrays and looked_up and (one.index, one.media_ns) == (other.index, other.media_ns)


def holds(path: Path, frames: list[TrackedFrame]) -> bool:
    return all(same(one, other) for one, other in zip(read(path), frames, strict=True))


@SHARED_FOLDER
@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 4))
def test_frames_come_back_as_they_were_whatever_their_batches(tmp_path: Path, sizes: list[int], batch: int) -> None:
    path = tmp_path / "gate.spool"
    frames = [tracked(index, n) for index, n in enumerate(sizes)]
    spool = Spool(path, 0)
    for start in range(0, len(frames), batch):
        spool.append(frames[start : start + batch])
        assert path.stat().st_size == spool.length
    spool.close()
    assert holds(path, frames)


def test_an_end_torn_at_any_byte_leaves_all_whole_frames_before_it(tmp_path: Path) -> None:
    path = tmp_path / "gate.spool"
    frames = [tracked(index, 2) for index in range(3)]
    ends = [0]
    for frame in frames:
        ends.append(write(path, [frame], length=ends[-1]))
    data = path.read_bytes()
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        assert holds(path, frames[: sum(end <= length for end in ends[1:])]), f"cut to {length} of {len(data)} bytes"


def test_what_came_after_the_last_commit_is_cut_away_and_written_once_more(tmp_path: Path) -> None:
    path = tmp_path / "gate.spool"
    frames = [tracked(index, 1 + index % 3) for index in range(8)]
    committed = write(path, frames[:5])
    write(path, frames[5:7], length=committed)
    assert write(path, frames[5:], length=committed) == path.stat().st_size
    assert holds(path, frames)


def test_a_spool_shorter_than_what_was_committed_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gate.spool"
    length = write(path, [tracked(0, 2)])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CannotStart, match=f"gate.spool has {length - 1} bytes, {length} were committed.*--overwrite"):
        Spool(path, length)
    assert path.stat().st_size == length - 1


def test_a_full_disk_is_an_error_and_what_was_whole_stays_readable(small_disk: Path) -> None:
    path = small_disk / "gate.spool"
    spool = Spool(path, 0)
    frames = [tracked(index, 500) for index in range(200)]
    with pytest.raises(OSError, match="No space left"):
        spool.append(frames)
    spool.close()
    whole = list(read(path))
    assert len(whole) > 10
    assert all(same(one, other) for one, other in zip(whole, frames, strict=False))


def test_a_spool_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert list(read(tmp_path / "nowhere.spool")) == []
    write(tmp_path / "gate.spool", [])
    assert list(read(tmp_path / "gate.spool")) == []


def test_which_detection_supports_a_track_comes_back_and_takes_no_room_where_it_is_not_told(tmp_path: Path) -> None:
    told = tracked(0, 2, rows=True)
    write(tmp_path / "told.spool", [told])
    assert holds(tmp_path / "told.spool", [told])
    void, untold = (write(tmp_path / f"{n}.spool", [tracked(0, n)]) for n in (0, 2))
    assert untold == void + 2 * 33
    assert write(tmp_path / "void.spool", [tracked(0, 0, rows=True)]) == void

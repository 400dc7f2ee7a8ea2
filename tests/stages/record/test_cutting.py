from pathlib import Path

import pytest

from pipeline.clock import SECOND
from pipeline.errors import SourceError
from stages.record.cutting import cut
from tests.servers.clips import write_clip
from tests.stages.record.conftest import numbers, times


@pytest.mark.parametrize(
    ("codec", "options", "name"),
    [
        ("libx264", {}, "a.mp4"),
        ("libx264", {"tune": "film", "bf": "3"}, "b.mkv"),
        ("libx265", {"tune": "psnr", "x265-params": "log-level=none:bframes=3"}, "c.mp4"),
        ("mjpeg", {}, "d.avi"),
        ("mpeg4", {}, "e.avi"),
    ],
)
def test_a_clip_of_a_recording_holds_every_picture_of_its_time(
    tmp_path: Path, codec: str, options: dict[str, str], name: str
) -> None:
    source = write_clip(tmp_path / name, frames=100, codec=codec, options=options)
    made = cut(source, tmp_path / "clip.mp4", from_ns=round(4.2 * SECOND), to_ns=round(6.1 * SECOND))
    shown = numbers(tmp_path / "clip.mp4")
    first = round(made.started_ns / SECOND * 10)
    assert 30 <= first <= 42, "it begins too late, or much too early"
    assert shown[: 62 - first] == list(range(first, 62)), "a picture is missing or torn"
    assert len(shown) <= 37
    assert times(tmp_path / "clip.mp4")[:2] == [0.0, 0.1]


def test_times_of_a_recording_that_does_not_begin_at_zero_count_from_its_first_picture(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "late.mkv", frames=60, at=[7_000 + 100 * number for number in range(60)])
    made = cut(source, tmp_path / "clip.mp4", from_ns=2 * SECOND, to_ns=3 * SECOND)
    assert made.started_ns == 2 * SECOND
    assert numbers(tmp_path / "clip.mp4")[0] == 20


def test_a_time_outside_the_recording_is_said(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", frames=20)
    made = cut(source, tmp_path / "clip.mp4", from_ns=-5 * SECOND, to_ns=SECOND)
    assert made.started_ns == 0
    with pytest.raises(SourceError, match=r"nothing\.mp4: cannot be read"):
        cut(tmp_path / "nothing.mp4", tmp_path / "clip.mp4", from_ns=0, to_ns=SECOND)


def test_a_codec_that_no_mp4_holds_is_named(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "raw.avi", frames=20, codec="rawvideo")
    with pytest.raises(SourceError, match="is rawvideo"):
        cut(source, tmp_path / "clip.mp4", from_ns=0, to_ns=SECOND)
    assert list(tmp_path.glob("clip*")) == []

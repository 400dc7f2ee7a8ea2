"""Pictures of a file in the order of showing, and what cannot be decoded."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.errors import SourceError
from stages.record.filming import Film
from stages.record.options import RecordOptions
from stages.record.playing import play


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Grey, a little lighter from picture to picture; there is a pause of a second after the fourth one."""
    path = tmp_path / "clip.mp4"
    film = Film(path, RecordOptions(quality=5))
    for number in range(8):
        film.add(np.full((48, 64, 3), 40 + 20 * number, np.uint8), number * SECOND // 10 + (number > 3) * SECOND)
    film.close()
    return path


def test_pictures_come_in_order_with_their_times(clip: Path) -> None:
    found = list(play(clip))
    assert [round(at_ns / SECOND, 2) for _, at_ns in found] == [0.0, 0.1, 0.2, 0.3, 1.4, 1.5, 1.6, 1.7]
    assert [round(float(pixels.mean()) - 40, -1) for pixels, _ in found] == [20 * number for number in range(8)]
    assert found[0][0].shape == (48, 64, 3)


def test_what_is_damaged_is_left_out(clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    at = data.index(b"mdat") + 1200
    data[at : at + 40] = bytes(40)
    clip.write_bytes(data)
    assert 0 < len(list(play(clip))) <= 8


@pytest.mark.parametrize("data", [b"", b"no video at all", b"\0\0\0\x18ftypmp42"])
def test_a_file_that_cannot_be_decoded_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"clip\.mp4: cannot be decoded: [^\n]+$"):
        list(play(path))

"""A folder of pictures is a recording."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import SourceEnded, SourceRefused
from stages.capture.pattern import Pattern
from tests.servers.reading import read_some, source_of

PATTERN = Pattern.parse("synthetic:320x240@10")


def write(path: Path, number: int) -> None:
    import cv2

    assert cv2.imwrite(str(path), PATTERN.draw(number))


def test_pictures_come_in_natural_order_at_the_rate_asked_for(tmp_path: Path) -> None:
    for name, number in (("frame10.png", 10), ("frame2.png", 2), ("frame1.jpg", 1)):
        write(tmp_path / name, number)
    (tmp_path / "notes.txt").write_text("no picture")
    source = source_of(f"{tmp_path}?fps=4")
    source.open()
    reading = read_some(source, 99, np.zeros((240, 320, 3), np.uint8))
    assert source.frames == 3
    assert not source.live
    assert reading.barcodes == [1, 2, 10]
    assert reading.pts_ns == [0, 250_000_000, 500_000_000]
    assert isinstance(reading.error, SourceEnded)


def test_a_picture_that_cannot_be_read_counts_as_corrupt(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(b"")
    (tmp_path / "1.jpg").write_bytes(b"this is not a JPEG file")
    write(tmp_path / "2.jpg", 2)
    source = source_of(str(tmp_path))
    source.open()
    reading = read_some(source, 99)
    assert [grab.corrupt for grab in reading.grabs] == [True, True, False]
    assert reading.barcodes == [None, None, 2]
    assert {grab.pixels.shape for grab in reading.grabs} == {(240, 320, 3)}


def test_pictures_lie_in_the_canvas_where_they_fit(tmp_path: Path) -> None:
    write(tmp_path / "1.png", 1)
    source = source_of(str(tmp_path))
    source.open()
    canvas = np.zeros((240, 320, 3), np.uint8)
    assert np.shares_memory(source.read(canvas).pixels, canvas)
    assert np.array_equal(canvas, PATTERN.draw(1))


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceRefused, match="no picture in this folder"):
        source_of(str(tmp_path)).open()


def test_a_wrong_parameter_is_refused(tmp_path: Path) -> None:
    for query in ("fps=0", "fps=fast", "rate=5", "fps=5&loop=1"):
        with pytest.raises(SourceRefused, match="FOLDER\\?fps=N"):
            source_of(f"{tmp_path}?{query}")

"""Files of an event's pictures: the picture last, a note where there is none, nothing asked twice."""

from pathlib import Path

import pytest

from pipeline.best_picture import Made
from pipeline.picture_files import PictureFiles, picture_of
from pipeline.store.sample_event import sample_event

START = sample_event(evidence={"snapshot": "media/1.jpg", "clip": "media/gate/1.mp4"})
END = sample_event(type="end", evidence={"best": "media/2.jpg", "crop": "media/2.crop.jpg"})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    (tmp_path / "originals").mkdir()
    return tmp_path


def test_a_message_names_its_snapshot_or_the_best_picture_or_none() -> None:
    assert (picture_of(START), picture_of(END)) == ("media/1.jpg", "media/2.jpg")
    assert picture_of(sample_event(evidence={"clip": "media/gate/1.mp4"})) is None


def test_what_was_made_lies_where_the_message_says(out: Path) -> None:
    files = PictureFiles(out, ())
    assert not files.is_settled(END)
    files.write(END, Made(b"picture", b"crop", b"original"))
    assert files.is_settled(END)
    assert (out / "media" / "2.jpg").read_bytes() == b"picture"
    assert (out / "media" / "2.crop.jpg").read_bytes() == b"crop"
    assert (out / "originals" / "2.jpg").stat().st_mode & 0o077 == 0
    assert (files.written, files.missing) == (1, 0)


def test_a_crop_alone_settles_nothing(out: Path) -> None:
    (out / "media" / "2.crop.jpg").write_bytes(b"crop of a process that was killed")
    assert not PictureFiles(out, ()).is_settled(END)


def test_where_there_is_none_a_note_for_each_says_why(out: Path) -> None:
    files = PictureFiles(out, ())
    files.give_up(END, "its slot was reused")
    assert files.is_settled(END)
    for name in ("2.missing", "2.crop.missing"):
        assert (out / "media" / name).read_text() == "evidence_missing: its slot was reused\n"
    assert (files.written, files.missing) == (0, 1)

"""Pictures for which there is no room are written when there is some, and no process ends for it."""

from pathlib import Path

import pytest

from pipeline.best_picture import Made
from pipeline.messages import Event
from pipeline.picture_files import PictureFiles
from pipeline.store.sample_event import sample_event
from pipeline.unwritten import MOST, Unwritten
from tests.full_disk import fill


def end(n: int) -> Event:
    return sample_event(ordinal=n, type="end", evidence={"best": f"media/{n}.jpg", "crop": f"media/{n}.crop.jpg"})


@pytest.fixture
def out(small_disk: Path) -> Path:
    (small_disk / "media").mkdir()
    (small_disk / "originals").mkdir()
    return small_disk


def pictures(out: Path) -> int:
    return len([path for path in (out / "media").glob("*.jpg") if ".crop" not in path.name])


def test_what_was_made_is_held_and_written_when_there_is_room(out: Path) -> None:
    again: list[Event] = []
    unwritten = Unwritten(PictureFiles(out, ()), lambda _: True, again.append)
    ballast = fill(out)
    unwritten.write(end(1), Made(b"picture", b"crop", b"original"))
    unwritten.try_again()
    assert (len(unwritten), end(1) in unwritten, pictures(out)) == (1, True, 0)
    ballast.unlink()
    unwritten.try_again()
    assert len(unwritten) == 0
    assert (out / "media" / "1.jpg").read_bytes() == b"picture"
    assert (out / "originals" / "1.jpg").read_bytes() == b"original"
    assert again == []


@pytest.mark.parametrize("live", [True, False], ids=["live", "recording"])
def test_of_more_than_can_be_held_recordings_are_decoded_again_and_live_cameras_have_a_note(
    out: Path, live: bool
) -> None:
    again: list[Event] = []
    unwritten = Unwritten(PictureFiles(out, ()), lambda _: live, again.append)
    ballast = fill(out)
    for n in range(1, MOST + 3):
        unwritten.write(end(n), Made(b"picture", b"crop"))
    for _ in range(50):
        unwritten.try_again()
    assert (len(unwritten), again) == (MOST + 2, [])
    ballast.unlink()
    unwritten.try_again()
    assert (len(unwritten), pictures(out)) == (0, MOST)
    assert len(again) == (0 if live else 2)
    notes = [path.read_text() for path in (out / "media").glob("*.missing") if ".crop" not in path.name]
    reason = "it could not be written when it was made: No space left on device"
    assert notes == [f"evidence_missing: {reason}\n"] * (2 if live else 0)


def test_a_picture_that_can_never_be_written_keeps_no_other_waiting(out: Path) -> None:
    unwritten = Unwritten(PictureFiles(out, ()), lambda _: True, lambda _: None)
    for n in range(1, 4):
        unwritten.write(sample_event(ordinal=n, evidence={"snapshot": f"media/nowhere/{n}.jpg"}), Made(b"picture"))
    ballast = fill(out)
    unwritten.write(end(9), Made(b"picture"))
    ballast.unlink()
    unwritten.try_again()
    assert (len(unwritten), pictures(out)) == (3, 1)

"""Files of an event's pictures: the picture last, a note where there is none, nothing asked twice."""

import os
import signal
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipeline.best_picture import Made
from pipeline.clock import ManualClock
from pipeline.integrity.verification import verify
from pipeline.integrity.witness import Witness
from pipeline.picture_files import PictureFiles, picture_of
from pipeline.role_key import RoleKey
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.e2e.running import until

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


def killed_before_the_picture(out: Path, recipients: list[bytes]) -> None:
    """Have a process write the files of an event, and kill it when all but the picture are there."""
    os.mkfifo(out / "media" / ".2.jpg.part")  # whoever opens it to write waits for a reader
    made = Made(b"picture", b"crop", b"original")
    process = get_context("spawn").Process(target=PictureFiles(out, recipients).write, args=(END, made))
    process.start()
    for _ in until(30, "the crop"):
        if (out / "media" / "2.crop.jpg").exists():
            break
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_nothing_of_a_killed_process_outlives_the_note_that_there_is_no_picture(out: Path, sealed: bool) -> None:
    recipients = [RoleKey.of(bytes(32)).recipient] if sealed else []
    killed_before_the_picture(out, recipients)
    assert len(list((out / "originals").iterdir())) == 1
    with EventStore.open(out / "events.db", analysis_sha256="a") as store:
        store.commit("gate", [END], Position(b"", 1, 1), lambda _: [])
        with Witness(out, store, None, ManualClock()) as witness:
            witness.catch_up()
            PictureFiles(out, recipients).give_up(END, "its slot was reused")
            witness.catch_up()
        assert [path.name for path in (out / "originals").iterdir()] == []
        assert sorted(path.name for path in (out / "media").iterdir()) == ["2.crop.missing", "2.missing"]
        assert verify(out, store).findings == []


def test_no_note_outlives_the_picture_that_is_there_after_all(out: Path) -> None:
    (out / "media" / "2.crop.missing").write_bytes(b"of a process that was killed while it gave up")
    PictureFiles(out, ()).write(END, Made(b"picture", b"crop"))
    assert sorted(path.name for path in (out / "media").iterdir()) == ["2.crop.jpg", "2.jpg"]

"""Best pictures of live cameras: the best of the frames that were kept, or a reason."""

from pathlib import Path

from pipeline.best_picture import BestPicture
from pipeline.candidate_pictures import CandidatePictures
from pipeline.live_best import GONE, LiveBest
from pipeline.messages import Event
from pipeline.stage import NOBODY, Picture
from stages.evidence.options import SnapshotOptions
from stages.evidence.snapshot import SnapshotStage
from tests.pipeline.test_best_picture import ended, frame, noise

CAMERA = ended().camera


class Desk:
    """Frames that were kept, and what came of events."""

    def __init__(self, folder: Path, kept: dict[int, Picture]) -> None:
        self.stage = SnapshotStage(SnapshotOptions())
        self.pictures = CandidatePictures(folder)
        for index, pixels in kept.items():
            assert self.pictures.keep((CAMERA, index), self.stage.pack(pixels))
        self.settled: list[tuple[BestPicture, str]] = []
        self.best = LiveBest(self.pictures, self.stage, look=self._look, settle=self._settle)

    def make(self, event: Event) -> tuple[BestPicture, str]:
        self.best.add(event)
        assert self.best.step()
        assert not self.best.step()
        return self.settled[-1]

    def _look(self, choice: BestPicture, index: int, pixels: Picture) -> bool:
        return choice.look(index, pixels, NOBODY, self.stage)

    def _settle(self, choice: BestPicture, reason: str) -> None:
        self.settled.append((choice, reason))


def test_the_sharpest_of_the_frames_that_were_kept_is_chosen(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {9: noise(3.0), 29: noise(1.0)})
    choice, _ = desk.make(ended(frame(10, 40.0), frame(20, 40.0), frame(30, 40.0)))
    assert choice.made is not None
    sharper = desk.stage.original(desk.stage.unpack(desk.stage.pack(noise(1.0))))
    assert choice.made.original == sharper


def test_where_none_was_kept_the_reason_says_so(tmp_path: Path) -> None:
    choice, reason = Desk(tmp_path, {5: noise()}).make(ended(frame(10, 40.0)))
    assert choice.made is None
    assert reason == GONE


def test_a_kept_picture_that_is_damaged_does_not_end_the_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {9: noise(), 19: noise()})
    (tmp_path / CAMERA / "9.jpg").write_bytes(b"torn")
    choice, reason = desk.make(ended(frame(10, 40.0)))
    assert choice.made is None
    assert "no picture" in reason
    choice, _ = desk.make(ended(frame(20, 40.0)))
    assert choice.made is not None


def test_what_an_event_waits_for_is_needed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {9: noise()})
    event = ended(frame(10, 40.0), frame(20, 40.0))
    desk.best.add(event)
    assert desk.best.needed == {(CAMERA, 9), (CAMERA, 19)}
    desk.best.step()
    assert desk.best.needed == set()

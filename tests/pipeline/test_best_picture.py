"""The best picture: of the frames that an event names the sharpest for its size, with its object as it was then."""

import cv2
import msgspec
import numpy as np
import pytest

from pipeline.best_picture import BestPicture, as_of
from pipeline.messages import BestFrame, Event
from pipeline.stage import NOBODY, Around, Picture, Seen
from pipeline.store.sample_event import sample_event
from stages.evidence.options import SnapshotOptions
from stages.evidence.snapshot import SnapshotStage

BOX = (320.0, 240.0, 360.0, 340.0)
OTHER = (365.0, 240.0, 420.0, 340.0)


def frame(number: int, score: float) -> BestFrame:
    share = (BOX[0] / 768, BOX[1] / 576, BOX[2] / 768, BOX[3] / 576)
    return BestFrame(
        frame=number, media_time=number / 10, track_id=7, confidence=0.9, box_px=BOX, box=share, score=score
    )


def noise(blurred: float = 0.0) -> Picture:
    picture = np.random.default_rng(5).integers(0, 255, (576, 768, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), blurred), np.uint8) if blurred else picture


def ended(*best: BestFrame) -> Event:
    names = {"best": "media/1.jpg", "crop": "media/1.crop.jpg"}
    return sample_event(type="end", best=list(best), evidence=names, wall_time="2026-11-21T08:00:12.500000Z")


def stage() -> SnapshotStage:
    return SnapshotStage(SnapshotOptions())


def test_of_frames_of_equal_size_the_sharp_one_is_chosen() -> None:
    choice = BestPicture(ended(frame(10, 40.0), frame(20, 40.0), frame(30, 40.0)))
    assert choice.indexes == [9, 19, 29]
    assert not choice.look(9, noise(3.0), NOBODY, stage())
    assert not choice.look(19, noise(), NOBODY, stage())
    assert choice.look(29, noise(2.0), NOBODY, stage())
    assert choice.made is not None
    assert choice.made.original == stage().original(noise())


def test_a_frame_that_is_much_larger_and_surer_is_chosen_though_it_be_less_sharp() -> None:
    choice = BestPicture(ended(frame(10, 90.0), frame(20, 10.0)))
    choice.look(9, noise(0.8), NOBODY, stage())
    choice.look(19, noise(), NOBODY, stage())
    assert choice.made is not None
    assert choice.made.original == stage().original(noise(0.8))


def test_the_crop_shows_the_object_and_no_bystander_beside_it() -> None:
    stripes = np.repeat((np.mgrid[0:576, 0:768][1] // 2 % 2 * 200 + 20).astype(np.uint8)[..., None], 3, axis=2)
    choice = BestPicture(ended(frame(10, 40.0)))
    assert choice.look(9, stripes, Around(("person",), (Seen("person", 8, OTHER), Seen("person", 7, BOX))), stage())
    assert choice.made is not None
    assert choice.made.crop is not None
    crop = np.asarray(cv2.imdecode(np.frombuffer(choice.made.crop, np.uint8), cv2.IMREAD_COLOR))
    assert crop.shape[0] == pytest.approx(130, abs=2)
    assert crop.shape[1] == pytest.approx(52, abs=2)
    assert crop[20:100, 12:36].std() > 80
    assert crop[20:100, 48:].std() < 30


def test_the_picture_tells_of_the_frame_that_it_shows() -> None:
    event = as_of(ended(frame(110, 40.0)), frame(110, 40.0))
    assert (event.frame, event.media_time, event.type) == (110, 11.0, "best")
    assert event.wall_time == "2026-11-21T08:00:11.000000Z"
    assert event.object is not None
    assert event.object.confidence == 0.9
    assert [time for _x, _y, time in event.object.path] == [10.4]


@pytest.mark.parametrize("box", [(-5.0, -5.0, 2.0, 3.0), (760.0, 570.0, 800.0, 600.0), (100.0, 100.0, 100.0, 100.0)])
def test_a_box_that_is_hardly_in_the_picture_can_be_judged_and_cut(box: tuple[float, float, float, float]) -> None:
    assert stage().sharpness(noise(), box) >= 0
    event = ended()
    assert event.object is not None
    event = msgspec.structs.replace(event, object=msgspec.structs.replace(event.object, box_px=box))
    assert stage().crop(event, noise())

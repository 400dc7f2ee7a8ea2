"""Bystanders: nobody but the object of an event can be recognised in its snapshot."""

from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from pipeline.messages import Event
from pipeline.stage import Around, Picture, Seen
from pipeline.store.sample_event import sample_event
from stages.evidence.options import SnapshotOptions
from stages.evidence.snapshot import SnapshotStage

Box = tuple[float, float, float, float]
OWN: Box = (320.0, 240.0, 360.0, 340.0)
"""Of track 7, which the sample event is about."""
OTHER: Box = (100.0, 100.0, 160.0, 250.0)
NAMES = ("person", "car")


def checkered(width: int = 768, height: int = 576) -> Picture:
    """Squares of two pixels: what loses its detail turns grey."""
    rows, columns = np.mgrid[0:height, 0:width] // 2
    return np.repeat(((rows + columns) % 2 * 160 + 40).astype(np.uint8)[..., None], 3, axis=2)


def person(box: Box, track_id: int = 0) -> Seen:
    return Seen("person", track_id, box)


def drawn(*seen: Seen, names: tuple[str, ...] = NAMES, event: Event | None = None, **options: Any) -> Picture:
    """The snapshot without anything drawn over it."""
    plain = {"jpeg_quality": 100, "path": False, "region": False, "caption": False, **options}
    stage = SnapshotStage(SnapshotOptions.model_validate(plain))
    data = stage.process(event or sample_event(), checkered(), Around(names, seen))
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def contrast(picture: Picture, box: Box, *, inner: int = 6) -> float:
    """Standard deviation inside a box, less its edge, which is drawn over or blends."""
    left, top, right, bottom = (int(side) for side in box)
    return float(picture[top + inner : bottom - inner, left + inner : right - inner].std())


def test_a_bystander_loses_all_detail_and_the_object_none() -> None:
    picture = drawn(person(OWN, 7), person(OTHER, 8))
    assert contrast(picture, OTHER) < 8
    assert contrast(picture, OWN) > 75
    assert contrast(picture, (500, 300, 600, 400)) > 75, "the rest of the picture stays"


def test_somebody_detected_who_follows_no_track_is_hidden_too() -> None:
    assert contrast(drawn(person(OWN, 7), person(OTHER)), OTHER) < 8


def test_the_detection_of_the_object_itself_does_not_hide_what_is_beside_it() -> None:
    left, top, right, bottom = OWN
    picture = drawn(person(OWN, 7), person((left - 3, top - 4, right + 2, bottom + 3)))
    assert contrast(picture, (left - 20, top, left, bottom)) > 75


def test_hair_and_hands_outside_of_a_box_are_hidden() -> None:
    left, top, right, _ = OTHER
    assert contrast(drawn(person(OTHER, 8)), (left, top - 14, right, top - 2), inner=2) < 16


def test_where_somebody_stands_in_front_of_the_object_the_object_stays() -> None:
    left, top, right, bottom = OWN
    picture = drawn(person(OWN, 7), person((left - 40, top - 40, right - 10, bottom + 40), 8))
    assert contrast(picture, OWN) > 75
    assert contrast(picture, (left - 40, top, left - 6, bottom)) < 8


def test_the_second_one_of_an_event_about_two_is_not_hidden() -> None:
    both = msgspec.structs.replace(sample_event(), also_about=[8])
    assert contrast(drawn(person(OWN, 7), person(OTHER, 8), person(OTHER), event=both), OTHER) > 75
    beside = (OTHER[0] - 30, OTHER[1], OTHER[2] - 20, OTHER[3])
    picture = drawn(person(OWN, 7), person(OTHER, 8), person(beside, 9), event=both)
    assert contrast(picture, OTHER) > 75
    assert contrast(picture, (beside[0], beside[1], OTHER[0], beside[3])) < 8


def test_a_head_within_a_body_is_not_made_finer_again() -> None:
    head = (115.0, 100.0, 145.0, 125.0)
    assert np.array_equal(drawn(person(OTHER, 8)), drawn(person(OTHER, 8), person(head)))


def test_things_that_are_no_people_stay() -> None:
    assert contrast(drawn(Seen("car", 9, OTHER)), OTHER) > 75


def test_where_the_detector_knows_no_people_everything_may_be_one() -> None:
    assert contrast(drawn(Seen("object", 9, OTHER), names=("object",)), OTHER) < 8


@pytest.mark.parametrize("box", [(-30.0, -20.0, 60.0, 90.0), (700.0, 500.0, 900.0, 700.0), (900.0, 0.0, 950.0, 40.0)])
def test_boxes_over_the_border_are_hidden_as_far_as_they_show(box: Box) -> None:
    picture = drawn(person(box, 8))
    assert picture.shape == (576, 768, 3)
    shown = (max(box[0], 0), max(box[1], 0), min(box[2], 768), min(box[3], 576))
    if shown[0] < shown[2]:
        assert contrast(picture, shown, inner=8) < 12


def test_a_large_person_is_as_unrecognisable_as_a_small_one() -> None:
    for box in [(50.0, 50.0, 62.0, 80.0), (20.0, 20.0, 260.0, 560.0)]:
        assert contrast(drawn(person(box, 8)), box, inner=3) < 12


def test_an_event_about_the_scene_is_about_nobody() -> None:
    picture = drawn(person(OTHER, 8), person(OWN, 7), event=sample_event(object=None))
    assert contrast(picture, OTHER) < 8
    assert contrast(picture, OWN) < 8


def test_where_nobody_knows_who_is_there_everything_but_the_object_is_hidden() -> None:
    stage = SnapshotStage(SnapshotOptions(jpeg_quality=100, path=False, region=False, caption=False))
    data = stage.process(sample_event(), checkered(), None)
    picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    assert contrast(picture, OWN) > 75
    assert contrast(picture, OTHER) < 8
    assert contrast(picture, (500, 300, 600, 400)) < 8


def test_nobody_is_hidden_where_that_is_wished() -> None:
    assert contrast(drawn(person(OTHER, 8), blur="none"), OTHER) > 75


def test_the_classes_that_are_people_can_be_named() -> None:
    assert contrast(drawn(Seen("car", 9, OTHER), people=["car"]), OTHER) < 8


def test_the_original_shows_everybody_and_nothing_is_drawn() -> None:
    data = SnapshotStage(SnapshotOptions()).original(checkered())
    assert data is not None
    picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    assert np.abs(picture.astype(int) - checkered()).mean() < 8
    assert SnapshotStage(SnapshotOptions(original=False)).original(checkered()) is None


def test_equal_surroundings_give_equal_bytes() -> None:
    stage = SnapshotStage(SnapshotOptions())
    around = Around(NAMES, (person(OWN, 7), person(OTHER, 8), person((140.0, 90.0, 200.0, 240.0), 9)))
    shuffled = Around(NAMES, around.seen[::-1])
    assert len({stage.process(sample_event(), checkered(), each) for each in (around, around, shuffled)}) == 1

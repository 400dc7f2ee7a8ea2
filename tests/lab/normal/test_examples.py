"""Crops of what is normal, chosen so that they lie far apart."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from lab.normal.examples import MOST, MOST_FRAMES, Album, spread_out
from pipeline.detections import Detections
from pipeline.messages import Frame
from pipeline.stage import View
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.looks import Looks
from stages.alert.normal.nearest import INDEX, Example
from stages.alert.normal.observed import Observed


class Blind:
    """Fulfils ``Detector`` and sees nothing."""

    engine, model, capacity = "none", {"name": "none"}, 1
    names = ("person",)

    def process(self, batch: list[View]) -> list[Detections]:
        return [Detections.empty() for _ in batch]


def frame(index: int) -> View:
    return View(Frame("lab", 0, index, index, width=400, height=300), np.full((300, 400, 3), index % 200, np.uint8))


def observed(index: int, *, wide: float = 0.2, confidence: float = 0.9) -> Observed:
    box = np.array([[0.3, 0.3, 0.3 + wide, 0.8]])
    flow = FlowField(np.full((12, 16), 1.0 + index, np.float32), (16.0, 12.0))
    one = np.array([1], np.int32)
    return Observed(index, index * 10**9, one, one * 0, np.array([confidence], np.float32), box, flow)


def album_of(frames: int, *, clips: int = 1) -> Album:
    album, detector = Album(), Blind()
    watched = album.over(detector)  # type: ignore[arg-type]  # names as a tuple
    for _ in range(clips):
        for index in range(frames):
            watched.process([frame(index)])
    return album


def test_a_crop_goes_with_each_example_and_the_index_tells_them() -> None:
    files = album_of(12).examples([[observed(n) for n in range(12)]], ["person"])
    told = msgspec.json.decode(files[INDEX], type=list[Example])
    assert {each.crop for each in told} == set(files) - {INDEX}
    assert len(told) == 12
    assert {each.class_name for each in told} == {"person"}
    assert all(files[each.crop].startswith(b"\xff\xd8") for each in told)


def test_frames_are_kept_evenly_and_never_too_many() -> None:
    album = album_of(5 * MOST_FRAMES)
    files = album.examples([[observed(n) for n in range(5 * MOST_FRAMES)]], [])
    told = msgspec.json.decode(files[INDEX], type=list[Example])
    assert len(told) == MOST
    assert all(each.media_time % 8 == 0 for each in told), "every eighth frame is kept by now"
    assert told[0].class_name == "class 0"


def test_a_frame_that_begins_anew_belongs_to_the_next_clip() -> None:
    slow, wide = [observed(n) for n in range(3)], [observed(n, wide=0.5) for n in range(3)]
    files = album_of(3, clips=2).examples([slow, wide], ["person"])
    told = msgspec.json.decode(files[INDEX], type=list[Example])
    assert sorted({round(each.box[2], 3) for each in told}) == [0.5, 0.8]


def test_objects_that_are_doubtful_or_too_small_are_not_taken() -> None:
    album = album_of(3)
    assert album.examples([[observed(n, confidence=0.1) for n in range(3)]], []) == {}
    assert album.examples([[observed(n, wide=0.01) for n in range(3)]], []) == {}
    assert Album().examples([[observed(0)]], []) == {}, "a run's log has no pictures"


def test_those_chosen_lie_far_apart() -> None:
    class One:
        def __init__(self, speed: float) -> None:
            self.features, self.box, self.class_id = {"speed": speed}, (0.1, 0.1, 0.2, 0.3), 0

    many: list[Any] = [One(1.0 + n / 1000) for n in range(100)] + [One(50.0), One(0.01)]
    assert {round(each.features["speed"], 2) for each in spread_out(many, 3)} >= {50.0, 0.01}
    assert len(spread_out([One(1.0), One(1.0)], 5)) == 1, "the same twice is one"
    assert spread_out([], 5) == []


def test_an_example_has_the_look_of_its_object_that_is_nearest_in_time_if_there_was_one_by_then() -> None:
    def look(index: int) -> Looks | None:
        vector = np.full((1, 4), index, np.float16)
        return Looks(np.array([0], np.int32), vector) if index in (1, 10) else None

    clip = [replace(observed(index), looks=look(index)) for index in range(12)]
    told = msgspec.json.decode(album_of(12).examples([clip], ["person"])[INDEX], type=list[Example])
    looks = {each.media_time: np.frombuffer(each.look, np.float16).tolist()[:1] for each in told}
    assert [looks[second] for second in (0, 1, 3, 5, 8, 11)] == [[1], [1], [1], [], [10], [10]]

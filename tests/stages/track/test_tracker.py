"""Identities: given at confirmation, held through what hides an object, never mixed up when it can be told."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.detections import Detections, Tracks
from pipeline.errors import MessageError
from pipeline.messages import Frame, Status
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

Make = Callable[..., Any]


def ids(tracks: Tracks) -> list[int]:
    return [int(number) for number in tracks.track_id]


def test_a_walker_keeps_one_identity(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    seen = play(tracker, [step(k / 10, [box(50 + 8 * k)]) for k in range(40)])
    assert {number for tracks in seen for number in ids(tracks)} == {1}
    assert all(tracks.observed.all() for tracks in seen)


def test_a_flicker_gets_no_identity_and_wastes_no_number(
    tracker: ByteTracker, play: Make, step: Make, box: Make
) -> None:
    steps = [step(k / 10, [box(50 + 8 * k), *([box(500)] if k == 3 else [])]) for k in range(20)]
    steps += [step(2 + k / 10, [box(210 + 8 * k), box(400, 50)]) for k in range(5)]
    assert ids(play(tracker, steps)[-1]) == [1, 2]


def test_identities_are_never_given_twice(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(100)]) for k in range(5)]
    steps += [step(0.5 + k / 10, []) for k in range(60)]
    steps += [step(6.5 + k / 10, [box(100)]) for k in range(5)]
    assert ids(play(tracker, steps)[-1]) == [2]


def test_a_walker_is_found_again_where_it_was_heading(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(50 + 6 * k)] if not 20 <= k < 30 else []) for k in range(40)]
    seen = play(tracker, steps)
    assert ids(seen[-1]) == [1]
    assert ids(seen[29]) == [], "after coast_s a track that is not seen is not reported"
    assert not seen[22].observed.any()


def test_somebody_else_elsewhere_is_somebody_else(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(50)]) for k in range(10)]
    steps += [step(1 + k / 10, [box(450)]) for k in range(10)]
    assert ids(play(tracker, steps)[-1]) == [2]


def test_two_who_cross_keep_their_identities(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    def at(k: int) -> list[Any]:
        left, right = box(100 + 10 * k, 200), box(400 - 10 * k, 206)
        return [left, right] if abs(left[0] - right[0]) > 20 else [right]

    seen = play(tracker, [step(k / 10, at(k)) for k in range(31)])
    assert ids(seen[5]) == ids(seen[-1]) == [1, 2]
    assert seen[5].xyxy[0, 0] < seen[5].xyxy[1, 0]
    assert seen[-1].xyxy[0, 0] > seen[-1].xyxy[1, 0]


def test_a_half_hidden_object_keeps_its_size_and_identity(
    tracker: ByteTracker, play: Make, step: Make, box: Make
) -> None:
    steps = [step(k / 10, [box(50 + 6 * k, height=55 if 15 <= k < 20 else 100)]) for k in range(30)]
    seen = play(tracker, steps)
    assert {number for tracks in seen for number in ids(tracks)} == {1}
    hidden = seen[17].xyxy[0]
    assert hidden[3] - hidden[1] > 85
    assert abs(hidden[1] - 200) < 6, "the visible edge says where it is"


def test_weak_detections_keep_a_track_but_start_none(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(50 + 6 * k, confidence=0.9 if k < 10 else 0.2), box(500, 50, confidence=0.3)])
             for k in range(20)]  # fmt: skip
    seen = play(tracker, steps)
    assert ids(seen[-1]) == [1]
    assert seen[-1].observed.all()
    assert seen[-1].confidence[0] == np.float32(0.2)


def test_the_vote_is_the_median_of_the_last_ten_confidences(
    tracker: ByteTracker, play: Make, step: Make, box: Make
) -> None:
    confidences = [0.9] * 6 + [0.8, 0.5, 0.6, 0.7, 0.5, 0.9, 0.6, 0.7, 0.8]
    seen = play(tracker, [step(k / 10, [box(100, confidence=c)]) for k, c in enumerate(confidences)])
    for k in (3, 8, 14):
        assert seen[k].vote[0] == pytest.approx(np.median(np.array(confidences[max(0, k - 9) : k + 1])))


def test_one_confident_mistake_does_not_change_the_class(
    tracker: ByteTracker, play: Make, step: Make, box: Make
) -> None:
    steps = [step(k / 10, [box(100 + 5 * k, width=90, height=60, class_id=7 if k == 10 else 2)]) for k in range(20)]
    seen = play(tracker, steps)
    assert {(int(t.track_id[0]), int(t.class_id[0])) for t in seen if len(t)} == {(1, 2)}


def test_a_car_called_a_truck_for_long_becomes_a_truck(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(100 + 3 * k, width=90, height=60, class_id=2 if k < 20 else 7)]) for k in range(45)]
    seen = play(tracker, steps)
    assert ids(seen[-1]) == [1]
    assert [int(seen[k].class_id[0]) for k in (19, 21, 44)] == [2, 2, 7]


def test_a_person_does_not_become_the_dog_in_its_place(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(100, class_id=0 if k < 10 else 16)]) for k in range(20)]
    assert ids(play(tracker, steps)[-1]) == [2]


def test_of_two_boxes_on_one_object_one_counts(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    seen = play(tracker, [step(k / 10, [box(100), box(103, confidence=0.8)]) for k in range(10)])
    assert ids(seen[-1]) == [1]


def test_a_static_picture_holds_tracks_for_ever(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    walk = [step(k / 10, [box(100 + 6 * k)]) for k in range(10)]
    still = [step(1 + k, [], Status.STATIC) for k in range(100)]
    seen = play(tracker, [*walk, *still, step(101.1, [box(160)])])
    np.testing.assert_array_equal(seen[9].xyxy, seen[109].xyxy)
    assert ids(seen[109]) == ids(seen[110]) == [1]
    assert not seen[109].observed.any()
    assert seen[110].observed.all()


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.ANALYSED, Status.STATIC)])
def test_identities_are_held_through_dropped_frames(
    tracker: ByteTracker, play: Make, step: Make, box: Make, status: Status
) -> None:
    steps = [step(k / 10, [box(50 + 6 * k)]) if k < 15 or k >= 35 else step(k / 10, [], status) for k in range(45)]
    seen = play(tracker, steps)
    assert ids(seen[-1]) == [1]
    assert not any(tracks.observed.any() for tracks in seen[15:35])


def test_detections_of_a_frame_that_was_not_analysed_do_not_count(
    tracker: ByteTracker, play: Make, step: Make, box: Make
) -> None:
    seen = play(tracker, [step(k / 10, [box(100)], Status.SUPERSEDED) for k in range(10)])
    assert all(len(tracks) == 0 for tracks in seen)


def test_only_time_counts_not_the_number_of_frames(play: Make, step: Make, box: Make) -> None:
    def end(fps: int) -> Tracks:
        steps = [step(k / fps, [box(50 + 60 * k / fps)]) for k in range(4 * fps)]
        last: Tracks = play(ByteTracker(TrackOptions()), steps)[-1]
        return last

    slow, fast = end(5), end(50)
    assert ids(slow) == ids(fast) == [1]
    assert abs(slow.xyxy[0, 0] - (50 + 60 * 3.8)) < 2
    assert abs(fast.xyxy[0, 0] - (50 + 60 * 3.98)) < 2


def test_uneven_times_are_no_trouble(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    times = np.cumsum(np.random.default_rng(1).choice([0.03, 0.1, 0.4], 60))
    seen = play(tracker, [step(float(t), [box(20 + 25 * float(t))]) for t in times])
    assert {number for tracks in seen for number in ids(tracks)} == {1}


def test_who_left_the_picture_is_not_who_enters_there_later(
    tracker: ByteTracker, play: Make, step: Make, box: Make
) -> None:
    steps = [step(k / 10, [box(500 + 10 * k)] if 500 + 10 * k < 620 else []) for k in range(22)]
    steps += [step(2.2 + k / 10, [box(600 - 10 * k)]) for k in range(10)]
    assert ids(play(tracker, steps)[-1]) == [2]


def test_boxes_stay_within_the_picture(tracker: ByteTracker, play: Make, step: Make, box: Make) -> None:
    seen = play(tracker, [step(k / 10, [box(560 + 8 * k, width=min(40, 80 - 8 * k))]) for k in range(9)])
    assert max(float(tracks.xyxy[:, 2].max(initial=0)) for tracks in seen) <= 640


def test_cameras_share_nothing(play: Make, step: Make, box: Make) -> None:
    steps = [step(k / 10, [box(100)]) for k in range(5)]
    first, second = ByteTracker(TrackOptions()), ByteTracker(TrackOptions())
    play(first, steps)
    assert ids(play(second, steps)[-1]) == [1]


def test_media_time_that_does_not_increase_is_refused(tracker: ByteTracker) -> None:
    frame = Frame(camera="c", session=0, index=0, media_ns=5)
    tracker.update(frame, Status.ANALYSED, Detections.empty())
    with pytest.raises(ValueError, match="media time must increase"):
        tracker.update(frame, Status.ANALYSED, Detections.empty())


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"\x97\x01\xc2\x00\x00\x01\x02\x90", b"\x97\x63\xc2\x00\x00\x01\x00\x90"]
)
def test_foreign_state_is_refused(tracker: ByteTracker, junk: bytes) -> None:
    with pytest.raises(MessageError, match="tracker state"):
        tracker.restore(junk)


@pytest.mark.parametrize(
    "wrong", [{"lost_s": -1}, {"high_confidence": 0.1}, {"new_confidence": 0.05}, {"frames": 3}, {"weak_iou": 0}]
)
def test_impossible_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        TrackOptions.model_validate(wrong)

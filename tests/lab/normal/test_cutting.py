"""What alarmed is gone: its rows, its motion, whoever rides on it, and the moments in which it is about."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from lab.normal.alarms import Alarm, Reports
from lab.normal.cutting import cut
from pipeline.clock import SECOND
from pipeline.store.sample_event import sample_event
from stages.alert.normal.observed import Observed
from tests.lab.normal.conftest import film
from tests.lab.normal.minutes import with_object

BOX = (0.4, 0.3, 0.55, 0.8)
CYCLIST = 900


def ridden(at: range) -> list[Observed]:
    return with_object(film(20, 3), CYCLIST, at=at, box=BOX, speed=400.0)


def alarm(**changes: object) -> Alarm:
    made = Alarm("anomaly", "e", 5 * SECOND, 7 * SECOND, [CYCLIST], placed=False, threshold=5.0)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_an_object_that_alarmed_is_cut_at_all_times_and_its_motion_with_it() -> None:
    found = cut(ridden(range(20, 40)), [alarm(start_ns=6 * SECOND)])
    assert (found.objects, len(found.clips)) == (1, 3)
    assert all(CYCLIST not in frame.subject for clip in found.clips for frame in clip)
    speeds = [flow.speed.max() for clip in found.clips for frame in clip if (flow := frame.flow) is not None]
    assert max(speeds) < 300


def test_the_moments_in_which_it_may_be_about_unseen_are_left_out() -> None:
    found = cut(ridden(range(20, 40)), [alarm()])
    assert [(clip[0].index, clip[-1].index) for clip in found.clips] == [(0, 14), (20, 39), (45, 99)]
    assert found.seconds == pytest.approx(2.0)


def test_a_gap_in_which_it_was_not_seen_is_left_out() -> None:
    frames = with_object(ridden(range(20, 30)), CYCLIST, at=range(34, 44), box=BOX, speed=400.0)
    assert [(clip[0].index, clip[-1].index) for clip in cut(frames, [alarm()]).clips] == [
        (0, 14),
        (20, 29),
        (34, 43),
        (49, 99),
    ]


def test_the_rider_goes_with_the_bicycle_and_who_stands_beside_it_stays() -> None:
    rider = (0.42, 0.2, 0.52, 0.6)
    aside = (0.7, 0.3, 0.8, 0.8)
    frames = with_object(ridden(range(100)), 901, at=range(100), box=rider, speed=400.0)
    frames = with_object(frames, 902, at=range(100), box=aside, speed=20.0)
    subjects = {each for clip in cut(frames, [alarm()]).clips for frame in clip for each in frame.subject.tolist()}
    assert 901 not in subjects
    assert 902 in subjects


def test_what_names_no_object_takes_its_time_along() -> None:
    found = cut(film(20, 3), [alarm(subjects=[], placed=True)])
    assert [(clip[0].index, clip[-1].index) for clip in found.clips] == [(0, 19), (41, 99)]
    assert found.seconds == pytest.approx(4.2)


def test_an_alarm_that_goes_on_takes_all_time_from_its_start() -> None:
    found = cut(film(20, 3), [alarm(subjects=[], placed=True, end_ns=None)])
    assert [(clip[0].index, clip[-1].index) for clip in found.clips] == [(0, 19)]


def test_where_nothing_alarmed_nothing_is_cut() -> None:
    frames = film(20, 3)
    found = cut(frames, [alarm(), alarm(subjects=[], placed=True, start_ns=900 * SECOND, end_ns=901 * SECOND)])
    assert found.clips == [frames]


def test_of_an_object_that_is_cut_what_it_looks_like_goes_too() -> None:
    from stages.alert.normal.looks import Looks

    frames = ridden(range(100))
    several = next(number for number, each in enumerate(frames) if len(each) > 2)
    count = len(frames[several])
    vectors = np.arange(2 * count, dtype=np.float16).reshape(count, 2)
    frames[several] = replace(frames[several], looks=Looks(np.arange(count, dtype=np.int32), vectors))
    left = cut(frames, [alarm()]).clips[0][several]
    assert left.looks is not None
    assert left.looks.row.tolist() == list(range(len(left)))
    assert vectors[count - 1].tolist() not in left.looks.vector.tolist()


def test_whom_an_event_names_is_found_by_where_he_was_and_not_by_the_number_of_a_track() -> None:
    frame = ridden(range(20, 40))[25]
    told = sample_event().object
    assert told is not None
    event = sample_event(rule="anomaly", frame=26, object=structs.replace(told, track_id=77, box=BOX))
    reports = Reports([event])
    reports.look(frame)
    found = reports.alarms[event.id]
    assert (found.subjects, found.placed) == ([CYCLIST], False)


def test_an_event_whose_object_is_not_found_takes_its_time_along() -> None:
    reports = Reports([sample_event(rule="anomaly", started=4.0)])
    reports.look(film(2, 3)[0])
    (found,) = reports.alarms.values()
    assert found.placed
    assert found.span == (3 * SECOND, float("inf"))


def test_events_of_rules_that_are_daily_life_are_counted_and_learned_from() -> None:
    reports = Reports([sample_event(rule="line_crossed", name="door")], ordinary=["door"])
    assert (reports.alarms, reports.ordinary) == ({}, 1)


def test_of_an_object_that_is_cut_what_was_said_of_its_behaviour_goes_too() -> None:
    frames = ridden(range(20, 40))
    frames[30] = replace(frames[30], behaviour={"fight": np.where(frames[30].subject == CYCLIST, 0.9, 0.1)})
    (left,) = (each for clip in cut(frames, [alarm()]).clips for each in clip if each.index == 30)
    assert left.behaviour["fight"].tolist() == [0.1] * len(left)

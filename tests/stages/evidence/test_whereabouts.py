"""Where people are at any time of a clip: never fewer than were seen shortly before and shortly after."""

from itertools import pairwise

import pytest

from pipeline.clock import SECOND
from pipeline.stage import Around, Moment, Seen
from stages.evidence.blur import Box
from stages.evidence.whereabouts import MOST_NS, People, Whereabouts

SIZE = (1000, 500)
STEP_NS = SECOND // 10


def box(left: float, top: float = 100, wide: float = 50, high: float = 200) -> Box:
    return left, top, left + wide, top + high


def seen(track_id: int, where: Box, *, held: bool = False, name: str = "person") -> Seen:
    return Seen(name, track_id, where, held)


def people(
    *moments: list[Seen], slack_s: float = 0.0, about: tuple[int, ...] = (1,), place: Box | None = None
) -> People:
    """One moment each tenth of a second."""
    found = [
        Moment(number * STEP_NS, SIZE, Around(("person", "head", "car"), tuple(each)))
        for number, each in enumerate(moments)
    ]
    return People(found, about, place, people=("person", "head"), slack_ns=round(slack_s * SECOND))


def at(known: People, seconds: float) -> Whereabouts:
    found = known.at(round(seconds * SECOND))
    assert found is not None
    return found


def in_pixels(boxes: list[Box]) -> list[tuple[int, int, int, int]]:
    return [(round(x1 * 1000), round(y1 * 500), round(x2 * 1000), round(y2 * 500)) for x1, y1, x2, y2 in boxes]


def test_between_two_frames_others_may_be_anywhere_between_and_the_object_is_where_it_must_be() -> None:
    known = people([seen(1, box(100)), seen(2, box(500))], [seen(1, box(110)), seen(2, box(540))])
    found = at(known, 0.05)
    assert in_pixels(found.others) == [(500, 100, 590, 300)]
    assert in_pixels(found.own) == [(105, 100, 155, 300)]


@pytest.mark.parametrize("seconds", [-0.05, 0.25])
def test_before_the_first_and_after_the_last_frame_nothing_is_known(seconds: float) -> None:
    assert people([], [], []).at(round(seconds * SECOND)) is None


def test_in_a_long_gap_nothing_is_known_and_in_a_short_one_who_was_seen_at_its_ends() -> None:
    for gap_ns, is_known in ((MOST_NS, True), (MOST_NS + STEP_NS, False)):
        moments = [Moment(at_ns, SIZE, Around(("person",), (seen(2, box(500)),))) for at_ns in (0, gap_ns)]
        known = People(moments, (1,), None, people=("person",), slack_ns=0)
        assert (known.at(gap_ns // 2) is not None) is is_known
        assert known.at(0) is not None
        assert known.at(gap_ns) is not None


def test_who_is_missed_for_a_moment_is_hidden_all_the_same() -> None:
    there, gone = [seen(2, box(500))], list[Seen]()
    assert len(at(people(there, gone, gone, there), 0.1).others) == 1, "its track is known before and after"
    once = [seen(0, box(500))]
    assert at(people(gone, once, gone), 0.2).others == []
    assert len(at(people(gone, once, gone, slack_s=0.15), 0.2).others) == 1, (
        "a detection counts for as long as the slack"
    )


def test_the_wider_the_slack_the_more_is_hidden() -> None:
    moments = [[seen(2, box(100 + 20 * number))] for number in range(11)]
    widths = [at(people(*moments, slack_s=slack_s), 0.5).others[0] for slack_s in (0.0, 0.2, 0.5)]
    assert [round((right - left) * 1000) for left, _, right, _ in widths] == [50, 130, 250]


def test_a_track_that_is_only_held_shows_nobody_and_hides_others() -> None:
    known = people([seen(1, box(100), held=True), seen(2, box(500), held=True)])
    found = at(known, 0.0)
    assert found.own == []
    assert {(500, 100, 550, 300), (100, 100, 150, 300)} == set(in_pixels(found.others)), "it may be somebody else"
    known = people(*([seen(1, box(100), held=number == 1)] for number in range(3)))
    assert in_pixels(at(known, 0.1).own) == [(100, 100, 150, 300)], "seen before and after"


def test_the_detection_of_the_object_is_not_hidden_and_that_of_another_widens_his_box() -> None:
    known = people([seen(1, box(100)), seen(0, box(103)), seen(2, box(500)), seen(0, box(495, 90))])
    assert in_pixels(at(known, 0.0).others) == [(495, 90, 550, 300)]


def test_things_are_left_alone_unless_the_detector_knows_no_people() -> None:
    assert at(people([seen(3, box(500), name="car")]), 0.0).others == []
    moment = Moment(0, SIZE, Around(("object",), (seen(3, box(500), name="object"),)))
    found = People([moment], (1,), None, people=("person",), slack_ns=0).at(0)
    assert found is not None
    assert len(found.others) == 1


def test_who_stands_in_front_of_the_object_is_hidden_there_too() -> None:
    front, behind = box(120, 120), box(120, 60)
    assert in_pixels(at(people([seen(1, box(100)), seen(2, front)]), 0.0).before) == [(120, 120, 170, 320)]
    assert in_pixels(at(people([seen(1, box(100)), seen(2, behind)]), 0.0).before) == [(130, 60, 160, 120)], "his head"
    assert at(people([seen(1, box(100)), seen(2, box(145, 80))]), 0.0).before == [], "his head is beside"


def test_a_head_of_the_objects_own_is_not_hidden_within_it() -> None:
    known = people([seen(1, box(100)), seen(0, box(110, 100, 30, 40), name="head")])
    assert at(known, 0.0).before == []


def test_an_event_about_a_thing_shows_its_place() -> None:
    place = (0.1, 0.2, 0.2, 0.4)
    assert at(people([seen(2, box(500))], about=(), place=place), 0.0).own == [place]


def test_who_crosses_the_picture_is_covered_at_every_time() -> None:
    """Whatever lies in a frame's box lies in what is hidden at that frame, and halfway to the next one."""
    ways = [[seen(2, box(20 * number)), seen(0, box(900 - 30 * number, 250))] for number in range(20)]
    known = people(*ways)
    for number, (now, following) in enumerate(pairwise(ways)):
        for seconds in (number / 10, number / 10 + 0.05):
            hidden = in_pixels(at(known, seconds).others)
            for each in now if seconds * 10 == number else [*now, *following]:
                x1, y1, x2, y2 = each.box_px
                assert any(h[0] <= x1 and h[1] <= y1 and h[2] >= x2 and h[3] >= y2 for h in hidden), (seconds, each)

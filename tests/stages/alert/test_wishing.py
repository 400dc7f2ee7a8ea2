"""Which crops are wished for, and when."""

import msgspec
import pytest

from pipeline.clock import SECOND
from pipeline.messages import SCHEMA, Answer, AnswersHeader, Frame, Missed, Wish
from pipeline.stage import Asking
from stages.alert.sighting import Sighting
from stages.alert.wishing import Wishing, WishingState

FPS = 10
COLOUR = AnswersHeader(SCHEMA, "gate", "colour", "a", {}, ["red", "blue"])
FIGHT = AnswersHeader(SCHEMA, "gate", "fight", "a", {}, ["calm", "fight"], frames=4, fps=5.0, scene=True)
GAIT = AnswersHeader(SCHEMA, "gate", "gait", "a", {}, ["walk", "fall"], frames=4, fps=5.0)


def asking(name: str = "colour", **changes: object) -> Asking:
    usual = Asking(
        name=name,
        cameras=("gate",),
        classes=(),
        delay_ns=SECOND,
        every_ns=SECOND,
        settled_ns=10 * SECOND,
        min_px=24,
    )
    values = {field: getattr(usual, field) for field in Asking.__slots__}
    return Asking(**{**values, **changes})


def wishing(header: AnswersHeader = COLOUR, **changes: object) -> Wishing:
    made = Wishing([asking(header.classifier, **changes)])
    made.learn_header(header)
    return made


def frame(index: int) -> Frame:
    return Frame("gate", 0, index, index * SECOND // FPS, width=1000, height=1000)


def thing(
    left: float = 100, top: float = 100, width: float = 50, height: float = 100, *, sure: float = 0.5, track: int = 7
) -> Sighting:
    box = (left, top, left + width, top + height)
    return Sighting(subject=1, track_id=track, class_id=0, first_ns=0, box_px=box, confidence=sure)


def asked(made: Wishing, frames: int, sighting: Sighting) -> list[int]:
    """Frames of which a crop is wished for."""
    return [index for index in range(frames) if made.wish(frame(index), {1: sighting}, ["person"])]


def answer(made: Wishing, sighting: Sighting, scores: dict[str, float]) -> None:
    for wish in made.open:
        made.take(Answer(*wish.key, scores), {1: sighting})


def test_an_object_is_looked_at_when_it_is_first_seen_and_then_once_a_second() -> None:
    assert asked(wishing(), 35, thing()) == [0, 10, 20, 30]


def test_a_wish_says_when_its_answer_counts() -> None:
    made = wishing(delay_ns=SECOND // 2)
    (wish,) = made.wish(frame(3), {1: thing()}, ["person"])
    assert wish == Wish("gate", 3, 7, "colour", (100, 100, 150, 200), 3 * SECOND // 10 + SECOND // 2)
    assert made.open == [wish]


@pytest.mark.parametrize(
    "small_or_cut",
    [thing(width=20), thing(height=23), thing(left=0), thing(top=0.5), thing(left=950), thing(top=900.5)],
)
def test_crops_that_are_small_or_cut_by_the_border_are_not_looked_at(small_or_cut: Sighting) -> None:
    assert asked(wishing(), 30, small_or_cut) == []


def test_only_the_wanted_classes_are_looked_at() -> None:
    assert asked(wishing(classes=("car",)), 30, thing()) == []
    assert asked(wishing(classes=("car", "person")), 5, thing()) == [0]


def test_a_crop_that_has_grown_by_a_fifth_is_looked_at_at_once_and_one_that_has_not_is_not() -> None:
    made = wishing()
    assert asked(made, 1, thing())
    assert not made.wish(frame(1), {1: thing(height=119)}, ["person"])
    assert made.wish(frame(2), {1: thing(height=121)}, ["person"])
    assert not made.wish(frame(3), {1: thing(height=121)}, ["person"])


def test_a_surer_detection_is_looked_at_at_once() -> None:
    made = wishing()
    assert asked(made, 1, thing(sure=0.5))
    assert not made.wish(frame(1), {1: thing(sure=0.55)}, ["person"])
    assert made.wish(frame(2), {1: thing(sure=0.65)}, ["person"])


def test_once_the_answers_agree_it_is_looked_at_now_and_then() -> None:
    made, sighting = wishing(), thing()
    found = []
    for index in range(300):
        if made.wish(frame(index), {1: sighting}, ["person"]):
            found.append(index)
            answer(made, sighting, {"red": 0.9, "blue": 0.1})
    assert found == [0, 10, 20, 30, 40, 50, 60, 160, 260]
    assert sighting.attributes == {"colour": "red"}


def test_nothing_is_asked_before_the_classifier_has_said_what_it_can_say() -> None:
    made = Wishing([asking()])
    assert asked(made, 20, thing()) == []
    made.learn_header(COLOUR)
    assert asked(made, 20, thing()) == [0, 10]


def test_an_answer_that_was_missed_leaves_the_object_as_it_was_and_is_counted() -> None:
    made, sighting = wishing(), thing()
    asked(made, 15, sighting)
    first, second = made.open
    made.take(Missed(*first.key, "late"), {1: sighting})
    made.take(Answer(*second.key, {"red": 0.9}), {})
    made.take(Answer(*second.key, {"red": 0.9}), {1: sighting})
    assert sighting.votes == {}
    assert made.open == []
    assert made.state.counts == {"colour": {"wished": 2, "late": 1, "answered": 1}}


def test_a_behaviour_model_gets_samples_at_its_own_rate_and_full_windows() -> None:
    made = wishing(FIGHT)
    wishes = [wish for index in range(20) for wish in made.wish(frame(index), {}, ["person"])]
    assert [wish.index for wish in wishes] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert [wish.window for wish in wishes[:5]] == [[], [], [], [0, 2, 4, 6], [2, 4, 6, 8]]
    assert {(wish.track_id, wish.box_px) for wish in wishes} == {(0, (0, 0, 1000, 1000))}


def test_a_window_begins_anew_after_a_gap_and_with_another_track() -> None:
    made = wishing(GAIT)
    for index in (0, 2, 4):
        made.wish(frame(index), {1: thing()}, ["person"])
    (after_gap,) = made.wish(frame(20), {1: thing()}, ["person"])
    assert made.state.asked["gait"][1].samples == [20]
    made.wish(frame(22), {1: thing()}, ["person"])
    made.wish(frame(24), {1: thing(track=8)}, ["person"])
    assert made.state.asked["gait"][1].samples == [24]
    assert after_gap.window == []


def test_what_goes_on_in_the_picture_is_known_from_the_time_at_which_it_counts() -> None:
    made = wishing(FIGHT)
    (wish,) = made.wish(frame(0), {}, ["person"])
    made.take(Answer(*wish.key, {"calm": 0.2, "fight": 0.8}), {})
    assert made.state.scene == {"calm": (0.2, SECOND), "fight": (0.8, SECOND)}


def test_an_interrupted_watch_goes_on_as_if_it_had_not_been() -> None:
    whole, sighting = wishing(GAIT), thing()
    expected = [whole.wish(frame(index), {1: sighting}, ["person"]) for index in range(40)]
    parts = wishing(GAIT)
    found = []
    for index in range(40):
        found.append(parts.wish(frame(index), {1: sighting}, ["person"]))
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(parts.state), type=WishingState)
        parts = Wishing([asking("gait")], kept)
    assert found == expected


def test_an_object_that_is_gone_is_forgotten_and_at_the_end_so_are_open_wishes() -> None:
    made = wishing()
    asked(made, 1, thing())
    made.forget([1])
    assert made.state.asked == {"colour": {}}
    made.end()
    assert made.open == []
    assert made.state.counts["colour"]["ended"] == 1

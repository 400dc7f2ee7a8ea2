"""Rules that ask what an object is, and what goes on: they wait while it is unknown, and never guess."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipeline.clock import SECOND
from pipeline.errors import UsageError
from pipeline.messages import SCHEMA, Answer, AnswersHeader, Event, FrameRecord, Missed, Wish
from pipeline.stage import Asking, Fact
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.rules.behaviour import Behaviour, BehaviourOptions
from stages.alert.rules.in_field import InField, InFieldOptions
from stages.alert.rules.line_crossed import LineCrossed, LineCrossedOptions
from stages.alert.stage import AlertStage
from stages.alert.verdict import verdict

COLOUR = AnswersHeader(SCHEMA, "gate", "colour", "a", {}, ["red", "blue"])
FIGHT = AnswersHeader(SCHEMA, "gate", "fight", "a", {}, ["calm", "fight"], frames=4, fps=5.0, scene=True)
FALL = AnswersHeader(SCHEMA, "gate", "fall", "a", {}, ["walk", "fall"], frames=4, fps=5.0)
ACROSS = Walk(stops=[(0.0, 0.2, 0.6), (10.0, 0.8, 0.6)])
STAYS = Walk(stops=[(0.0, 0.5, 0.8), (20.0, 0.5, 0.8)], track=2)
Says = Callable[[Wish], dict[str, float] | None]


def asking(name: str, delay_s: float = 1.0) -> Asking:
    return Asking(
        name=name,
        cameras=("gate",),
        classes=(),
        delay_ns=round(delay_s * SECOND),
        every_ns=SECOND,
        settled_ns=10 * SECOND,
        min_px=24,
    )


def watched(
    rules: Sequence[Rule],
    header: AnswersHeader,
    says: Says,
    *,
    walks: Sequence[Walk] = (ACROSS,),
    seconds: float = 10,
    interrupt: bool = False,
) -> list[Event]:
    """What is told of a script, while a classifier says what ``says`` says (None: it misses the wish)."""

    def stage() -> AlertStage:
        return AlertStage(
            AlertOptions(), rules=rules, trackers=ScriptedTracker, classifiers=[asking(header.classifier)]
        )

    alert, events = stage(), []
    alert.learn("gate", [header])
    for record in Script(walks=walks, seconds=seconds).records():
        if isinstance(record, FrameRecord):
            due = [wish for wish in alert.wishes("gate") if wish.due_ns <= record.frame.media_ns]
            alert.learn("gate", [_fact(wish, says(wish)) for wish in due])
        events += alert.process("gate", [record]).events
        if interrupt:
            state, alert = alert.state("gate"), stage()
            alert.restore("gate", state)
    assert all(verdict(event).follows for event in events)
    return events


def _fact(wish: Wish, scores: dict[str, float] | None) -> Fact:
    return Missed(*wish.key, "late") if scores is None else Answer(*wish.key, scores)


def red(_: Wish) -> dict[str, float]:
    return {"red": 0.9, "blue": 0.1}


def blue(_: Wish) -> dict[str, float]:
    return {"red": 0.1, "blue": 0.9}


def unknown(_: Wish) -> None:
    return None


def in_field(**options: Any) -> InField:
    return InField(InFieldOptions(**options))


WANTS_RED = {"attributes": {"colour": "red"}}


def test_an_event_starts_as_soon_as_it_is_known_that_the_object_is_the_one_wanted() -> None:
    start, *_ = watched([in_field(**WANTS_RED)], COLOUR, red)
    assert start.type == "start"
    assert start.media_time == 2.0, "crops of 0 s and 1 s, each a second later"
    assert start.object is not None
    assert start.object.attributes == {"colour": "red"}
    assert {"time": 2.0, "predicate": "colour", "value": "red", "comparison": "==", "threshold": "red"} in start.why


@pytest.mark.parametrize("says", [blue, unknown])
def test_nothing_starts_for_another_object_or_while_it_is_unknown(says: Says) -> None:
    assert watched([in_field(**WANTS_RED)], COLOUR, says) == []


def test_any_of_several_values_will_do() -> None:
    events = watched([in_field(attributes={"colour": ["blue", "red"]})], COLOUR, blue)
    assert {
        "time": 2.0,
        "predicate": "colour",
        "value": "blue",
        "comparison": "in",
        "threshold": ["blue", "red"],
    } in events[0].why


def test_a_rule_that_asks_for_nothing_does_not_wait_and_says_what_is_known() -> None:
    start, *_, end = watched([in_field()], COLOUR, red)
    assert start.media_time == 0.5
    assert start.object is not None
    assert start.object.attributes == {}
    assert end.object is not None
    assert end.object.attributes == {"colour": "red"}


def test_each_object_has_its_own_colour() -> None:
    events = watched(
        [in_field(**WANTS_RED)],
        COLOUR,
        lambda wish: red(wish) if wish.track_id == 2 else blue(wish),
        walks=[ACROSS, STAYS],
    )
    assert {event.object.track_id for event in events if event.object} == {2}


def test_what_an_object_is_stays_known_when_its_track_number_changes() -> None:
    switching = Walk(stops=ACROSS.stops, switches=[(5.0, 9)])
    events = watched([in_field(**WANTS_RED)], COLOUR, red, walks=[switching])
    assert [event.type for event in events] == ["start", "end"]
    assert events[-1].object is not None
    assert (events[-1].object.track_id, events[-1].object.attributes) == (9, {"colour": "red"})


def test_a_crossing_waits_for_the_colour_while_the_object_stays_on_that_side() -> None:
    early = LineCrossed(LineCrossedOptions.model_validate({"line": [[0.26, 0], [0.26, 1]], **WANTS_RED}))
    start, end = watched([early], COLOUR, red)
    assert (start.type, end.ended) == ("start", "momentary")
    assert start.media_time == 2.0
    assert watched([early], COLOUR, blue) == []


def test_a_value_that_the_classifier_never_says_is_refused() -> None:
    with pytest.raises(UsageError, match=r"never says 'rde'; did you mean 'red'\? It says: red, blue"):
        watched([in_field(attributes={"colour": "rde"})], COLOUR, red)


def fights(start_s: float, end_s: float) -> Says:
    def says(wish: Wish) -> dict[str, float]:
        seconds = wish.due_ns / SECOND - 1
        score = 0.9 if wish.window and start_s <= seconds < end_s else 0.1
        return {"calm": 1 - score, "fight": score}

    return says


def test_a_behaviour_of_the_scene_starts_and_ends_an_event_without_an_object() -> None:
    rule = Behaviour(BehaviourOptions(shows="fight"))
    start, end = watched([rule], FIGHT, fights(3, 7), seconds=15)
    assert (start.media_time, start.object) == (5.0, None), "from 3 s, told a second later, for one second"
    assert start.reason == "the scene shows fight (score 0.90, at least 0.8)"
    assert (end.media_time, end.ended) == (10.0, "left")


def test_a_behaviour_of_which_nothing_is_said_any_more_is_over() -> None:
    rule = Behaviour(BehaviourOptions(shows="fight"))
    says = fights(3, 100)
    start, end = watched([rule], FIGHT, lambda wish: says(wish) if wish.due_ns < 8 * SECOND else None, seconds=20)
    assert start.media_time == 5.0
    assert 12 < end.media_time <= 13.5


def test_a_behaviour_of_a_track_is_told_of_that_track() -> None:
    rule = Behaviour(BehaviourOptions(shows="fall", scope="track", severity="critical"))

    def says(wish: Wish) -> dict[str, float]:
        score = 0.95 if wish.track_id == 2 else 0.2
        return {"walk": 1 - score, "fall": score}

    events = watched([rule], FALL, says, walks=[ACROSS, STAYS])
    assert {event.object.track_id for event in events if event.object} == {2}
    assert events[0].reason.startswith("person 2 shows fall")


def test_any_rule_can_ask_for_a_behaviour() -> None:
    events = watched([in_field(behaviour={"fight": 0.8})], FIGHT, fights(4, 9))
    assert events[0].media_time == 5.0
    assert {"time": 5.0, "predicate": "score_fight", "value": 0.9, "comparison": ">=", "threshold": 0.8} in events[
        0
    ].why
    assert watched([in_field(behaviour={"fight": 0.95})], FIGHT, fights(4, 9)) == []


@pytest.mark.parametrize("header", [COLOUR, FIGHT, FALL])
def test_an_interrupted_watch_tells_the_same(header: AnswersHeader) -> None:
    rules: dict[str, Rule] = {"colour": in_field(**WANTS_RED), "fight": Behaviour(BehaviourOptions(shows="fight"))}
    rule = rules.get(header.classifier, Behaviour(BehaviourOptions(shows="fall", scope="track")))
    says = red if header is COLOUR else lambda wish: dict.fromkeys(header.names, 0.9)
    walks = [ACROSS, STAYS]
    whole = watched([rule], header, says, walks=walks)
    assert whole
    assert watched([rule], header, says, walks=walks, interrupt=True) == whole

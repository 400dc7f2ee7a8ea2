"""What is said to have prevented an event surely does: the rule is run again with it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.why.course import Course
from lab.why.limit import beyond
from lab.why.prevention import LATER, THINNED, Prevention
from lab.why.smallest_change import preventions
from pipeline.messages import Event
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.stage import AlertStage
from tests.stages.alert.scenes import SCENES, ZONE, rule_of


def watched(rule: Rule, script: Script) -> list[Event]:
    return AlertStage(AlertOptions(), rules=[rule], trackers=ScriptedTracker).process("gate", script.records()).events


def course_of(kind: str, script: Script | None = None, **options: Any) -> Course:
    """The first event of a scene."""
    events = watched(rule_of(kind, **options), script or SCENES[kind][1])
    course = Course.of([event for event in events if event.id == events[0].id])
    assert course is not None
    return course


def changed(kind: str, change: Prevention) -> Rule:
    """The rule of the scene with the change, and nothing else."""
    if change.option != "zone":
        return rule_of(kind, **{change.option: change.needs})
    (left, top), (right, bottom) = ZONE[0], ZONE[2]
    inset = change.needs
    smaller = [(left + inset, top + inset), (right - inset, top + inset)]
    return rule_of(kind, zone=[*smaller, (right - inset, bottom - inset), (left + inset, bottom - inset)])


def of(changes: Sequence[Prevention], option: str) -> Prevention:
    return next(change for change in changes if change.option == option)


@pytest.mark.parametrize("kind", SCENES)
def test_a_certain_change_prevents_every_event_until_this_one_was_over(kind: str) -> None:
    course = course_of(kind)
    assert course.end is not None
    certain = [change for change in preventions(course) if change.certain]
    assert certain, "every scene has a change that is certain"
    for change in certain:
        events = watched(changed(kind, change), SCENES[kind][1])
        early = [e for e in events if e.type == "start" and e.media_time <= course.end.media_time]
        assert early == [], change


@pytest.mark.parametrize("kind", SCENES)
def test_a_little_less_than_a_certain_change_does_not_prevent_it(kind: str) -> None:
    course = course_of(kind)
    for change in preventions(course):
        if not change.certain or change.option in ("zone", "min_age_s"):
            continue
        back = 1 if isinstance(change.needs, int) else max(0.06 * change.needs, 0.25 * change.option.endswith("_s"))
        less = change.needs - (back if change.needs > change.was else -back)
        assert watched(changed(kind, replace(change, needs=less)), SCENES[kind][1]) != [], change


def test_changes_are_in_order_certain_ones_first_and_of_these_the_smallest() -> None:
    changes = preventions(course_of("loitering"))
    assert [change.certain for change in changes] == sorted((change.certain for change in changes), reverse=True)
    shares = [change.share for change in changes if change.certain]
    assert shares == sorted(shares)


def test_how_long_it_held_is_told_by_its_end() -> None:
    change = of(preventions(course_of("in_field")), "enter_inertia_s")
    assert str(change) == "enter_inertia_s 6.2 instead of 0.3 (condition held for: 6.1 s in all)"


def test_an_event_that_goes_on_may_go_further() -> None:
    whole = course_of("loitering")
    going_on = Course.of([message for message in whole.messages if message.type != "end"])
    assert going_on is not None
    assert {change.doubt for change in preventions(going_on)} == {LATER}


def test_a_crossing_that_was_not_sure_enough_would_not_have_been_told_later() -> None:
    changes = preventions(course_of("line_crossed"))
    assert [(change.option, change.needs) for change in changes if change.certain] == [("min_confidence", 0.81)]
    assert of(changes, "enter_inertia_s").doubt == LATER


def test_the_zone_is_certain_only_where_the_path_is_whole() -> None:
    assert of(preventions(course_of("in_field")), "zone").certain is False, "every other point is told"
    quick = Script(walks=[Walk(stops=[(0.0, 0.1, 0.6), (5.0, 1.0, 0.6)])], seconds=12)
    assert of(preventions(course_of("in_field", quick)), "zone").certain
    assert of(preventions(course_of("in_field")), "zone").doubt == THINNED


def test_a_crowd_is_prevented_by_the_most_that_were_there() -> None:
    change = preventions(course_of("crowding"))[0]
    assert (change.option, change.was, change.needs) == ("limit", 2, 4)


def test_what_a_rule_does_not_let_one_set_is_not_proposed() -> None:
    proposed = {change.option for change in preventions(course_of("all"))}
    assert "enter_inertia_s" not in proposed, "always 0"
    assert "zone" not in proposed, "a part's"


def test_more_than_certainty_is_not_proposed() -> None:
    sure = Walk(stops=[(0.0, 0.1, 0.6), (9.0, 1.0, 0.6)], confidence=1.0)
    changes = preventions(course_of("in_field", Script(walks=[sure], seconds=12)))
    assert "min_confidence" not in {change.option for change in changes}


@pytest.mark.parametrize(
    ("value", "comparison", "whole", "needs"),
    [
        (0.7, ">=", False, 0.71),
        (0.8706, ">=", False, 0.88),
        (0.7, ">", False, 0.7),
        (4.0, ">=", False, 4.1),
        (51.9, ">=", False, 52.0),
        (15, ">", True, 15),
        (15, ">=", True, 16),
        (30.0, "<=", False, 29.9),
        (0.00123, "<=", False, 0.0012),
        (0.0, ">=", False, 0.01),
    ],
)
def test_limits_are_the_nearest_round_figures_beyond(value: float, comparison: str, whole: bool, needs: float) -> None:
    assert beyond(value, comparison, whole=whole) == pytest.approx(needs, abs=1e-12)


def test_a_round_figure_is_always_beyond() -> None:
    for value in np.random.default_rng(0).uniform(0, 100, 2000).round(3).tolist():
        assert beyond(value, ">=", whole=False) > value
        assert beyond(value, "<=", whole=False) < value

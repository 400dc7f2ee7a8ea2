"""Which sinks a message is for: what begins at a sink ends there, whatever filters say in between."""

import logging
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.options import SinkOptions
from stages.deliver.routing import Router

NIGHT = {"hours": ["22:00-06:00"]}


@dataclass
class Target:
    name: str
    options: Any


def target(name: str = "hook", **options: Any) -> Target:
    return Target(name, SinkOptions.model_validate(options))


def messages(*told: tuple[str, str, str | None], camera: str = "gate") -> list[Event]:
    """One event: type, severity and hour of each message."""
    return [
        sample_event(
            camera,
            ordinal,
            id="one event",
            type=kind,
            severity=severity,
            wall_time=None if hour is None else f"2026-11-21T{hour}:00Z",
        )
        for ordinal, (kind, severity, hour) in enumerate(told, 1)
    ]


def sent(router: Router, events: list[Event]) -> list[str]:
    return [event.type for event in events if router(event)]


def test_an_event_of_the_night_is_told_to_its_end_though_the_day_has_come() -> None:
    events = messages(("start", "high", "05:59"), ("update", "high", "06:30"), ("end", "high", "07:00"))
    assert sent(Router([target(schedule=NIGHT)]), events) == ["start", "update", "end"]


def test_an_event_of_the_day_that_goes_on_into_the_night_comes_with_its_next_update() -> None:
    events = messages(("start", "high", "21:00"), ("update", "high", "22:00"), ("end", "high", "23:00"))
    assert sent(Router([target(schedule=NIGHT)]), events) == ["update", "end"]


def test_an_end_in_the_night_of_an_event_of_the_day_is_nobodys_business() -> None:
    events = messages(("start", "high", "21:00"), ("end", "high", "23:00"))
    assert sent(Router([target(schedule=NIGHT)]), events) == []


def test_an_event_whose_severity_rises_comes_late_and_stays() -> None:
    events = messages(
        ("start", "low", None), ("update", "critical", None), ("update", "low", None), ("end", "low", None)
    )
    assert sent(Router([target(severity="high")]), events) == ["update", "update", "end"]


def test_types_choose_what_is_sent_and_not_what_counts() -> None:
    events = messages(("start", "high", "05:00"), ("end", "low", "12:00"))
    only_ends = target(types=["end"], severity="high", schedule=NIGHT)
    assert sent(Router([only_ends]), events) == ["end"]


def test_without_a_wall_time_a_schedule_lets_everything_pass_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = messages(("start", "high", None), ("end", "high", None))
    with caplog.at_level(logging.WARNING):
        assert sent(Router([target("night", schedule=NIGHT)]), events) == ["start", "end"]
    (record,) = caplog.records
    assert "sink night has a schedule, but camera gate has no wall time (not checkable)" in record.message


def test_each_sink_goes_by_its_own_filter() -> None:
    sinks = [target("all"), target("yard", cameras=["yard"]), target("night", schedule=NIGHT)]
    (start,) = messages(("start", "low", "12:00"))
    assert Router(sinks)(start) == ["all"]


def test_a_sink_of_the_users_own_is_asked_message_by_message_or_sent_everything() -> None:
    class OnlyEnds:
        def accepts(self, event: Event) -> bool:
            return event.type == "end"

    sinks = [Target("ends", OnlyEnds()), Target("all", object())]
    events = messages(("start", "low", None), ("end", "low", None))
    assert [Router(sinks)(event) for event in events] == [["all"], ["ends", "all"]]


def goes_on(sink: Target, events: list[Event], told: set[str]) -> list[str]:
    """What a router sends of the rest of an event, of which the first message was committed by a run before."""
    return sent(Router([sink], lambda _: events[:1], lambda _: told), events[1:])


def test_an_event_that_a_sink_knows_of_is_told_to_its_end_though_its_filter_was_changed_between_two_runs() -> None:
    events = messages(("start", "low", None), ("update", "low", None), ("end", "low", None))
    assert goes_on(target(severity="high"), events, {"hook"}) == ["update", "end"]


def test_a_sink_that_came_while_an_event_went_on_is_told_of_it_with_an_update_and_not_with_its_end_alone() -> None:
    start, update, end = messages(("start", "low", None), ("update", "low", None), ("end", "low", None))
    assert goes_on(target("new"), [start, update, end], {"hook"}) == ["update", "end"]
    assert goes_on(target("new"), [start, end], {"hook"}) == []
    assert goes_on(target("new", types=["end"]), [start, end], {"hook"}) == ["end"], "it never gets more than that"


TOLD = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["update", "end"]),
        st.sampled_from(["low", "high"]),
        st.sampled_from(["12:00", "23:00"]),
    ),
    max_size=20,
)


@given(TOLD, st.integers(0, 20))
def test_a_router_that_starts_again_decides_as_one_that_never_stopped(
    told: list[tuple[str, str, str, str]], stopped_at: int
) -> None:
    sinks = [target("loud", severity="high"), target("night", schedule=NIGHT), target("ends", types=["end"])]
    events: list[Event] = []
    for ordinal, (name, kind, severity, hour) in enumerate(told, 1):
        name = f"{name} {sum(event.type == 'end' and event.id.startswith(name) for event in events)}"
        begun = any(event.id == name for event in events)
        event = sample_event(ordinal=ordinal, severity=severity, wall_time=f"2026-11-21T{hour}:00Z")
        events.append(msgspec.structs.replace(event, id=name, type=kind if begun else "start"))
    ongoing = Router(sinks)
    expected = [ongoing(event) for event in events]

    def history(event_id: str) -> list[Event]:
        return [event for event in events[:stopped_at] if event.id == event_id]

    def sent_to(event_id: str) -> set[str]:
        return {name for event, names in zip(events, expected, strict=True) if event.id == event_id
                and event in events[:stopped_at] for name in names}  # fmt: skip

    before, after = Router(sinks), Router(sinks, history, sent_to)
    routed = [before(event) for event in events[:stopped_at]] + [after(event) for event in events[stopped_at:]]
    assert routed == expected

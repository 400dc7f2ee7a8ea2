"""The governor: few notifications, no critical one lost, and every event accounted for."""

from collections import Counter, defaultdict
from contextlib import suppress
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import SECOND, ManualClock
from pipeline.configuration.settings import GovernorOptions
from pipeline.messages import Event
from pipeline.schedule import Schedule
from stages.deliver.allowance import Allowance
from stages.deliver.decision import SEVERITIES, rank
from stages.deliver.governed import GovernedOutbox
from stages.deliver.moment import Moment
from tests.stages.deliver.governing import MemoryStore, ScriptedSink, deliver, event, governed, limits, run

FEW = {"window_s": 100.0, "per_rule": 2, "per_camera": 3, "per_site": 4, "cooldown_s": 5.0, "merge_s": 10.0,
       "episode_s": 30.0, "digest_s": 50.0, "update_s": 20.0}  # fmt: skip
OPEN: dict[str, Any] = {"merge_s": 0.0, "cooldown_s": 0.0, "per_rule": None, "per_camera": None, "per_site": None}


LOGS = settings(max_examples=60, deadline=None)


TURNS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from([0, 1, 4, 9, 20, 60]),
        st.integers(-9, 5),
        st.sampled_from([0.1, 0.2, 0.8]),
        st.sampled_from(["low", "low", "medium", "high", "critical"]),
        st.sampled_from(["yard", "door"]),
    ),
    max_size=40,
)
"""Camera, seconds since its last message, which of its open events goes on (negative: a new one), place, severity,
rule."""


def messages(turns: list[tuple[str, int, int, float, str, str]], *, wall: bool) -> list[Event]:
    """Messages of several cameras and rules in the order of their commits; the times of each camera never go back."""
    times: dict[str, int] = defaultdict(int)
    going: dict[str, list[Event]] = defaultdict(list)
    found: list[Event] = []
    for number, (camera, later, which, x, severity, name) in enumerate(turns, 1):
        times[camera] += later
        minutes, seconds = divmod(times[camera], 60)
        values: dict[str, Any] = {"camera": camera, "severity": severity, "ordinal": number}
        values["wall_time"] = f"2026-05-01T12:{minutes:02}:{seconds:02}Z" if wall else None
        if 0 <= which < len(going[camera]):
            old = going[camera][which]
            kind = "update" if later < 9 else "end"
            found.append(event(number, times[camera], type=kind, name=old.name, id=old.id, track_id=0, **values))
            if kind == "end":
                going[camera].remove(old)
        else:
            found.append(event(number, times[camera], x=x, name=name, **values))
            going[camera].append(found[-1])
    return found


class Log(list[Event]):
    """Shown briefly when it makes a test fail."""

    def __repr__(self) -> str:
        return str([(one.message_id, one.media_time, one.name, one.severity, one.wall_time) for one in self])


def logs() -> st.SearchStrategy[Log]:
    """Stored logs, as ``messages`` makes them."""
    return st.builds(lambda turns, wall: Log(messages(turns, wall=wall)), TURNS, st.booleans())


def few(**changes: Any) -> GovernorOptions:
    return limits(**{**FEW, **changes})


def by_id(events: list[Event]) -> dict[str, Event]:
    return {one.message_id: one for one in events}


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max((sum(start <= time < start + seconds for time in times) for start in times), default=0)


@LOGS
@given(logs())
def test_delivered_merged_and_held_back_are_all_events_and_the_digests_tell_of_the_rest(events: list[Event]) -> None:
    store = run(events, few())
    counts = store.openings()
    assert counts["pass"] + counts["merged"] + counts["held"] == len({one.id for one in events})
    assert store.told_in_digests() == Counter(merged=counts["merged"], held=counts["held"])
    assert "pending" not in store.states()
    assert [row.state for row in store.rows].count("delivered") == [v for _, v, _ in store.verdicts()].count("pass")


@LOGS
@given(logs())
def test_every_start_rise_and_end_that_is_critical_is_delivered(events: list[Event]) -> None:
    sink = ScriptedSink()
    run(events, few(per_rule=1, per_camera=1, per_site=1), sink)
    known: set[str] = set()
    for one in events:
        if one.severity == "critical" and (one.type != "update" or one.id not in known):
            assert one.message_id in sink.got, one
        if one.severity == "critical":
            known.add(one.id)


@LOGS
@given(logs(), st.sampled_from(SEVERITIES[:-1]))
def test_no_window_has_more_notifications_of_a_severity_than_its_caps_allow(events: list[Event], severity: str) -> None:
    store = run(events, few())
    told = [kept.event for kept in store.log if kept.decision.notifies and kept.event.severity == severity]
    for camera in "ab":
        here = [one for one in told if one.camera == camera]
        assert most_in_a_window([one.media_time for one in here], 100.0) <= 3
        for name in ("yard", "door"):
            assert most_in_a_window([one.media_time for one in here if one.name == name], 100.0) <= 2
    assert most_in_a_window([one.media_time for one in told], 100.0) <= 4


@LOGS
@given(logs(), st.integers(0, 10**6))
def test_what_was_delivered_is_ended_and_what_was_not_is_not_ended(events: list[Event], seed: int) -> None:
    """Also with a receiver that refuses some messages for good."""
    chance = Random(seed)
    refused = {one.message_id for one in events if one.type != "end" and chance.random() < 0.2}
    sink = ScriptedSink(refused=refused)
    run(events, few(), sink)
    got = by_id(events)
    told = {got[key].id for key in sink.got if got[key].type != "end"}
    for one in events:
        if one.type == "end" and one.severity != "critical":
            assert (one.message_id in sink.got) == (one.id in told), one


@LOGS
@given(logs(), st.integers(0, 10**6))
def test_equal_logs_give_equal_decisions_wherever_the_process_is_killed(events: list[Event], seed: int) -> None:
    """Killed between any two writes: before a decision is kept, after it, before and after a message is settled. Some
    messages are refused for good."""
    chance, store = Random(seed), MemoryStore.of(events)
    refused = {one.message_id for one in events if chance.random() < 0.1}
    whole, sink = run(events, few(), ScriptedSink(refused=refused)), ScriptedSink(refused=refused)
    while "pending" in store.states():
        outbox = governed(store, few())
        with suppress(Killed):
            for _ in range(chance.randint(1, 5)):
                deliver(Dying(outbox, chance), sink)
    governed(store, few()).flush()
    assert store.verdicts() == whole.verdicts()
    assert store.sent == whole.sent
    passed = [kept.row.message_id for kept in whole.log if kept.verdict == "pass"]
    assert list(dict.fromkeys(sink.got)) == [name for name in passed if name not in refused]


class Killed(Exception):
    pass


class Dying:
    """An outbox whose process is killed now and then."""

    def __init__(self, outbox: Any, chance: Random) -> None:
        self._outbox = outbox
        self._chance = chance

    def pending(self, sink: str, now_ns: int, limit: int) -> Any:
        rows = self._outbox.pending(sink, now_ns, limit)
        self._die()
        return rows

    def delivered(self, row: Any) -> None:
        self._die()
        self._outbox.delivered(row)
        self._die()

    def failed(self, row: Any, error: str, next_attempt_ns: int) -> None:
        self._outbox.failed(row, error, next_attempt_ns)

    def dead(self, row: Any, error: str) -> None:
        self._outbox.dead(row, error)

    def _die(self) -> None:
        if self._chance.random() < 0.2:
            raise Killed


@LOGS
@given(logs(), st.integers(0, 10**6))
def test_a_receiver_that_fails_now_and_then_changes_no_decision_about_a_camera(events: list[Event], seed: int) -> None:
    options, clock, chance = few(per_site=None), ManualClock(), Random(seed)
    store, sink = MemoryStore.of(events), ScriptedSink()
    outbox = governed(store, options, clock)
    while "pending" in store.states():
        sink.down = {one.message_id for one in events if chance.random() < 0.4}
        deliver(outbox, sink, clock)
        clock.advance(600 * SECOND)
    whole = run(events, options).verdicts()
    for camera in "ab":
        mine = [line for line in store.verdicts() if line[0].startswith(camera)]
        assert mine == [line for line in whole if line[0].startswith(camera)]


@LOGS
@given(logs())
def test_cameras_without_a_cap_on_the_site_are_decided_on_as_if_each_were_alone(events: list[Event]) -> None:
    options = few(per_site=None)
    together = run(events, options).verdicts()
    for camera in "ab":
        alone = run([one for one in events if one.camera == camera], options).verdicts()
        assert [line for line in together if line[0].startswith(camera)] == alone


@LOGS
@given(logs())
def test_a_severity_that_was_told_is_never_lowered_by_an_update(events: list[Event]) -> None:
    sink = ScriptedSink()
    run(events, few(), sink)
    got = by_id(events)
    told: dict[str, list[int]] = defaultdict(list)
    for key in sink.got:
        if got[key].type != "end":
            told[got[key].id].append(rank(got[key].severity))
    for ranks in told.values():
        assert all(before <= after for before, after in pairwise(ranks))


def test_a_storm_of_ten_thousand_triggers_is_few_notifications_and_loses_no_critical_one() -> None:
    chance = Random(1)
    storm = [
        event(number, number * 0.36, x=chance.random(), camera=chance.choice("abcd"),
              name=chance.choice(["yard", "door", "roof"]), severity=severity)
        for number, severity in enumerate(chance.choices(SEVERITIES, (60, 25, 14, 1), k=10_000), start=1)
    ]  # fmt: skip
    sink = ScriptedSink()
    store = run(storm, limits(), sink)
    critical = {one.message_id for one in storm if one.severity == "critical"}
    assert len(critical) > 50
    assert critical <= set(sink.got)
    assert len(set(sink.got) - critical) <= 3 * 30, "per_site in one hour, for each severity"
    assert len(store.sent) <= 2
    assert sum(store.told_in_digests().values()) + len(sink.got) == 10_000


def test_the_same_thing_again_is_one_notification_with_a_count() -> None:
    again = [event(number, number * 20.0, x=0.5 + 0.01 * number) for number in range(1, 8)]
    store = run(again, limits(per_rule=None))
    assert store.states() == ["delivered", *["merged"] * 6]
    assert store.verdicts()[3][2] == "seen again at the place of event gate-1, which was delivered"
    (digest,) = store.sent
    assert digest.reason == "6 events merged: 6 x 'yard' on gate"
    assert [(line["predicate"], line["value"], line["into"]) for line in digest.why] == [("merged", 6, ["gate-1"])]
    assert digest.why[0]["ids"] == [f"gate-{number}" for number in range(2, 8)]


def test_another_place_another_rule_and_another_camera_are_not_the_same_thing() -> None:
    start = event(1, 0.0, x=0.2)
    others = [event(2, 1.0, x=0.8), event(3, 2.0, name="door", x=0.2), event(4, 2.0, camera="yard", x=0.2)]
    store = run([start, *others], limits(cooldown_s=0))
    assert store.states() == ["delivered"] * 4


def test_the_same_track_is_the_same_thing_wherever_it_is() -> None:
    store = run([event(1, 0.0, x=0.1, track_id=7), event(2, 20.0, x=0.9, track_id=7)], limits())
    assert store.states() == ["delivered", "merged"]


def test_what_goes_on_for_long_notifies_again() -> None:
    again = [event(number, number * 50.0) for number in range(1, 41)]
    store = run(again, limits(episode_s=900))
    assert [kept.event.media_time for kept in store.log if kept.verdict == "pass"] == [50.0, 950.0, 1850.0]


def test_a_cooldown_holds_back_the_rule_wherever_in_the_picture_until_it_is_over() -> None:
    store = run([event(1, 0.0, x=0.1), event(2, 29.0, x=0.9), event(3, 30.0, x=0.5)], limits(cooldown_s=30))
    assert store.states() == ["delivered", "held", "delivered"]
    assert store.verdicts()[1][2] == "rule 'yard' on camera gate notified less than 30 s ago"


def test_a_cooldown_is_not_spent_while_the_receiver_is_down() -> None:
    events, sink, clock = [event(1, 0.0), event(2, 1.0)], ScriptedSink(), ManualClock()
    store = MemoryStore.of(events)
    outbox = governed(store, limits(merge_s=0), clock)
    sink.down = {one.message_id for one in events}
    for _ in range(20):
        deliver(outbox, sink, clock)
        clock.advance(SECOND)
    assert [kept.row.message_id for kept in store.log] == ["gate-1-start-1"], "the second waits undecided"
    sink.down.clear()
    clock.advance(600 * SECOND)
    while deliver(outbox, sink, clock):
        pass
    assert store.states() == ["delivered", "held"]


def test_a_notification_that_is_given_up_spends_nothing() -> None:
    events = [event(1, 0.0), event(2, 1.0), event(3, 2.0)]
    sink = ScriptedSink(refused={"gate-1-start-1"})
    store = run(events, limits(per_rule=1, per_camera=1, per_site=1), sink)
    assert store.states() == ["dead", "delivered", "merged"]


def test_an_event_whose_start_was_given_up_gets_another_chance_with_its_update_and_no_lonely_end() -> None:
    told = [event(1, 0.0), event(1, 9.0, type="update"), event(1, 20.0, type="end")]
    lost = [event(2, 900.0), event(2, 905.0, type="end")]
    store = run([*told, *lost], limits(), ScriptedSink(refused={"gate-1-start-1", "gate-2-start-2"}))
    assert store.states() == ["dead", "delivered", "delivered", "dead", "held"]


def test_an_upgrade_to_critical_passes_at_once_and_so_does_the_end_then() -> None:
    held = [event(1, 0.0, x=0.1), event(2, 1.0, x=0.9, severity="low")]
    rises = [
        event(2, 2.0, x=0.9, type=kind, severity=severity, ordinal=ordinal)
        for ordinal, (kind, severity) in enumerate([("update", "low"), ("update", "critical"), ("end", "low")], 3)
    ]
    store = run([*held, *rises], limits())
    assert store.states() == ["delivered", "held", "held", "delivered", "delivered"]
    assert store.openings() == {"pass": 1, "held": 1}
    assert [(kept.role, kept.reason) for kept in store.log[3:]] == [
        ("rise", "critical: never held back"),
        ("follow", "its event was delivered"),
    ]


def test_what_matters_more_is_not_merged_into_what_mattered_less() -> None:
    severities = ["medium", "high", "medium", "high", "low"]
    store = run([event(n, n * 1.0, severity=severity) for n, severity in enumerate(severities, 1)], limits())
    assert store.states() == ["delivered", "delivered", "merged", "merged", "merged"]


def test_a_severity_that_rose_is_that_of_the_whole_episode() -> None:
    rises = [event(1, 0.0, severity="low"), event(1, 5.0, type="update", severity="high")]
    store = run([*rises, event(2, 9.0, severity="high"), event(3, 12.0, severity="critical")], limits())
    assert store.states() == ["delivered", "delivered", "merged", "delivered"]


def test_updates_of_a_notified_event_come_seldom_but_its_end_always_comes() -> None:
    updates = [event(1, 10.0 * n, type="update", ordinal=n) for n in range(1, 70)]
    store = run([event(1, 0.0), *updates, event(1, 700.0, type="end", ordinal=99)], limits(update_s=300))
    told = [kept.event.media_time for kept in store.log if kept.verdict == "pass"]
    assert told == [0.0, 300.0, 600.0, 700.0]
    assert store.sent == [], "no event was kept back"


def test_updates_of_an_event_that_stays_critical_come_as_seldom_as_any() -> None:
    """Whether it was critical from its start on, or rose to it."""
    for severity in ("critical", "low"):
        updates = [event(1, 10.0 * n, type="update", severity="critical", ordinal=n) for n in range(1, 70)]
        end = event(1, 700.0, type="end", severity="critical", ordinal=99)
        store = run([event(1, 0.0, severity=severity), *updates, end], limits(update_s=300))
        told = [kept.event.media_time for kept in store.log if kept.verdict == "pass"]
        assert told == ([0.0, 300.0, 600.0, 700.0] if severity == "critical" else [0.0, 10.0, 310.0, 610.0, 700.0])
        assert store.sent == [], "no event was kept back"


def test_a_rise_to_critical_that_was_given_up_is_tried_again_with_the_next_update() -> None:
    rises = [event(1, 5.0 * n, type="update", severity="critical", ordinal=n) for n in (1, 2, 3)]
    sink = ScriptedSink(refused={"gate-1-update-1"})
    store = run([event(1, 0.0), *rises], limits(), sink)
    assert store.states() == ["delivered", "dead", "delivered", "merged"]


def test_a_sink_that_gets_no_starts_is_governed_by_what_it_gets() -> None:
    ends = [event(n, n * 1.0, type="end") for n in range(1, 9)]
    assert run(ends, limits()).states() == ["delivered", *["merged"] * 7]


def test_a_cap_that_is_reached_says_which_and_how_many() -> None:
    options = limits(**{**OPEN, "per_rule": 2, "per_site": 3})
    events = [event(n, n * 1.0, name=name) for n, name in enumerate(["yard", "yard", "yard", "door", "roof"], 1)]
    store = run(events, options)
    assert store.states() == ["delivered", "delivered", "held", "delivered", "held"]
    assert (
        store.verdicts()[2][2]
        == "rule 'yard' on camera gate made 2 notifications in 3600 s that matter as much (per_rule)"
    )
    assert store.verdicts()[4][2] == "the site made 3 notifications in 3600 s that matter as much (per_site)"


def test_notifications_are_remembered_only_as_long_as_a_cap_asks_for_them() -> None:
    kept = []
    for caps in ({}, {"per_rule": 9}, {"per_site": 9}):
        allowance = Allowance(limits(**{**OPEN, "window_s": 60.0, **caps}))
        for number in range(1, 101):
            one = event(number, 30.0 * number)
            allowance.spend(one, Moment.of(one))
        kept.append(sum(map(len, allowance.spent.values())))
    assert kept == [0, 4, 100], "none, two windows, a day"


def test_what_matters_less_takes_nothing_from_what_matters_more() -> None:
    options = limits(**{**OPEN, "per_rule": 2, "per_camera": 2, "per_site": 2})
    severities = ["low", "low", "low", "high", "high", "high", "medium"]
    store = run([event(n, n * 1.0, severity=severity) for n, severity in enumerate(severities, 1)], options)
    assert store.states() == [*["delivered"] * 2, "held", *["delivered"] * 2, "held", "held"]


def test_a_clock_that_was_set_back_blocks_nothing() -> None:
    options = limits(**{**OPEN, "per_site": 1, "window_s": 60.0})
    walls = ["2036-01-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-01T00:00:30Z", "2026-05-01T00:02:00Z"]
    store = run([event(n, n * 30.0, wall_time=wall) for n, wall in enumerate(walls, 1)], options)
    assert store.states() == ["delivered", "delivered", "held", "delivered"]


def test_a_wall_time_that_nobody_can_read_counts_as_unknown() -> None:
    assert run([event(1, 1.0, wall_time="yesterday")], limits()).states() == ["delivered"]


def test_a_severity_that_nobody_knows_is_delivered() -> None:
    store = run([event(n, n * 1.0, severity="apocalyptic") for n in (1, 2, 3)], limits())
    assert store.states() == ["delivered"] * 3


def test_digests_come_as_often_as_asked_and_only_if_there_is_something_to_tell() -> None:
    store = run([event(n, n * 10.0) for n in range(1, 41)], limits(digest_s=100, episode_s=10_000))
    assert [sum(line["value"] for line in digest.why) for digest in store.sent] == [11, 11, 11, 6]
    assert len({digest.message_id for digest in store.sent}) == 4
    assert run([event(1, 1.0)], limits()).sent == []


def test_a_live_digest_does_not_wait_for_a_further_event() -> None:
    clock = ManualClock(wall_ns=10 * SECOND)
    store = MemoryStore.of([event(1, 0.0), event(2, 1.0)])
    live = GovernedOutbox(store, store, "hook", limits(digest_s=60), clock=clock, live=True)
    while deliver(live, ScriptedSink(), clock):
        pass
    clock.advance(59 * SECOND)
    deliver(live, ScriptedSink(), clock)
    assert store.sent == []
    clock.advance(SECOND)
    deliver(live, ScriptedSink(), clock)
    assert [digest.reason for digest in store.sent] == ["1 event merged: 1 x 'yard' on gate"]


EVENING = 21 * 3600 * SECOND
NIGHT = Schedule.model_validate({"hours": ["22:00-06:00"]})


def test_a_live_digest_waits_until_the_schedule_of_its_sink_opens_also_at_the_end_of_a_run() -> None:
    clock = ManualClock(wall_ns=EVENING)
    store = MemoryStore.of([event(n, 1.0 * n) for n in (1, 2, 3)])

    def started() -> GovernedOutbox[Any]:
        return GovernedOutbox(store, store, "hook", limits(digest_s=60), clock=clock, live=True, schedule=NIGHT)

    live = started()
    while deliver(live, ScriptedSink(), clock):
        pass
    clock.advance(3599 * SECOND)
    deliver(live, ScriptedSink(), clock)
    assert not live.flush()
    assert (store.sent, live.untold) == ([], 2)
    live = started()  # the next run
    clock.advance(SECOND)
    assert live.untold == 0
    deliver(live, ScriptedSink(), clock)
    assert [digest.reason for digest in store.sent] == ["2 events merged: 2 x 'yard' on gate"]


def test_the_digest_of_a_recording_tells_of_the_hours_of_its_schedule_whenever_it_is_analysed() -> None:
    store = MemoryStore.of([event(n, 1.0 * n, wall_time=f"2026-11-21T23:00:0{n}Z") for n in (1, 2)])
    clock = ManualClock(wall_ns=EVENING)
    outbox = GovernedOutbox(store, store, "hook", limits(), clock=clock, live=False, schedule=NIGHT)
    while deliver(outbox, ScriptedSink(), clock):
        pass
    assert outbox.flush()
    assert [digest.wall_time for digest in store.sent] == ["2026-11-21T23:00:02Z"]


@LOGS
@given(logs())
def test_limits_that_are_all_off_let_every_start_pass(events: list[Event]) -> None:
    store = run(events, limits(**{**OPEN, "update_s": 0.0}))
    held = [kept for kept in store.log if kept.verdict != "pass"]
    assert all(kept.reason == "its severity is not lowered while it is open" for kept in held)

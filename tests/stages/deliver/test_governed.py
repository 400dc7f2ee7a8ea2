"""The governor over a real event store: killed anywhere, whatever receivers do, it decides the same and tells all."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.configuration.settings import GovernorOptions
from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from stages.deliver.decision import SEVERITIES
from stages.deliver.governed import GovernedOutbox
from tests.stages.deliver.governing import ScriptedSink, deliver, event

OPTIONS = GovernorOptions(
    enabled=True, merge_s=8, episode_s=60, cooldown_s=3, window_s=60, per_rule=3, per_camera=5, per_site=8,
    digest_s=40, update_s=10,
)  # fmt: skip
CAMERAS = ("gate", "yard", "attic")


def story(seed: int, count: int) -> list[Event]:
    """Starts, updates and ends on three cameras."""
    chance, times = random.Random(seed), Counter[str]()
    going: dict[str, list[int]] = {camera: [] for camera in CAMERAS}
    found: list[Event] = []
    for number in range(1, count + 1):
        camera = chance.choice(CAMERAS)
        times[camera] += chance.choice([0, 1, 2, 5])
        values: dict[str, Any] = {"camera": camera, "ordinal": number, "x": chance.random()}
        values["severity"] = chance.choices(SEVERITIES, (6, 4, 2, 1))[0]
        if going[camera] and chance.random() < 0.5:
            which, kind = chance.choice(going[camera]), chance.choice(["update", "end"])
            found.append(event(which, times[camera], type=kind, **values))
            if kind == "end":
                going[camera].remove(which)
        else:
            found.append(event(number, times[camera], **values))
            going[camera].append(number)
    return found


def fill(path: Path, events: list[Event], *sinks: str) -> None:
    with EventStore.open(path, analysis_sha256="a") as store:
        for one in events:
            store.commit(one.camera, [one], Position(b"", 0, 0), lambda event: sinks or ("hook",))


def governed(store: Any, clock: ManualClock | None = None) -> Any:
    return GovernedOutbox(store, store.decisions, "hook", OPTIONS, clock=clock or ManualClock(), live=False)


def decided(store: EventStore, sink: str = "hook") -> list[tuple[str, str, str, int | None]]:
    return [(one.event.message_id, one.verdict, one.reason, one.digest) for one in store.decisions.all(sink)]


def check_sums(store: EventStore, events: list[Event], sink: str = "hook") -> None:
    """Delivered, merged and held back are all events; the digests told of what was not delivered, and of no more."""
    counts = store.decisions.counts()[sink]
    assert counts["events"] == len({one.id for one in events})
    assert counts["delivered"] + counts["merged"] + counts["held"] == counts["events"]
    told: Counter[str] = Counter()
    for digest in store.digests.all(sink):
        for line in digest.why:
            told[line["predicate"]] += line["value"]
    assert told == Counter(merged=counts["merged"], held_back=counts["held"])
    by_state = store.outbox_counts()[sink]
    assert sum(by_state.values()) == len(events)
    assert by_state["pending"] == by_state["dead"] == 0


class Killed(Exception):
    pass


class Mortal:
    """A store, or its log of decisions, whose process is killed before or after any write."""

    def __init__(self, whole: Any, chance: random.Random) -> None:
        self._whole = whole
        self._chance = chance

    @property
    def decisions(self) -> "Mortal":
        return Mortal(self._whole.decisions, self._chance)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._whole, name)
        if name not in ("keep", "digest", "delivered", "failed", "dead"):
            return method

        def deadly(*arguments: Any, **named: Any) -> Any:
            if self._chance.random() < 0.45:
                raise Killed
            answer = method(*arguments, **named)
            if self._chance.random() < 0.45:
                raise Killed
            return answer

        return deadly


def to_the_end(store: Any, sink: ScriptedSink) -> None:
    outbox = governed(store)
    while deliver(outbox, sink) or store.outbox_counts()["hook"]["pending"]:
        pass
    outbox.flush()


def test_a_process_that_is_killed_a_hundred_times_decides_as_one_that_was_not(tmp_path: Path) -> None:
    events = story(3, 220)
    fill(tmp_path / "whole.db", events)
    shutil.copy(tmp_path / "whole.db", tmp_path / "killed.db")
    chance, sink, whole_sink, kills = random.Random(5), ScriptedSink(), ScriptedSink(), 0
    with (
        EventStore.open(tmp_path / "whole.db", analysis_sha256="a") as whole,
        EventStore.open(tmp_path / "killed.db", analysis_sha256="a") as store,
    ):
        to_the_end(whole, whole_sink)
        ended = False
        while not ended:
            with suppress(Killed):
                kills += 1
                to_the_end(Mortal(store, chance), sink)
                ended = True
        assert kills > 100
        assert decided(store) == decided(whole)
        assert store.digests.all("hook") == whole.digests.all("hook")
        assert list(dict.fromkeys(sink.got)) == whole_sink.got
        check_sums(store, events)
        assert store.decisions.counts()["hook"]["digests"] > 2


def test_a_receiver_that_is_down_spends_no_cooldown_and_loses_no_notification(tmp_path: Path) -> None:
    events = [event(n, 1.0 * n, x=0.1 * n) for n in range(1, 6)]
    fill(tmp_path / "events.db", events)
    clock, sink = ManualClock(wall_ns=SECOND), ScriptedSink(down={one.message_id for one in events})
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a", clock=clock) as store:
        for _ in range(6):  # a restart each time
            deliver(governed(store, clock), sink, clock)
            clock.advance(400 * SECOND)
        assert store.outbox_counts()["hook"]["pending"] == 5
        assert len(decided(store)) == 1, "what comes after it waits, undecided"
        sink.down.clear()
        outbox = governed(store, clock)
        while deliver(outbox, sink, clock):
            clock.advance(SECOND)
        assert sink.got[0] == "gate-1-start-1"
        assert store.outbox_counts()["hook"]["delivered"] == len(sink.got)
        outbox.flush()
        check_sums(store, events)


def test_a_dead_letter_that_is_sent_again_passes_by_the_decision_that_was_taken_then(tmp_path: Path) -> None:
    events = story(7, 60)
    fill(tmp_path / "events.db", events)
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
        outbox = governed(store)
        first = outbox.pending("hook", 0, 1)[0].message_id
        sink = ScriptedSink(refused={first})
        while deliver(outbox, sink):
            pass
        before = decided(store)
        assert store.outbox_counts()["hook"]["dead"] == 1
        assert store.letters.resend() == {"hook": 1}
        sink.refused.clear()
        while deliver(outbox, sink):
            pass
        assert sink.got[-1] == first
        assert decided(store) == before
        assert store.outbox_counts()["hook"]["dead"] == store.outbox_counts()["hook"]["pending"] == 0


def test_each_sink_has_a_governor_of_its_own(tmp_path: Path) -> None:
    """One that is down takes nothing from another."""
    events = story(4, 60)
    fill(tmp_path / "events.db", events, "hook", "down")
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:

        class Down(ScriptedSink):
            def send(self, event: Event, *, key: str) -> None:
                raise DeliveryError("nobody is there")

        other = GovernedOutbox(store, store.decisions, "down", OPTIONS, clock=ManualClock(), live=False)
        deliver(other, Down())
        to_the_end(store, ScriptedSink())
        check_sums(store, events)
        assert store.outbox_counts()["down"]["delivered"] == 0


def test_what_was_started_without_a_governor_is_ended_with_one(tmp_path: Path) -> None:
    """Enabling it between two runs leaves no event without its end."""
    path = tmp_path / "events.db"
    fill(path, [event(n, 1.0 * n) for n in (1, 2, 3)])
    with EventStore.open(path, analysis_sha256="a") as store:
        while deliver(store, ScriptedSink()):
            pass
    ends = [event(n, 9.0, type=kind) for n in (1, 2, 3) for kind in ("update", "end")]
    fill(path, [*ends, event(4, 10.0)])
    with EventStore.open(path, analysis_sha256="a") as store:
        to_the_end(store, ScriptedSink())
        found = [(one.event.id, one.event.type, one.verdict, one.role) for one in store.decisions.all("hook")]
        merged = [(f"gate-{n}", "update", "merged", "follow") for n in (1, 2, 3)]
        ended = [(f"gate-{n}", "end", "pass", "follow") for n in (1, 2, 3)]
        started = [("gate-4", "start", "pass", "opening")]
        assert sorted(found) == sorted(merged + ended + started)


class Forgetful:
    """A log of decisions from which nothing recent comes, as after very many others."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def recent(self, sink: str) -> list[Any]:
        return []


def test_an_event_older_than_the_memory_is_looked_up(tmp_path: Path) -> None:
    """A governor that knows nothing of an event finds in the log that its start was held back."""
    path = tmp_path / "events.db"
    fill(path, [event(1, 0.0, x=0.1), event(2, 1.0, x=0.9)])
    with EventStore.open(path, analysis_sha256="a") as store:
        to_the_end(store, ScriptedSink())
    fill(path, [event(2, 50.0, type="end"), event(1, 60.0, type="update"), event(1, 65.0, type="end")])
    with EventStore.open(path, analysis_sha256="a") as store:
        outbox = GovernedOutbox(store, Forgetful(store.decisions), "hook", OPTIONS, clock=ManualClock(), live=False)
        while deliver(outbox, ScriptedSink()):
            pass
        assert [(one.verdict, one.role) for one in store.decisions.all("hook")] == [
            ("pass", "opening"), ("held", "opening"), ("held", "follow"), ("pass", "follow"), ("pass", "follow"),
        ]  # fmt: skip


def test_a_message_that_waits_since_long_before_the_last_decisions_is_not_decided_on_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.decisions._RECENT", 3)
    others = [event(n, 100.0 * n, camera="yard", x=0.1 * n) for n in range(1, 8)]
    fill(tmp_path / "events.db", [event(1, 0.0), *others])
    clock, sink = ManualClock(wall_ns=SECOND), ScriptedSink(down={"gate-1-start-1"})
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a", clock=clock) as store:
        outbox = governed(store, clock)
        while deliver(outbox, sink, clock):
            pass
        assert store.outbox_counts()["hook"]["pending"] == 1
        before = decided(store)
        clock.advance(600 * SECOND)
        sink.down.clear()
        restarted = governed(store, clock)
        while deliver(restarted, sink, clock):
            pass
        assert sink.got[-1] == "gate-1-start-1"
        assert decided(store) == before
        assert store.outbox_counts()["hook"]["pending"] == 0


@pytest.mark.parametrize("is_governed", [True, False])
def test_a_message_that_was_altered_in_the_store_is_a_dead_letter_and_holds_back_no_other(
    tmp_path: Path, is_governed: bool
) -> None:
    path, sink = tmp_path / "events.db", ScriptedSink()
    fill(path, [event(n, 100.0 * n, x=0.1 * n, type=kind) for n in (1, 2, 3) for kind in ("start", "update", "end")])
    with closing(sqlite3.connect(path)) as database, database:
        altered = 'update events set body = replace(body, \'"media_time":\', \'"media_time":"soon","was":\') '
        database.execute(altered + "where event_id = 'gate-2' and type = 'start'")
    with EventStore.open(path, analysis_sha256="a") as store:
        outbox: Any = governed(store) if is_governed else store
        while deliver(outbox, sink) or store.outbox_counts()["hook"]["pending"]:
            pass
        (letter,) = store.letters.page(states=["dead"], sinks=["hook"], limit=9)
        assert letter.message_id.startswith("gate-2-start")
        assert letter.last_error.startswith(f"the stored message {letter.message_id} was altered and cannot be read")
        told = [key.rsplit("-", 1)[0] for key in sink.got]
        assert [key for key in told if key.endswith("start")] == ["gate-1-start", "gate-3-start"]
        assert {"gate-1-end", "gate-3-end"} < set(told)
        assert [found.type for found in store.messages("gate-2")] == ["update", "end"]
        if is_governed:
            governed(store)  # as after a restart


@pytest.mark.slow
def test_kill_9_of_deliver_loses_nothing_decides_nothing_twice_and_gives_the_decisions_of_a_whole_run(
    tmp_path: Path, root: Path, receiver: Any, answers: Any
) -> None:
    chance, events = random.Random(11), story(9, 150)
    moods = [answers(200), answers(500), lambda handler: handler.connection.close()]

    def behave(handler: Any) -> None:
        chance.choices(moods, (12, 1, 1))[0](handler)

    receiver.answer(behave)
    path, lines = tmp_path / "events.db", tmp_path / "out.jsonl"
    fill(path, events, "hook", "file")
    command = [sys.executable, str(root / "tests/stages/deliver/programs/govern_until_killed.py")]
    command += [str(path), receiver.url, str(lines), msgspec.json.encode(OPTIONS.model_dump()).decode()]

    def start() -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": str(root)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def kill(process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGKILL)
        with process:
            process.wait(10)

    for _ in range(5):
        process = start()
        time.sleep(chance.random() * 0.3)  # the very thing that is tried: to be killed at some moment
        kill(process)
    process = start()
    deadline = time.monotonic() + 240
    with EventStore.open(path, analysis_sha256="a") as store:

        def done() -> bool:
            counts = (*store.outbox_counts().values(), *store.digests.counts().values())
            told = [one.digested for sink in ("hook", "file") for one in store.decisions.all(sink)]
            return not any(count["pending"] for count in counts) and all(told)

        while not done():
            assert time.monotonic() < deadline, "it did not come to an end in time"
            time.sleep(0.02)
        kill(process)
        for sink in ("hook", "file"):
            check_sums(store, events, sink)
        told = [event.message_id for event in store.digests.all("file")]
        passed = [message_id for message_id, verdict, _, _ in decided(store, "file") if verdict == "pass"]
        written = [msgspec.json.decode(line, type=Event).message_id for line in lines.read_bytes().splitlines()]
        assert sorted(written) == sorted([*passed, *told])
        assert [one for one in written if one in set(passed)] == passed
        got = {request.headers["Idempotency-Key"] for request in receiver.requests}
        digests = {event.message_id for event in store.digests.all("hook")}
        assert got == {key for key, verdict, _, _ in decided(store) if verdict == "pass"} | digests
        fill(tmp_path / "whole.db", events, "hook")
        with EventStore.open(tmp_path / "whole.db", analysis_sha256="a") as whole:
            to_the_end(whole, ScriptedSink())
            assert [line[:3] for line in decided(store, "file")] == [line[:3] for line in decided(whole)]

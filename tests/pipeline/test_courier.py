"""The thread of a sink: it waits alone, keeps its sink's connection, and tells its process when it fails."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.build import BuiltSink
from pipeline.clock import SECOND, SystemClock
from pipeline.configuration.config import SinkConfig
from pipeline.configuration.settings import GovernorOptions
from pipeline.courier import AGAIN_S, Courier
from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from stages.deliver.governed import GovernedOutbox
from stages.deliver.options import RetryOptions
from stages.deliver.outbox import deliver_due
from tests.e2e.running import until


class Nothing(BaseModel):
    pass


@dataclass
class OwnSink:
    """Does what it is told, and notes in which threads."""

    act: Callable[[Event], None] = lambda event: None
    connect: Callable[[], None] = lambda: None
    got: list[str] = field(default_factory=list)
    opened: int = 0
    threads: set[str] = field(default_factory=set)
    closed: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.opened += 1
        self.connect()

    def send(self, event: Event, *, key: str) -> None:
        self.threads.add(threading.current_thread().name)
        self.act(event)
        self.got.append(key)

    def close(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.closed.set()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as opened:
        yield opened


def built(name: str, sink: Any) -> BuiltSink:
    retry = RetryOptions(first_s=0.01, longest_s=0.02)
    return BuiltSink(SinkConfig("own", name, Nothing()), sink, True, SystemClock(), retry, deliver_due)


@pytest.fixture
def courier(store: EventStore) -> Iterator[Callable[..., Courier]]:
    started: list[Courier] = []

    def start(name: str, sink: Any, *, poll_s: float = 0.01) -> Courier:
        started.append(Courier(built(name, sink), store, SystemClock(), poll_s=poll_s))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()
    for one in started:
        one.join()


def commit(store: EventStore, count: int, *sinks: str) -> list[str]:
    events = [sample_event(ordinal=n, id=f"event-{n}") for n in range(1, count + 1)]
    store.commit("gate", events, Position(b"", 0, 0), lambda _: sinks)
    return [event.message_id for event in events]


def wait_for(claim: Callable[[], bool], what: str) -> None:
    for _ in until(20, what):
        if claim():
            return


def test_a_sink_that_hangs_makes_no_other_wait(store: EventStore, courier: Callable[..., Courier]) -> None:
    released = threading.Event()

    def hang(event: Event) -> None:
        released.wait(30)

    hanging, other = OwnSink(act=hang), OwnSink()
    courier("hanging", hanging)
    courier("other", other)
    keys = commit(store, 20, "hanging", "other")
    wait_for(lambda: other.got == keys, "the other")
    assert hanging.got == []
    released.set()
    wait_for(lambda: hanging.got == keys, "the one that hung")


def test_many_couriers_share_a_store_and_lose_nothing(store: EventStore, courier: Callable[..., Courier]) -> None:
    sinks = {f"sink {n}": OwnSink() for n in range(8)}
    for name, sink in sinks.items():
        courier(name, sink)
    keys = commit(store, 25, *sinks)
    for sink in sinks.values():
        wait_for(lambda sink=sink: sink.got == keys, "all messages")  # type: ignore[misc]
    wait_for(lambda: not any(store.outbox_waiting(list(sinks)).values()), "the books")
    assert store.outbox_counts() == {name: {"pending": 0, "delivered": 25, "dead": 0} for name in sinks}


def test_a_sink_is_opened_used_and_closed_by_its_own_thread_alone(
    store: EventStore, courier: Callable[..., Courier]
) -> None:
    sink = OwnSink()
    served = courier("own", sink)
    commit(store, 2, "own")
    wait_for(lambda: len(sink.got) == 2 and sink.opened > 0, "messages")
    served.stop()
    served.join()
    assert sink.closed.is_set()
    assert sink.threads == {"sink own"}


def test_a_fault_of_the_sinks_own_is_told_once_and_the_message_tried_again(
    store: EventStore, courier: Callable[..., Courier], caplog: pytest.LogCaptureFixture
) -> None:
    faults = [ZeroDivisionError("by zero"), ZeroDivisionError("by zero")]

    def stumble(event: Event) -> None:
        if faults:
            raise faults.pop()

    sink = OwnSink(act=stumble)
    with caplog.at_level(logging.INFO):
        served = courier("clumsy", sink)
        keys = commit(store, 3, "clumsy")
        wait_for(lambda: sink.got == keys, "all messages")
        wait_for(lambda: "sink clumsy delivers again" in caplog.text, "the good news")
    served.check()
    assert caplog.text.count("failed by a fault of its own") == 1
    assert caplog.text.count("sink clumsy: ZeroDivisionError: by zero; it is tried again") == 1


def test_a_sink_that_takes_all_but_one_cameras_messages_is_told_of_once_and_again_when_it_takes_those(
    store: EventStore, courier: Callable[..., Courier], caplog: pytest.LogCaptureFixture
) -> None:
    refusing = [True]

    def refuse_gate(event: Event) -> None:
        if refusing and event.camera == "gate":
            raise DeliveryError("answered 500")

    sink = OwnSink(act=refuse_gate)
    commit(store, 2, "picky")
    yard = [sample_event("yard", n, id=f"yard-{n}") for n in range(1, 60)]
    with caplog.at_level(logging.INFO):
        courier("picky", sink)
        for one in yard:
            store.commit("yard", [one], Position(b"", 0, 0), lambda _: ["picky"])
        wait_for(lambda: len(sink.got) == len(yard), "the other camera's messages")
        assert caplog.text.count("sink picky: answered 500; it is tried again") == 1
        assert "delivers again" not in caplog.text
        refusing.clear()
        wait_for(lambda: "sink picky delivers again" in caplog.text, "the good news")
    assert caplog.text.count("sink picky") == 2


def test_what_ends_the_thread_reaches_the_process(store: EventStore, courier: Callable[..., Courier]) -> None:
    class Failure(BaseException):
        pass

    def fail(event: Event) -> None:
        raise Failure("no more")

    sink = OwnSink(act=fail)
    served = courier("failing", sink)
    served.check()
    commit(store, 1, "failing")
    assert sink.closed.wait(10)
    with pytest.raises(Failure):
        served.check()


def test_a_sink_without_messages_is_connected_and_its_trouble_is_told_once(
    store: EventStore, courier: Callable[..., Courier], caplog: pytest.LogCaptureFixture
) -> None:
    down = [True]

    def connect() -> None:
        if down:
            raise DeliveryError("the broker is gone")

    sink = OwnSink(connect=connect)
    with caplog.at_level(logging.INFO):
        courier("idle", sink)
        wait_for(lambda: sink.opened >= 1, "an attempt")
        down.clear()
        wait_for(lambda: "sink idle is there again" in caplog.text, "the good news")
    assert caplog.text.count("sink idle: the broker is gone; it is tried again") == 1


def test_who_is_woken_looks_at_once_and_who_is_not_looks_now_and_then(
    store: EventStore, courier: Callable[..., Courier]
) -> None:
    sleeper, dozer = OwnSink(), OwnSink()
    served = courier("sleeper", sleeper, poll_s=3600)
    courier("dozer", dozer)
    wait_for(lambda: sleeper.opened > 0 and dozer.opened > 0, "their first look")
    keys = commit(store, 3, "sleeper", "dozer")
    wait_for(lambda: dozer.got == keys, "what nobody woke it for")
    assert sleeper.got == []
    served.wake()
    wait_for(lambda: sleeper.got == keys, "what it was woken for")


def test_a_flush_does_not_wait_for_a_sink_that_is_busy(store: EventStore, courier: Callable[..., Courier]) -> None:
    released, busy = threading.Event(), threading.Event()

    def hang(event: Event) -> None:
        busy.set()
        released.wait(30)

    served = courier("busy", OwnSink(act=hang))
    commit(store, 1, "busy")
    assert busy.wait(10)
    assert served.flush(), "it may have something to tell yet"
    released.set()
    wait_for(lambda: not served.flush(), "nothing to tell without a governor")


def test_at_the_end_of_a_run_what_would_wait_for_long_is_tried_at_once_and_soon_again(
    store: EventStore, courier: Callable[..., Courier]
) -> None:
    failures = [DeliveryError("not now"), DeliveryError("not now", retry_after_s=3600)]
    tried = threading.Event()

    def fail(event: Event) -> None:
        tried.set()
        if failures:
            raise failures.pop()

    keys, sink = commit(store, 3, "own"), OwnSink(act=fail)
    served = courier("own", sink)
    assert tried.wait(20)
    wait_for(lambda: not store.pending("own", time.time_ns()), "a note of it")
    served.sink.retry = RetryOptions(first_s=3600, longest_s=86400)
    served.hurry()
    wait_for(lambda: sink.got == keys, "all messages")
    assert served.sink.retry.longest_s == 5


def fill(folder: Path) -> Path:
    """Take what room is left there."""
    with (folder / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return folder / "fill"


def test_on_a_full_disk_a_message_goes_once_and_the_next_when_that_is_noted(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EventStore.open(small_disk / "events.db", analysis_sha256="a") as store, caplog.at_level(logging.INFO):
        keys, filling, sink = commit(store, 4, "own"), fill(small_disk), OwnSink()
        served = Courier(built("own", sink), store, SystemClock(), poll_s=0.01)
        served.start()
        wait_for(lambda: "no room is left on its disk" in caplog.text, "a word about it")
        served.check()
        assert sink.got == keys[:1]
        filling.unlink()
        wait_for(lambda: store.outbox_counts()["own"]["delivered"] == 4, "all of them")
        served.stop()
        served.join()
        assert sink.got == keys
    assert caplog.text.count("nothing is sent before what became of it can be noted") == 1
    assert "sink own: the event store takes notes again" in caplog.text


def test_what_a_governor_decided_on_a_full_disk_is_decided_again(small_disk: Path) -> None:
    with EventStore.open(small_disk / "events.db", analysis_sha256="a") as store:
        keys, filling, sink = commit(store, 12, "own"), fill(small_disk), OwnSink()
        limits = GovernorOptions(enabled=True, merge_s=0, cooldown_s=0, per_rule=2)
        own = built("own", sink)
        own.govern = lambda store: GovernedOutbox(
            store, store.decisions, "own", limits, clock=SystemClock(), live=False
        )
        served = Courier(own, store, SystemClock(), poll_s=0.01)
        served.start()
        time.sleep(2 * AGAIN_S)
        served.check()
        assert sink.got == []
        assert served.flush(), "what it keeps back is not known yet"
        filling.unlink()
        wait_for(lambda: not store.outbox_waiting(["own"])["own"], "a decision on all")
        wait_for(lambda: not served.flush() and not store.digests.waiting(["own"])["own"], "the digest")
        served.stop()
        served.join()
        assert sink.got[:2] == keys[:2]
        (digest,) = store.digests.all("own")
        assert sum(line["value"] for line in digest.why) == len(keys) - 2


class SetClock(SystemClock):
    """The machine's clock, and what it was set by."""

    by_s = 0.0

    def wall_ns(self) -> int:
        return super().wall_ns() + round(self.by_s * SECOND)


@pytest.mark.parametrize("by_s", [-5 * 3600.0, 10 * 86400.0])
def test_a_clock_that_is_set_neither_holds_a_message_back_nor_has_it_given_up(
    store: EventStore, tmp_path: Path, by_s: float
) -> None:
    down, tries = [True], threading.Semaphore(0)

    def fail(event: Event) -> None:
        tries.release()
        if down:
            raise DeliveryError("gone")

    keys, clock, sink = commit(store, 3, "own"), SetClock(), OwnSink(act=fail)
    retry = RetryOptions(first_s=1, factor=1, longest_s=1, give_up_after_s=3 * 86400)
    own = BuiltSink(SinkConfig("own", "own", Nothing()), sink, True, clock, retry, deliver_due)
    served = Courier(own, store, clock, poll_s=0.01)
    served.start()
    try:
        assert tries.acquire(timeout=20)
        clock.by_s = by_s
        assert tries.acquire(timeout=20), "it waits for the time that it was before"
        down.clear()
        wait_for(lambda: sink.got == keys, "all messages")
        assert store.outbox_counts()["own"]["dead"] == 0
    finally:
        served.stop()
        served.join()


def test_what_waits_for_a_time_that_a_wrong_clock_gave_is_tried_by_the_next_process(
    store: EventStore, courier: Callable[..., Courier]
) -> None:
    keys = commit(store, 3, "own")
    (head, *_) = store.pending("own", time.time_ns())
    store.failed(head, "gone", time.time_ns() + 9 * 3600 * SECOND)
    sink = OwnSink()
    courier("own", sink)
    wait_for(lambda: sink.got == keys, "all messages")


def test_a_start_that_was_given_up_and_is_sent_again_is_followed_by_its_end_at_a_governed_sink(
    store: EventStore,
) -> None:
    refusing = [True]

    def refuse(event: Event) -> None:
        if refusing:
            raise DeliveryRefused("not like this")

    sink, limits = OwnSink(act=refuse), GovernorOptions(enabled=True)
    own = built("own", sink)
    own.govern = lambda store: GovernedOutbox(store, store.decisions, "own", limits, clock=SystemClock(), live=False)
    events = [sample_event(ordinal=1), sample_event(ordinal=2, type="end")]
    store.commit("gate", events, Position(b"", 0, 0), lambda _: ["own"])
    served = Courier(own, store, SystemClock(), poll_s=0.01)
    served.start()
    try:
        wait_for(lambda: not store.outbox_waiting(["own"])["own"], "an end of it")
        assert store.outbox_counts()["own"] == {"pending": 0, "delivered": 0, "dead": 1, "held": 1}
        refusing.clear()
        assert store.letters.resend() == {"own": 1}
        wait_for(lambda: sink.got == [event.message_id for event in events], "both")
        wait_for(lambda: store.outbox_counts()["own"]["delivered"] == 2, "a note of both")
    finally:
        served.stop()
        served.join()
    counts = store.decisions.counts()["own"]
    assert (counts["events"], counts["delivered"]) == (1, 1)

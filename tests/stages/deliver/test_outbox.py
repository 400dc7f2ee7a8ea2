"""The delivery policy: waits, giving up, and the order of each camera."""

from dataclasses import dataclass, field
from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SECOND, ManualClock
from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.store.rows import OutboxRow
from pipeline.store.sample_event import sample_event
from stages.deliver.options import RetryOptions
from stages.deliver.outbox import GiveUp, TryAgain, after_failure, backoff_ns, deliver_due, give_up_after_s

DAY_NS = 86_400 * SECOND


def row(camera: str = "gate", number: int = 1, *, attempts: int = 0, first_attempt_ns: int | None = None) -> OutboxRow:
    return OutboxRow(number, "hook", camera, f"sample-{camera}-{number}", attempts, first_attempt_ns, 0, "", "")


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_is_never_longer_than_its_growing_bound(attempts: int, chance: float) -> None:
    retry = RetryOptions(first_s=2, factor=3, longest_s=100)
    bound_s = min(2 * 3.0 ** min(attempts - 1, 50), 100)
    assert SECOND // 20 <= backoff_ns(attempts, retry, lambda: chance) <= bound_s * SECOND


def test_waits_are_spread_over_the_whole_bound() -> None:
    waits = [backoff_ns(4, RetryOptions(), Random(seed).random) / SECOND for seed in range(200)]
    assert min(waits) < 1
    assert 7 < max(waits) <= 8


def test_a_wait_that_the_receiver_asks_for_is_kept_up_to_an_hour() -> None:
    for asked_s, wait_s in ((60.0, 60), (10.0**9, 3600)):
        error = DeliveryError("busy", retry_after_s=asked_s)
        verdict = after_failure(row(), error, 0, retry=RetryOptions(), live=True, random=lambda: 0.5)
        assert verdict == TryAgain(wait_s * SECOND)


def test_a_refused_message_is_given_up_at_once() -> None:
    verdict = after_failure(row(), DeliveryRefused("404"), 0, retry=RetryOptions(), live=False, random=lambda: 1)
    assert verdict == GiveUp("404")


@pytest.mark.parametrize(
    ("own_s", "live", "days", "given_up"),
    [
        (None, True, 1, False),
        (None, True, 4, True),
        (None, False, 4000, False),
        (3600.0, False, 1, True),
        ("never", True, 4000, False),
        (3600.0, True, 1, True),
    ],
)
def test_a_message_is_tried_as_long_as_the_user_says(
    own_s: float | Literal["never"] | None, live: bool, days: int, given_up: bool
) -> None:
    retry = RetryOptions(give_up_after_s=own_s)
    tried = row(attempts=9, first_attempt_ns=5)
    verdict = after_failure(tried, DeliveryError("down"), 5 + days * DAY_NS, retry=retry, live=live, random=lambda: 1)
    assert isinstance(verdict, GiveUp) is given_up
    if isinstance(verdict, GiveUp):
        assert verdict.reason == f"given up after 10 attempts in {days * 86400} s: down"


def test_a_receiver_that_is_gone_for_a_day_loses_nothing_by_default() -> None:
    patience_s = give_up_after_s(RetryOptions(), live=True)
    assert patience_s is not None
    assert patience_s > 2 * 86400


@dataclass
class MemoryOutbox:
    """An outbox of the test's own, with the rules of the event store's."""

    rows: dict[int, tuple[OutboxRow, Event]]
    due: dict[int, int] = field(default_factory=dict)
    settled: dict[int, str] = field(default_factory=dict)

    def pending(self, sink: str, now_ns: int, limit: int) -> list["MemoryRow"]:
        found, blocked = [], set()
        for number, (line, event) in self.rows.items():
            if number in self.settled or line.camera in blocked:
                continue
            if self.due.get(number, 0) > now_ns:
                blocked.add(line.camera)
            else:
                found.append(MemoryRow(number, line.camera, line.message_id, 0, None, event))
        return found[:limit]

    def delivered(self, line: "MemoryRow") -> None:
        self.settled[line.number] = "delivered"

    def failed(self, line: "MemoryRow", error: str, next_attempt_ns: int) -> None:
        self.due[line.number] = next_attempt_ns

    def dead(self, line: "MemoryRow", error: str) -> None:
        self.settled[line.number] = f"dead: {error}"


@dataclass
class MemoryRow:
    number: int
    camera: str
    message_id: str
    attempts: int
    first_attempt_ns: int | None
    event: Event


@dataclass
class MoodySink:
    """Acknowledges, fails or refuses by chance, and notes what it acknowledged."""

    random: Random
    got: list[str] = field(default_factory=list)

    def send(self, event: Event, *, key: str) -> None:
        mood = self.random.random()
        if mood < 0.4:
            raise DeliveryError("not now")
        if mood < 0.5:
            raise DeliveryRefused("never")
        self.got.append(key)

    def close(self) -> None:
        pass


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(0, 10**6), st.integers(1, 5))
def test_whatever_fails_each_camera_is_delivered_in_order_and_nothing_is_forgotten(
    cameras: list[str], seed: int, limit: int
) -> None:
    lines = {n: (row(camera, n), sample_event(camera, n)) for n, camera in enumerate(cameras, 1)}
    outbox, sink, clock = MemoryOutbox(lines), MoodySink(Random(seed)), ManualClock()
    delivered = dead = 0
    for _ in range(400):
        tally = deliver_due(
            outbox,
            "hook",
            sink,
            retry=RetryOptions(longest_s=1),
            live=False,
            clock=clock,
            random=Random(seed).random,
            limit=limit,
        )
        delivered, dead = delivered + tally.delivered, dead + tally.dead
        clock.advance(SECOND)
    assert set(outbox.settled) == set(lines)
    assert (delivered, delivered + dead) == (len(sink.got), len(lines))
    for camera in "abc":
        numbers = [int(key.split("-")[2]) for key in sink.got if key.split("-")[1] == camera]
        assert numbers == sorted(set(numbers))


def test_one_camera_that_fails_does_not_hold_back_another() -> None:
    class GateIsDown(MoodySink):
        def send(self, event: Event, *, key: str) -> None:
            if event.camera == "gate":
                raise DeliveryError("no gate")
            self.got.append(key)

    numbered = [("gate", 1), ("yard", 2), ("gate", 3), ("yard", 4)]
    outbox = MemoryOutbox({n: (row(camera, n), sample_event(camera, n)) for camera, n in numbered})
    sink = GateIsDown(Random(0))
    tally = deliver_due(outbox, "hook", sink, retry=RetryOptions(), live=True, clock=ManualClock(), random=lambda: 1.0)
    assert sink.got == ["sample-yard-2", "sample-yard-4"]
    assert (tally.delivered, tally.failed, tally.dead) == (2, 1, 0)

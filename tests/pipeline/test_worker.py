"""A process answers its supervisor, keeps its orders, and does not outlive it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SECOND, ManualClock
from pipeline.control import (
    Closed,
    Drain,
    GiveUp,
    Line,
    Notice,
    Ping,
    Pong,
    Started,
    WorkerDied,
    child_end,
    pair,
)
from pipeline.errors import UsageError
from pipeline.registry import resolve
from pipeline.worker import RUNNERS, Child, Every

START_A_CHILD_AND_WAIT = """
import os, subprocess, sys, time
CHILD = '''
import sys, time
from pipeline.worker import die_with_parent
die_with_parent()
print("up", flush=True)
time.sleep(600)
'''
child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@dataclass
class Ends:
    supervisor: Line[Notice]
    child: Child


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = pair()
    line = child_end(theirs.detach())
    yield Ends(ours, Child(line, name="gate", incarnation="capture[gate]-1", clock=ManualClock()))
    ours.close()
    line.close()


def test_each_ping_is_answered_by_its_number_and_only_between_two_pieces_of_work(ends: Ends) -> None:
    for number in (1, 2, 7):
        ends.supervisor.send(Ping(number))
    assert ends.supervisor.receive() == [], "nobody answers for a loop that does not come round"
    ends.child.answer()
    assert ends.supervisor.receive() == [Pong(1), Pong(2), Pong(7)]


def test_orders_are_kept_in_their_order_until_they_are_taken(ends: Ends) -> None:
    orders: list[WorkerDied | GiveUp] = [
        WorkerDied("detect[0]-1", True),
        GiveUp("gate", "gone"),
        WorkerDied("detect[1]-1", False),
    ]
    for order in orders:
        ends.supervisor.send(order)
        ends.child.answer()
    assert ends.child.orders == orders
    assert not ends.child.draining


def test_an_order_to_drain_stays_in_force(ends: Ends) -> None:
    ends.supervisor.send(Drain())
    ends.child.answer()
    ends.child.answer()
    assert ends.child.draining


def test_a_supervisor_that_is_gone_is_noticed_after_its_last_words(ends: Ends) -> None:
    ends.supervisor.send(Drain())
    ends.supervisor.close()
    ends.child.answer()
    assert ends.child.draining
    with pytest.raises(Closed):
        ends.child.answer()


def test_telling_a_supervisor_that_is_gone_raises_nothing(ends: Ends) -> None:
    ends.supervisor.close()
    ends.child.started()
    ends.child.tell(Started())


@given(st.lists(st.integers(0, 3 * SECOND), max_size=50))
def test_what_is_due_every_second_comes_at_most_once_a_second_and_never_stays_away(waits: list[int]) -> None:
    clock = ManualClock()
    every = Every(1.0, clock)
    assert every.due()
    last = 0
    for wait in waits:
        clock.advance(wait)
        now = clock.monotonic_ns()
        assert every.due() == (now - last >= SECOND)
        last = now if now - last >= SECOND else last


def test_every_role_has_a_loop_that_takes_a_child_and_a_spec() -> None:
    for role in RUNNERS:
        assert callable(resolve(role, RUNNERS))
    with pytest.raises(UsageError, match="unknown kind 'detekt'"):
        resolve("detekt", RUNNERS)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def test_a_child_dies_with_a_supervisor_that_is_killed(root: Path) -> None:
    command = [sys.executable, "-c", START_A_CHILD_AND_WAIT]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 60.0
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    survived = is_running(child)
    if survived:
        os.kill(child, signal.SIGKILL)
    assert not survived

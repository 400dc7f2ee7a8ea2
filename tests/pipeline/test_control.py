"""Each end of the line gets whole messages in order, and learns at once that the other is gone."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.control import (
    MAX_BYTES,
    Backlog,
    CameraProgress,
    Closed,
    Drain,
    Fatal,
    GiveUp,
    Line,
    Notice,
    Order,
    OverdueWorker,
    Ping,
    Pong,
    Progress,
    Started,
    WorkerDied,
    child_end,
    pair,
)
from pipeline.errors import MessageError

ORDERS = st.one_of(
    st.builds(Ping, st.integers(0, 2**60)),
    st.builds(Drain),
    st.builds(WorkerDied, st.text(max_size=30), st.booleans()),
    st.builds(GiveUp, st.text(max_size=30), st.text(max_size=300)),
)
NOTICES = st.one_of(
    st.builds(Pong, st.integers(0, 2**60)),
    st.builds(Started),
    st.builds(Fatal, st.text(max_size=300), st.booleans()),
    st.builds(OverdueWorker, st.text(max_size=30)),
    st.builds(Backlog, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9)),
)


@dataclass
class Ends:
    supervisor: Line[Notice]
    child: Line[Order]


@pytest.fixture
def ends() -> Iterator[Ends]:
    both = connected()
    yield both
    both.supervisor.close()
    both.child.close()


def connected() -> Ends:
    supervisor, theirs = pair()
    return Ends(supervisor, child_end(theirs.detach()))


@given(st.lists(ORDERS, max_size=20), st.lists(NOTICES, max_size=20))
def test_messages_arrive_whole_and_in_order_in_both_directions(orders: list[Order], notices: list[Notice]) -> None:
    ends = connected()
    assert all(ends.supervisor.send(order) for order in orders)
    assert all(ends.child.send(notice) for notice in notices)
    assert ends.child.receive() == orders
    assert ends.supervisor.receive() == notices
    ends.supervisor.close()
    ends.child.close()


def test_an_empty_line_gives_nothing_and_does_not_wait(ends: Ends) -> None:
    assert ends.supervisor.receive() == []
    assert ends.child.receive() == []


def test_what_was_said_before_death_is_heard_before_the_death(ends: Ends) -> None:
    ends.child.send(Fatal("no such model", restart=False))
    ends.child.close()
    assert ends.supervisor.receive() == [Fatal("no such model", restart=False)]
    for _ in range(2):
        with pytest.raises(Closed):
            ends.supervisor.receive()


def test_sending_to_somebody_who_is_gone_says_so_and_raises_nothing(ends: Ends) -> None:
    ends.child.close()
    assert not ends.supervisor.send(Drain())
    ends.supervisor.close()
    assert not ends.supervisor.send(Drain())


def test_a_reader_that_hangs_never_blocks_the_sender(ends: Ends) -> None:
    sent = next(number for number in count() if not ends.supervisor.send(Ping(number)))
    assert sent > 10
    received: list[Order] = []
    while batch := ends.child.receive():
        received += batch
    assert received == [Ping(number) for number in range(sent)]
    assert ends.supervisor.send(Drain()), "it goes on once the reader reads"


def progress_of(size: int) -> Progress:
    camera = CameraProgress(
        next_index=1, frames_read=1, pending=0, pending_offers=0, ended=False, online=True, media_ns=0, counts={}
    )
    return Progress({"gate": camera}, {"x" * size: 1}, {})


def test_the_largest_message_passes(ends: Ends) -> None:
    largest = progress_of(MAX_BYTES - 500)
    assert ends.child.send(largest)
    assert ends.supervisor.receive() == [largest]


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 5000, 2 * MAX_BYTES, 20 * MAX_BYTES])
def test_a_message_too_large_for_the_line_is_an_error_and_not_half_sent(ends: Ends, size: int) -> None:
    with pytest.raises(MessageError, match=r"Progress of \d+ bytes is too large for the line"):
        ends.child.send(progress_of(size))
    ends.child.send(Started())
    assert ends.supervisor.receive() == [Started()]


def test_the_child_end_is_inherited_by_number() -> None:
    supervisor, theirs = pair()
    assert theirs.type == socket.SOCK_SEQPACKET
    child = child_end(theirs.detach())
    child.send(Started())
    assert supervisor.receive() == [Started()]
    supervisor.close()
    child.close()

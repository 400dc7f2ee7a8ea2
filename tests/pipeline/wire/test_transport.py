"""Over real sockets: what is not a message is refused and counted, what cannot be handed over is said."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from pipeline.codec import MAGIC, MAX_MESSAGE_BYTES, encode
from pipeline.control import Started, child_end, pair
from pipeline.errors import CannotStart, MessageError
from pipeline.messages import SCHEMA, Passed, Refused, Wake, Wire
from pipeline.wire.transport import MOST_REASONS, Dealer, Router, Waiter

WITHIN_S = 20.0
HELLO = Passed("gate", 7)
Raw = zmq.Socket[bytes]


@pytest.fixture
def endpoint(short_dir: Path) -> str:
    return f"ipc://{short_dir}/dispatch"


@pytest.fixture
def router(endpoint: str) -> Iterator[Router]:
    with Router([endpoint]) as made:
        yield made


@pytest.fixture
def stranger(router: Router, endpoint: str) -> Iterator[Callable[[], Raw]]:
    """Bare ZeroMQ sockets that are connected and send whatever they like."""
    with zmq.Context() as context:
        sockets: list[Raw] = []

        def connect() -> Raw:
            socket = context.socket(zmq.DEALER)
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.RCVHWM, 1)
            socket.connect(endpoint)
            sockets.append(socket)
            return socket

        yield connect
        for socket in sockets:
            socket.close()


def until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not happened():
        assert time.monotonic() < deadline, f"waited {WITHIN_S:g} s for {what}"
        time.sleep(0.005)


def take(router: Router, count: int) -> list[tuple[bytes, Wire]]:
    """The next so many good messages, with their senders."""
    taken: list[tuple[bytes, Wire]] = []

    def enough() -> bool:
        taken.extend(router.receive(count - len(taken)))
        return len(taken) >= count

    until(enough, f"{count} messages")
    return taken


def introduce(router: Router, dealer: Dealer) -> bytes:
    """The routing id of a dealer that says hello."""
    until(lambda: dealer.send(HELLO), "the connection")
    return take(router, 1)[0][0]


def answers(dealer: Dealer, count: int) -> list[Wire]:
    taken: list[Wire] = []

    def enough() -> bool:
        taken.extend(dealer.receive(count - len(taken)))
        return len(taken) >= count

    until(enough, f"{count} answers")
    return taken


def test_messages_go_both_ways_in_order_and_each_answer_to_its_sender(router: Router, endpoint: str) -> None:
    with Dealer(endpoint) as gate, Dealer(endpoint) as yard:
        peers = [introduce(router, dealer) for dealer in (gate, yard)]
        for number in range(50):
            assert gate.send(Passed("gate", number))
        assert [message for _, message in take(router, 50)] == [Passed("gate", number) for number in range(50)]
        for peer, camera in zip(peers, ("gate", "yard"), strict=True):
            assert router.send(peer, Wake(camera, 1))
        assert answers(gate, 1) == [Wake("gate", 1)]
        assert answers(yard, 1) == [Wake("yard", 1)]
    assert not router.refused


def test_the_order_of_starting_does_not_matter(endpoint: str) -> None:
    with Dealer(endpoint) as dealer:
        assert not dealer.send(HELLO), "nothing is queued for a dispatcher that is not there"
        assert dealer.refused["dispatch absent"] == 1
        with Router([endpoint]) as router:
            introduce(router, dealer)


def test_a_dispatcher_that_comes_back_gets_nothing_that_was_meant_for_the_one_before(endpoint: str) -> None:
    with Dealer(endpoint) as dealer:
        with Router([endpoint]) as first:
            introduce(first, dealer)
        until(lambda: not dealer.send(Passed("gate", 1)), "the dealer to notice")
        with Router([endpoint]) as second:
            until(lambda: dealer.send(Passed("gate", 2)), "the connection")
            assert [message for _, message in take(second, 1)] == [Passed("gate", 2)]
            assert second.receive(10) == []


JUNK = {
    "not a Bartizan message": [b"GET / HTTP/1.1"],
    "cannot be read": [encode(HELLO)[:-1]],
    f"has schema {SCHEMA + 1}": [MAGIC + (SCHEMA + 1).to_bytes(2, "big") + b"\x80"],
    "is truncated": [MAGIC],
    "has 2 parts instead of 1": [encode(HELLO), b"and more"],
    "starts with b''": [b""],
}


@pytest.mark.parametrize("reason", JUNK)
def test_what_is_no_message_is_refused_counted_and_stops_nobody(
    router: Router, stranger: Callable[[], Raw], endpoint: str, reason: str
) -> None:
    with Dealer(endpoint) as dealer:
        introduce(router, dealer)
        sender = stranger()
        for _ in range(3):
            sender.send_multipart(JUNK[reason])
        sender.send(encode(HELLO))
        assert [message for _, message in take(router, 1)] == [HELLO], "even its sender may do better"
        assert sum(count for known, count in router.refused.items() if reason in known) == 3
        assert router.refused.total() == 3
        introduce(router, dealer)


def test_a_dealer_refuses_what_is_no_message_and_goes_on(endpoint: str) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as dispatcher, Dealer(endpoint) as dealer:
        dispatcher.set(zmq.LINGER, 0)
        dispatcher.bind(endpoint)
        until(lambda: dealer.send(HELLO), "the connection")
        peer, _ = dispatcher.recv_multipart()
        for parts in JUNK.values():
            dispatcher.send_multipart([peer, *parts])
        dispatcher.send_multipart([peer, encode(Refused("go away"))])
        before = dealer.refused.total()
        assert answers(dealer, 1) == [Refused("go away")]
        assert dealer.refused.total() - before == len(JUNK)


def test_an_oversized_message_costs_its_sender_the_connection_and_nobody_else(
    router: Router, stranger: Callable[[], Raw], endpoint: str
) -> None:
    with Dealer(endpoint) as dealer:
        introduce(router, dealer)
        stranger().send(encode(HELLO)[:4] + bytes(MAX_MESSAGE_BYTES))
        stranger().send(encode(HELLO)[:4] + bytes(MAX_MESSAGE_BYTES - 4))
        until(lambda: bool(router.receive(1) or router.refused), "the one that is just small enough")
        assert [reason for reason in router.refused if f"message of {MAX_MESSAGE_BYTES} bytes cannot be read" in reason]
        introduce(router, dealer)
        assert router.refused.total() == 1


def test_an_oversized_message_of_our_own_is_an_error_and_not_sent(router: Router, endpoint: str) -> None:
    with Dealer(endpoint) as dealer:
        introduce(router, dealer)
        with pytest.raises(MessageError, match="too large to send"):
            dealer.send(Refused("x" * MAX_MESSAGE_BYTES))
        introduce(router, dealer)


def test_a_stranger_with_many_ideas_does_not_fill_the_memory_with_reasons(
    router: Router, stranger: Callable[[], Raw]
) -> None:
    sender = stranger()
    for number in range(3 * MOST_REASONS):
        sender.send(number.to_bytes(4, "big"))
    until(lambda: bool(router.receive(1)) or router.refused.total() == 3 * MOST_REASONS, "all refusals")
    assert len(router.refused) == MOST_REASONS + 1
    assert router.refused["other"] == 2 * MOST_REASONS


def test_a_flood_of_junk_does_not_keep_the_dispatcher_from_its_other_work(
    router: Router, stranger: Callable[[], Raw]
) -> None:
    sender = stranger()
    for _ in range(500):
        sender.send(b"junk")
    until(lambda: bool(router.socket.poll(0)), "the first")
    assert router.receive(100) == []
    assert 0 < router.refused.total() <= 100


def test_no_more_messages_are_taken_than_asked_for_and_none_is_lost(router: Router, endpoint: str) -> None:
    with Dealer(endpoint) as dealer:
        introduce(router, dealer)
        for number in range(10):
            dealer.send(Passed("gate", number))
        until(lambda: bool(router.socket.poll(0)), "the first")
        first = router.receive(4)
        assert len(first) <= 4
        rest = take(router, 10 - len(first))
        assert [message for _, message in first + rest] == [Passed("gate", number) for number in range(10)]


def test_a_peer_that_is_gone_is_said_and_counted(router: Router, endpoint: str) -> None:
    assert not router.send(b"never seen", HELLO)
    assert router.refused == {"peer gone": 1}
    with Dealer(endpoint) as dealer:
        peer = introduce(router, dealer)
    until(lambda: not router.send(peer, HELLO), "the router to notice")
    assert router.refused == {"peer gone": 2}


def test_a_peer_that_does_not_read_fills_its_own_queue_only(
    router: Router, stranger: Callable[[], Raw], endpoint: str
) -> None:
    with Dealer(endpoint) as dealer:
        peer = introduce(router, dealer)
        stranger().send(encode(HELLO))
        hanging = take(router, 1)[0][0]
        until(lambda: not all(router.send(hanging, Wake("gate", 1)) for _ in range(1000)), "the queue to fill")
        assert router.refused == {"queue full": 1}
        assert router.send(peer, Wake("gate", 2))
        assert answers(dealer, 1) == [Wake("gate", 2)]


def test_an_endpoint_that_cannot_be_bound_cannot_start_and_says_where(short_dir: Path) -> None:
    with Router(["tcp://127.0.0.1:*"]) as router:
        taken = router.socket.get_string(zmq.LAST_ENDPOINT)
        with pytest.raises(CannotStart, match=f"cannot listen on {taken}: .*another run"):
            Router([taken])
    for endpoint in (f"ipc://{short_dir}/no/such/folder", f"ipc://{short_dir}/{'x' * 120}"):
        with pytest.raises(CannotStart, match="cannot listen on ipc:"):
            Router([endpoint])


def test_waiting_ends_with_a_message_on_either_side_and_else_with_the_time(router: Router, endpoint: str) -> None:
    ours, theirs = pair()
    line = child_end(theirs.detach())
    waiter = Waiter(router, ours)
    assert not waiter.wait(0.01)
    line.send(Started())
    assert waiter.wait(WITHIN_S)
    assert ours.receive() == [Started()]
    with Dealer(endpoint) as dealer:
        until(lambda: dealer.send(HELLO), "the connection")
        assert waiter.wait(WITHIN_S)
        take(router, 1)
    line.close()
    assert waiter.wait(WITHIN_S), "the other end's death is news too"
    ours.close()

"""ZeroMQ, and the only place that knows it: dispatch binds a ROUTER, everyone else connects a DEALER.

Nothing here is trusted to deliver. A ROUTER says when a peer is gone (ROUTER_MANDATORY) and a full queue is counted;
what was lost is found by the protocol's own acknowledgements (``pipeline.dispatch``). ZMTP heartbeats are off: they
answer for a process that hangs and accuse one that is busy.
"""

import contextlib
import logging
from collections import Counter
from types import TracebackType
from typing import Protocol, Self

import zmq

from pipeline.codec import MAX_MESSAGE_BYTES, decode, encode
from pipeline.errors import CannotStart, MessageError
from pipeline.messages import Wire

logger = logging.getLogger(__name__)

HIGH_WATER = 10_000
"""Messages a queue may hold. The protocol's windows keep queues far below; reaching it is a bug that is counted."""


MOST_REASONS = 100
"""Reasons contain what peers sent; beyond this many kinds they are counted as ``other``."""


class Guard(Protocol):
    """Sees to it that only known peers speak on a bound socket (``pipeline.wire.doorkeeper.Doorkeeper``)."""

    def __call__(self, socket: "zmq.Socket[bytes]") -> None:
        """Set the keys, before the socket binds."""
        ...

    def admit(self, frame: "zmq.Frame", message: Wire) -> None:
        """Raises ``MessageError`` if the sender may not send this message."""
        ...

    @property
    def refused(self) -> Counter[str]:
        """Peers and messages turned away, by reason."""
        ...

    def close(self) -> None:
        """Stop guarding, before the socket closes."""
        ...


class Pass(Protocol):
    """What a connecting socket shows (``pipeline.wire.links.ClientKeys``)."""

    def __call__(self, socket: "zmq.Socket[bytes]") -> None:
        """Set the keys, before the socket connects."""
        ...

    def check(self) -> None:
        """Raises ``CannotStart`` once the other side has refused the key."""
        ...

    def close(self) -> None:
        """Before the socket closes."""
        ...


def _set_up(socket: "zmq.Socket[bytes]") -> None:
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, HIGH_WATER)
    socket.set(zmq.RCVHWM, HIGH_WATER)
    socket.set(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)


class _Endpoint:
    """What both kinds of socket share: counting, closing, polling."""

    def __init__(self, kind: int, keys: Guard | Pass | None) -> None:
        self._keys = keys
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.IO_THREADS, 1)
        self.socket = self._context.socket(kind)
        _set_up(self.socket)
        if keys is not None:
            keys(self.socket)
        self.refused: Counter[str] = Counter()
        """Messages refused or not handed over, by reason."""

    def _has_message(self) -> bool:
        """Asking is cheaper than the exception of a receive in vain."""
        return bool(int(self.socket.get(zmq.EVENTS)) & zmq.POLLIN)

    def _count_refusal(self, error: MessageError) -> None:
        reason = str(error)
        if reason not in self.refused and len(self.refused) >= MOST_REASONS:
            reason = "other"
        if reason not in self.refused:
            logger.warning("refused a message: %s", error)
        self.refused[reason] += 1

    def close(self, *, linger_s: float = 0.0) -> None:
        """Close the socket; wait at most ``linger_s`` for what is on its way out."""
        if self._keys is not None:
            self._keys.close()
        if not self.socket.closed:
            self.socket.close(linger=int(linger_s * 1000))
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Router(_Endpoint):
    """Dispatch's socket: knows each peer by the routing id that ZeroMQ gave it."""

    def __init__(self, endpoints: list[str], *, guard: Guard | None = None) -> None:
        super().__init__(zmq.ROUTER, guard)
        self._guard = guard
        self.socket.set(zmq.ROUTER_MANDATORY, 1)
        for endpoint in endpoints:
            try:
                self.socket.bind(endpoint)
            except zmq.ZMQError as error:
                self.close()
                raise CannotStart(f"cannot listen on {endpoint}: {error}; is another run using it?") from error

    def receive(self, limit: int) -> list[tuple[bytes, Wire]]:
        """Up to ``limit`` messages that have come, with their senders. Bad ones are refused and counted.

        The bad ones count towards the limit: who sends nothing else does not keep the caller here.
        """
        messages: list[tuple[bytes, Wire]] = []
        for _ in range(limit):
            if not self._has_message():
                break
            peer, *body = self.socket.recv_multipart(zmq.NOBLOCK, copy=self._guard is None)
            try:
                messages.append(self._opened(peer, body))
            except MessageError as error:
                self._count_refusal(error)
        return messages

    def _opened(self, peer: "bytes | zmq.Frame", body: "list[bytes] | list[zmq.Frame]") -> tuple[bytes, Wire]:
        """One message with its sender. Raises ``MessageError``."""
        if len(body) != 1:
            raise MessageError(f"a message has {len(body)} parts instead of 1")
        part = body[0]
        if isinstance(part, bytes):
            message = decode(part)
        else:
            message = decode(part.bytes)
            if self._guard is not None:
                self._guard.admit(part, message)
        return (peer if isinstance(peer, bytes) else peer.bytes), message

    @property
    def turned_away(self) -> Counter[str]:
        """Messages refused, and peers that the guard did not let in."""
        return self.refused if self._guard is None else self.refused + self._guard.refused

    def send(self, peer: bytes, message: Wire) -> bool:
        """Hand a message to a peer; False (and counted) when the peer is gone or does not read."""
        try:
            self.socket.send_multipart([peer, encode(message)], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            self.refused["peer gone" if error.errno == zmq.EHOSTUNREACH else "queue full"] += 1
            return False
        return True


class Dealer(_Endpoint):
    """Everyone else's socket. Queues nothing for an absent dispatcher."""

    def __init__(self, endpoint: str, *, keys: Pass | None = None) -> None:
        super().__init__(zmq.DEALER, keys)
        self._pass = keys
        self.socket.set(zmq.IMMEDIATE, 1)
        self.socket.set(zmq.RECONNECT_IVL, 50)
        self.socket.set(zmq.RECONNECT_IVL_MAX, 500)
        self.socket.connect(endpoint)

    def receive(self, limit: int) -> list[Wire]:
        """Up to ``limit`` messages that have come. Bad ones are refused and counted.

        Raises ``CannotStart`` when the dispatcher has refused this process's key.
        """
        if self._pass is not None:
            self._pass.check()
        messages: list[Wire] = []
        for _ in range(limit):
            if not self._has_message():
                break
            body = self.socket.recv_multipart(zmq.NOBLOCK)
            try:
                if len(body) != 1:
                    raise MessageError(f"a message has {len(body)} parts instead of 1")
                messages.append(decode(body[0]))
            except MessageError as error:
                self._count_refusal(error)
        return messages

    def send(self, message: Wire) -> bool:
        """Hand a message over; False while dispatch is absent or does not read."""
        try:
            self.socket.send(encode(message), zmq.NOBLOCK)
        except zmq.ZMQError:
            self.refused["dispatch absent"] += 1
            return False
        return True


class Pollable(Protocol):
    """Anything with a file descriptor."""

    def fileno(self) -> int:
        """The file descriptor."""
        ...


class Waiter:
    """Waits for a socket and a file descriptor at once."""

    def __init__(self, endpoint: _Endpoint | None, *others: Pollable) -> None:
        self._poller = zmq.Poller()
        if endpoint is not None:
            self._poller.register(endpoint.socket, zmq.POLLIN)
        for other in others:
            self._poller.register(other.fileno(), zmq.POLLIN)

    def wait(self, timeout_s: float) -> bool:
        """Until something can be read or the time is over. True if something can."""
        with contextlib.suppress(InterruptedError):
            return bool(self._poller.poll(max(0, int(timeout_s * 1000))))
        return False

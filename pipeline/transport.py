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


class Securing(Protocol):
    """Sets up encryption and roles on a socket before it binds or connects (``pipeline.keys``)."""

    def __call__(self, socket: "zmq.Socket[bytes]") -> None:
        """Apply the keys."""
        ...


def _set_up(socket: "zmq.Socket[bytes]", secure: Securing | None) -> None:
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, HIGH_WATER)
    socket.set(zmq.RCVHWM, HIGH_WATER)
    socket.set(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    if secure is not None:
        secure(socket)


class _Endpoint:
    """What both kinds of socket share: counting, closing, polling."""

    def __init__(self, kind: int, secure: Securing | None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.IO_THREADS, 1)
        self.socket = self._context.socket(kind)
        _set_up(self.socket, secure)
        self.refused: Counter[str] = Counter()
        """Messages refused or not handed over, by reason."""

    def _count_refusal(self, error: MessageError) -> None:
        reason = str(error)
        if not self.refused[reason]:
            logger.warning("refused a message: %s", reason)
        self.refused[reason] += 1

    def close(self, *, linger_s: float = 0.0) -> None:
        """Close the socket; wait at most ``linger_s`` for what is on its way out."""
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

    def __init__(self, endpoints: list[str], *, secure: Securing | None = None) -> None:
        super().__init__(zmq.ROUTER, secure)
        self.socket.set(zmq.ROUTER_MANDATORY, 1)
        for endpoint in endpoints:
            try:
                self.socket.bind(endpoint)
            except zmq.ZMQError as error:
                raise CannotStart(f"cannot listen on {endpoint}: {error}; is another run using it?") from error

    def receive(self, limit: int) -> list[tuple[bytes, Wire]]:
        """Up to ``limit`` messages that have come, with their senders. Bad ones are refused and counted."""
        messages: list[tuple[bytes, Wire]] = []
        while len(messages) < limit:
            try:
                peer, *body = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                if len(body) != 1:
                    raise MessageError(f"a message has {len(body)} parts instead of 1")
                messages.append((peer, decode(body[0])))
            except MessageError as error:
                self._count_refusal(error)
        return messages

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

    def __init__(self, endpoint: str, *, secure: Securing | None = None) -> None:
        super().__init__(zmq.DEALER, secure)
        self.socket.set(zmq.IMMEDIATE, 1)
        self.socket.set(zmq.RECONNECT_IVL, 50)
        self.socket.set(zmq.RECONNECT_IVL_MAX, 500)
        self.socket.connect(endpoint)

    def receive(self, limit: int) -> list[Wire]:
        """Up to ``limit`` messages that have come. Bad ones are refused and counted."""
        messages: list[Wire] = []
        while len(messages) < limit:
            try:
                body = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
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

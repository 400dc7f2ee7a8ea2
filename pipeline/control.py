"""The line between the supervisor and each of its processes: a socket pair of whole messages.

Either end learns of the other's death at once. A ping is answered by the work loop itself, between two pieces of
work, so a loop that hangs or spins cannot answer. Unlike frames, these messages are few; they share no socket with
the data.
"""

import contextlib
import socket
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from pipeline.errors import MessageError
from pipeline.histogram import Histogram

MAX_BYTES = 200_000
"""Largest message: what one packet of a Unix socket holds with the kernel's default buffers."""


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Are you there? To be answered between two pieces of work."""

    number: int


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Finish what you have, take nothing new, and exit with 0."""


class WorkerDied(msgspec.Struct, frozen=True, tag=True):
    """To dispatch: a worker is gone; ``by_itself`` unless somebody killed or froze it from outside."""

    worker: str
    by_itself: bool


class GiveUp(msgspec.Struct, frozen=True, tag=True):
    """To dispatch: this camera will not come back in this run."""

    camera: str
    reason: str


class ClassifyLost(msgspec.Struct, frozen=True, tag=True):
    """To alert: this classify process (``classifier/number``) will not come back in this run."""

    process: str
    reason: str


class Started(msgspec.Struct, frozen=True, tag=True):
    """The process has built its stage and works."""


class Pong(msgspec.Struct, frozen=True, tag=True):
    """The work loop came round."""

    number: int


class Fatal(msgspec.Struct, frozen=True, tag=True):
    """Why the process is about to exit: one line for people. With ``restart`` false the exit code is 3."""

    reason: str
    restart: bool


class OverdueWorker(msgspec.Struct, frozen=True, tag=True):
    """From dispatch: this worker has had a lease for too long."""

    worker: str


class CameraProgress(msgspec.Struct, frozen=True):
    """From dispatch: one camera's books. ``counts`` is by status, of frames in the log."""

    next_index: int
    frames_read: int
    pending: int
    pending_offers: int
    ended: bool
    online: bool
    media_ns: int
    counts: dict[str, int]
    end_reason: str = ""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """From dispatch: how far every camera's log is."""

    cameras: dict[str, CameraProgress]
    refused: dict[str, int]
    workers: dict[str, int]
    """Results accepted, by worker."""


class CameraConsumed(msgspec.Struct, frozen=True):
    """From alert: what of one camera's log is committed to the store."""

    frames: int
    counts: dict[str, int]
    ended: bool
    events: int
    classified: dict[str, dict[str, int]] = {}
    """By classifier: crops ``wished`` and ``answered``, and those missed by reason."""


class Consumed(msgspec.Struct, frozen=True, tag=True):
    """From alert: how far it has read."""

    cameras: dict[str, CameraConsumed]
    latency_ms: Histogram
    """Of this process: from a deciding frame's arrival to its event's commit."""


class Backlog(msgspec.Struct, frozen=True, tag=True):
    """From evidence, classify and deliver: pieces of work that wait, done, and given up, by name."""

    waiting: int
    done: int
    failed: int
    steps: int = 0
    """On the way to them, where the way is long."""


class Metrics(msgspec.Struct, frozen=True, tag=True):
    """A snapshot of the process's counters (``pipeline.stats``)."""

    snapshot: dict[str, Any]


Order: TypeAlias = Ping | Drain | WorkerDied | GiveUp | ClassifyLost
Notice: TypeAlias = Started | Pong | Fatal | OverdueWorker | Progress | Consumed | Backlog | Metrics

Incoming = TypeVar("Incoming")

_encode = msgspec.msgpack.Encoder().encode


class Closed(Exception):
    """The other end is gone."""


class Line(Generic[Incoming]):
    """One end of the line; never blocks. ``fileno`` lets it be polled."""

    def __init__(self, end: socket.socket, incoming: Any) -> None:
        end.setblocking(False)
        self._socket = end
        self._decode = msgspec.msgpack.Decoder(incoming).decode

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._socket.fileno()

    def send(self, message: Order | Notice) -> bool:
        """Hand over one message; False when the other end reads too slowly or is gone.

        Raises ``MessageError`` when it is larger than ``MAX_BYTES``: the other end would get half of it.
        """
        data = _encode(message)
        if len(data) > MAX_BYTES:
            name = type(message).__name__
            raise MessageError(f"{name} of {len(data)} bytes is too large for the line; at most {MAX_BYTES}")
        try:
            self._socket.send(data)
        except (BlockingIOError, OSError):
            return False
        return True

    def receive(self) -> list[Incoming]:
        """All messages that have come; raises ``Closed`` when the other end is gone and nothing is left."""
        messages: list[Incoming] = []
        while True:
            try:
                data = self._socket.recv(MAX_BYTES)
            except BlockingIOError:
                return messages
            except OSError:
                data = b""
            if not data:
                if messages:
                    return messages
                raise Closed
            messages.append(self._decode(data))

    def close(self) -> None:
        """Close this end."""
        with contextlib.suppress(OSError):
            self._socket.close()


def pair() -> tuple[Line[Notice], socket.socket]:
    """The supervisor's end, and the raw socket that the child inherits."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Line(ours, Notice), theirs


def child_end(descriptor: int) -> "Line[Order]":
    """The child's end, from the inherited file descriptor."""
    return Line(socket.socket(fileno=descriptor), Order)

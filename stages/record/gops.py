"""The pre-roll: the last seconds of a stream as whole groups of pictures, in memory."""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.clock import SECOND

if TYPE_CHECKING:
    from av import Packet, VideoStream

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet of compressed video and when its picture was taken."""

    packet: "Packet[VideoStream]"
    at_ns: int
    """UTC of the picture in ns, as well as the stream tells it; of recordings, media time."""

    @property
    def decoded_ns(self) -> int:
        """When it is decoded: whatever is shown earlier than that has been handed over."""
        packet = self.packet
        if packet.pts is None or packet.dts is None or packet.time_base is None:
            return self.at_ns
        return self.at_ns - round((packet.pts - packet.dts) * packet.time_base * SECOND)

    def shown_after_ns(self, other: "Arrival") -> int:
        """How much later its picture is shown than that of another packet of its stream."""
        mine, its, base = self.packet.pts, other.packet.pts, self.packet.time_base
        if mine is None or its is None or base is None:
            return self.at_ns - other.at_ns
        return round((mine - its) * base * SECOND)


@dataclass(slots=True)
class _Group:
    """A key frame and what builds on it."""

    arrivals: list[Arrival] = field(default_factory=list)
    size: int = 0

    @property
    def at_ns(self) -> int:
        return self.arrivals[0].at_ns

    def add(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        self.size += arrival.packet.size


class GopRing:
    """Holds groups of pictures, each from a key frame on, that cover at least the pre-roll once so much has come.

    What comes before the first key frame cannot be shown and is not kept. Memory is bounded by ``most_bytes``: then the
    pre-roll is shorter, and a single group that is larger is given up as a whole, up to the next key frame.
    """

    def __init__(self, *, pre_roll_ns: int, most_bytes: int) -> None:
        self._pre_roll_ns = pre_roll_ns
        self._most_bytes = most_bytes
        self._groups: deque[_Group] = deque()
        self._size = 0
        self._warned = False

    @property
    def size(self) -> int:
        """Bytes of packets held."""
        return self._size

    def add(self, arrival: Arrival) -> None:
        """Take in the next packet of the stream, in decoding order."""
        if arrival.packet.is_keyframe:
            self._groups.append(_Group())
        if not self._groups:
            return
        self._groups[-1].add(arrival)
        self._size += arrival.packet.size
        while len(self._groups) > 1 and self._groups[1].at_ns <= arrival.at_ns - self._pre_roll_ns:
            self._drop()
        while self._groups and self._size > self._most_bytes:
            self._warn()
            self._drop()

    def clear(self) -> None:
        """The stream was interrupted: what follows does not build on what is held."""
        self._groups.clear()
        self._size = 0

    def since(self, at_ns: int) -> Iterator[Arrival]:
        """Everything from the last key frame not after ``at_ns`` on, or from the oldest one held."""
        groups = list(self._groups)
        first = max((number for number, group in enumerate(groups) if group.at_ns <= at_ns), default=0)
        for group in groups[first:]:
            yield from group.arrivals

    def _drop(self) -> None:
        self._size -= self._groups.popleft().size

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "the pre-roll does not fit into %d MB: it is shorter than configured; raise ring_mb, or lower the "
                "camera's key frame interval",
                self._most_bytes // 1_000_000,
            )

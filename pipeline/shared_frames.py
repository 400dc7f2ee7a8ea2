"""A camera's frames for its recorder, from the capture process that has them already: one connection serves both.

Capture copies each frame into a ring of its own, apart from that of the analysis, and announces it in a datagram, with
those before it that still lie there. Nobody ever waits: a recorder that is gone or too slow loses frames, and sees by
their numbers how many. Either side may be restarted; the recorder's address stays, and nothing has to be connected
again.
"""

import logging
import os
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np

from pipeline.clock import SECOND
from pipeline.errors import RingError, SourceError, StaleSlot
from pipeline.messages import Slot
from pipeline.rings import RingReader, RingWriter
from pipeline.stage import Captured, Picture

logger = logging.getLogger(__name__)

SLOTS = 12
"""The recorder may be late by all but the one that is being written. The kernel holds about as many datagrams
(``net.unix.max_dgram_qlen``: 10)."""
MOST_BYTES = 1 << 14
RETRY_NS = 5 * SECOND


class Placed(msgspec.Struct, frozen=True, array_like=True):
    """A frame lies in a slot. It stays there until as many have come as there are slots."""

    number: int
    """Counts what this process announced, from 1; whatever is missing was lost."""
    media_ns: int
    wall_ns: int
    slot: Slot


class Announced(msgspec.Struct, frozen=True, tag=True):
    """The frames that lie in the ring, the latest at the end. Most were announced before."""

    incarnation: str
    """Of the capture process."""
    frames: list[Placed]


class Silent(msgspec.Struct, frozen=True, tag=True):
    """No frames come, and why; an empty reason: the camera is over, and nothing is wrong."""

    reason: str


Said: TypeAlias = Announced | Silent

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Said).decode


class FrameSharer:
    """Capture's end. Nothing here blocks, and nothing that goes wrong here keeps a frame from being analysed."""

    def __init__(self, address: Path, rings: Path, *, camera: str, incarnation: str) -> None:
        """``address``: the recorder's socket. ``rings``: folder for the ring."""
        self._address = str(address)
        self._rings = rings
        self._camera = camera
        self._incarnation = incarnation
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._ring: RingWriter | None = None
        self._shape: tuple[int, ...] = ()
        self._number = 0
        self._placed: deque[Placed] = deque(maxlen=SLOTS - 1)
        self._retry_ns = 0
        self._trouble = ""

    def share(self, captured: Captured) -> None:
        """Copy a frame and announce it."""
        frame = captured.frame
        assert frame.wall_ns is not None  # a live camera's frames have one
        ring = self._ring_for(captured.pixels, frame.arrived_ns)
        if ring is None:
            self.be_silent(self._trouble)
            return
        number = self._number % ring.slots
        ring.begin(number)
        np.copyto(ring.canvas(number), captured.pixels)
        slot = ring.commit(number)
        self._number += 1
        self._placed.append(Placed(self._number, frame.media_ns, frame.wall_ns, slot))
        self._tell(Announced(self._incarnation, list(self._placed)))

    def be_silent(self, reason: str) -> None:
        """Say that no frames come; to be repeated while it is so, since nobody may have heard it."""
        self._tell(Silent(reason))

    def close(self) -> None:
        """Remove the ring."""
        self._drop()
        self._socket.close()

    def _ring_for(self, pixels: Picture, now_ns: int) -> RingWriter | None:
        if self._ring is not None and self._shape == pixels.shape and self._ring.path.exists():
            return self._ring
        if now_ns < self._retry_ns:
            return None
        self._drop()
        height, width, channels = pixels.shape
        try:
            self._ring = RingWriter.create(self._rings, name="record", slots=SLOTS, shape=(height, width, channels))
        except RingError as error:
            self._retry_ns = now_ns + RETRY_NS
            if not self._trouble:  # how much is free changes all the time
                self._trouble = str(error)
                logger.warning("camera %s cannot be recorded: %s", self._camera, error)
        else:
            self._shape, self._trouble = pixels.shape, ""
        return self._ring

    def _drop(self) -> None:
        if self._ring is not None:
            self._ring.close()
            self._ring = None
            self._placed.clear()

    def _tell(self, message: Said) -> None:
        with suppress(OSError):  # nobody there, or not reading: it learns from the numbers what it missed
            self._socket.sendto(_encode(message), self._address)


@dataclass(frozen=True, slots=True)
class Shared:
    """A frame as the recorder has it."""

    incarnation: str
    number: int
    media_ns: int
    wall_ns: int
    pixels: Picture
    """A copy: nobody else writes to it."""


class SharedFrames:
    """The recorder's end."""

    def __init__(self, address: Path) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._reader = RingReader(max_maps=2)
        self._incarnation = ""
        self._heard = 0
        """Number of the latest frame that was announced."""
        self._waiting: deque[Placed] = deque()
        self.over = False
        """Nothing more comes, and nothing is wrong."""

    def open(self) -> None:
        """Listen. Raises ``SourceError``."""
        self.close()
        self._address.unlink(missing_ok=True)  # of a process before this one
        found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            found.bind(str(self._address))
        except OSError as error:
            found.close()
            raise SourceError(f"{self._address}: cannot listen there: {os.strerror(error.errno or 0)}") from error
        self._socket, self._incarnation = found, ""
        self._waiting.clear()

    def next(self, timeout_s: float) -> Shared | None:
        """The next frame that still lies there; None: nothing is said within this time, or that it is over.

        Raises ``SourceError`` if capture says why it has none, or its ring cannot be read.
        """
        while True:
            while self._waiting:
                if (shared := self._copied(self._waiting.popleft())) is not None:
                    return shared
            match self._hear(timeout_s):
                case None:
                    return None
                case Silent(reason):
                    if reason:
                        raise SourceError(reason)
                    self.over = True
                    return None
                case Announced() as announced:
                    self._note(announced)

    def _hear(self, timeout_s: float) -> Said | None:
        if self._socket is None:
            raise SourceError("not open")
        self._socket.settimeout(timeout_s)
        try:
            said: Said = _decode(self._socket.recv(MOST_BYTES))
        except TimeoutError:
            return None
        except msgspec.DecodeError as error:
            raise SourceError(f"capture says what cannot be read: {error}") from error
        except OSError as error:
            raise SourceError(f"capture cannot be heard: {error.strerror}") from error
        return said

    def _note(self, announced: Announced) -> None:
        """What is new to be copied. Of a capture not heard of before only the latest frame is."""
        if not announced.frames:
            return
        if announced.incarnation != self._incarnation:
            self._incarnation, self._heard = announced.incarnation, announced.frames[-1].number - 1
        self._waiting.extend(placed for placed in announced.frames if placed.number > self._heard)
        self._heard = max(self._heard, announced.frames[-1].number)
        self.over = False

    def close(self) -> None:
        """Stop listening; safe to call twice."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._address.unlink(missing_ok=True)
        self._reader.close()

    def _copied(self, placed: Placed) -> Shared | None:
        """None: another frame lies there by now."""
        try:
            pixels = self._reader.view(placed.slot).pixels.copy()
            self._reader.check(placed.slot)
        except StaleSlot:
            return None
        except RingError as error:
            if self._waiting:  # capture has another ring since
                return None
            raise SourceError(f"capture's pictures cannot be read: {error}") from error
        return Shared(self._incarnation, placed.number, placed.media_ns, placed.wall_ns, pixels)

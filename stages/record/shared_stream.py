"""The frames of a camera's analysis as a stream to record: encoded, since nothing compressed is left of them.

A thread takes and encodes them, and nothing else does: capture waits for nobody, so whoever closes a file meanwhile, on
a slow disk, must not keep them from being taken.
"""

from collections import deque
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Protocol

from pipeline.clock import SECOND, Clock
from pipeline.errors import SourceError
from pipeline.stage import Picture
from stages.record.encoding import Encoder
from stages.record.timeline import Timeline

if TYPE_CHECKING:
    from av import Packet, VideoStream

WAIT_S = 0.1
KEY_S = 1.0
"""Seconds between two key frames: a clip begins so much before its pre-roll at most."""
USUAL_RATE = 25.0
MOST_PACKETS = 1000
"""That wait for whoever writes; then frames are lost."""
MOST_LOSSES = 1000


class Frame(Protocol):
    """A frame as capture gave it."""

    @property
    def incarnation(self) -> str:
        """Names the process that gave it."""
        ...

    @property
    def number(self) -> int:
        """Counts the frames of that process."""
        ...

    @property
    def media_ns(self) -> int:
        """Its media time, by which events go."""
        ...

    @property
    def wall_ns(self) -> int:
        """UTC."""
        ...

    @property
    def pixels(self) -> Picture:
        """Masked."""
        ...


class Frames(Protocol):
    """Where they come from. Raises ``SourceError``."""

    @property
    def over(self) -> bool:
        """Nothing more comes, and nothing is wrong."""
        ...

    def open(self) -> None:
        """Listen."""
        ...

    def next(self, timeout_s: float) -> Frame | None:
        """What comes within this time, if it is still there."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """A packet and when its picture was taken."""

    packet: "Packet[VideoStream]"
    wall_ns: int
    """UTC."""
    media_ns: int
    ahead_ns: int | None = None


class SharedStream:
    """Fulfils ``Packets``: a stream of H.264, a packet for each frame.

    It breaks off where capture says that the camera is away, is started again or falls silent, where the picture
    changes its size, and where the clock is set.
    """

    def __init__(
        self, frames: Frames, clock: Clock, *, quality: int, open_timeout_s: float, silence_s: float, rate: float | None
    ) -> None:
        """``silence_s``: without a word for so long capture is taken for dead. ``rate``: frames a second, if known."""
        self._frames = frames
        self._clock = clock
        self._quality = quality
        self._rate = rate or USUAL_RATE
        self._silence_ns = round(silence_s * SECOND)
        self._patient_until_ns = clock.monotonic_ns() + round(open_timeout_s * SECOND)
        self._timeline = Timeline()
        self._lost: deque[tuple[int, int]] = deque(maxlen=MOST_LOSSES)
        self._encoder: Encoder | None = None
        self._packets: Queue[Encoded] = Queue(MOST_PACKETS)
        self._stop = Event()
        self._thread: Thread | None = None
        self._broken: Exception | None = None
        self._why: Exception | None = None
        """Why it could not be opened last."""
        self._before: Frame | None = None
        self._heard_ns = 0

    @property
    def stream(self) -> "VideoStream":
        """What the packets are of. Raises ``SourceError`` while it is not open."""
        if self._encoder is None:
            raise SourceError("no frame has come")
        return self._encoder.template

    def open(self) -> None:
        """Wait for the first frame: at the start for as long as a camera may take, later for a moment."""
        self.close()
        self._frames.open()
        self._encoder = self._broken = self._before = None
        self._heard_ns = self._clock.monotonic_ns()
        self._timeline.begin()
        self._packets = Queue(MOST_PACKETS)
        self._stop.clear()
        self._thread = Thread(target=self._run, name="shared frames", daemon=True)
        self._thread.start()
        soon_ns = self._clock.monotonic_ns() + SECOND
        while self._packets.empty():
            over = self._frames.over
            until_ns = soon_ns if over else max(self._patient_until_ns, soon_ns)
            if self._broken is not None or self._clock.monotonic_ns() >= until_ns:
                broken = self._broken
                self.close()
                self._why = broken or (self._why if over and self._why else SourceError("capture sends no frames"))
                raise self._why
            self._stop.wait(WAIT_S / 10)

    def read(self) -> Encoded | None:
        """The next packet; None: none yet."""
        try:
            encoded = self._packets.get(timeout=WAIT_S)
        except Empty:
            if self._broken is not None:
                raise self._broken from None
            return None
        self._timeline.note(encoded.media_ns, encoded.wall_ns)
        return encoded

    def close(self) -> None:
        """Stop taking frames; safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._frames.close()

    def at(self, media_ns: int) -> int | None:
        """UTC in ns of a media time, as packets have it; None where it is not known."""
        return self._timeline.at(media_ns)

    def lost(self, from_ns: int, to_ns: int) -> int:
        """How many frames between two times did not come here."""
        return sum(count for at_ns, count in list(self._lost) if from_ns < at_ns <= to_ns)

    # ---- in the thread

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                frame = self._frames.next(WAIT_S)
                if frame is None:
                    self._mind_silence()
                else:
                    self._take(frame)
        except Exception as error:  # whoever reads shall know
            self._broken = error

    def _mind_silence(self) -> None:
        silent_ns = self._clock.monotonic_ns() - self._heard_ns
        if not self._frames.over and self._before is not None and silent_ns > self._silence_ns:
            raise SourceError(f"capture has sent no frames for {silent_ns / SECOND:.1f} s")

    def _take(self, frame: Frame) -> None:
        before, self._before, self._heard_ns = self._before, frame, self._clock.monotonic_ns()
        if before is not None and frame.incarnation != before.incarnation:
            raise SourceError("capture was started again")
        if before is not None and frame.pixels.shape != before.pixels.shape:
            raise SourceError("the picture has another size now")
        at_ns = self._timeline.stamp(frame.media_ns, frame.wall_ns)
        if before is not None and frame.number > before.number + 1:
            self._lost.append((at_ns, frame.number - before.number - 1))
        if self._encoder is None:
            height, width = frame.pixels.shape[:2]
            self._encoder = Encoder(width=width, height=height, rate=self._rate, quality=self._quality, key_s=KEY_S)
        for packet in self._encoder.picture(frame.pixels, at_ns):
            self._put(Encoded(packet, at_ns, frame.media_ns))

    def _put(self, encoded: Encoded) -> None:
        while not self._stop.is_set():
            try:
                self._packets.put(encoded, timeout=WAIT_S)
            except Full:
                continue
            return

"""The capture process: one camera's frames into slots, offered to dispatch, and kept until they are committed.

What was announced and is not yet in the log is remembered here, so a dispatcher that restarts, or a message that got
lost, costs nothing: every quarter second both sides compare what they know.
"""

import logging
import random
from pathlib import Path
from typing import Any

from pipeline.backoff import Backoff
from pipeline.camera_clock import CameraClock
from pipeline.clock import SECOND
from pipeline.configuration.config import PipelineConfig
from pipeline.control import Metrics
from pipeline.errors import CannotStart, RingError, SourceEnded, SourceError
from pipeline.messages import (
    CaptureHello,
    CaptureSync,
    EndOfStream,
    Offer,
    Refused,
    Release,
    Skip,
    Slot,
    Status,
    StreamState,
    Synced,
    Welcome,
)
from pipeline.shared_frames import FrameSharer
from pipeline.slots import SlotPool
from pipeline.spec import RunSpec
from pipeline.stage import Capture, Captured
from pipeline.stats import Stats
from pipeline.wire.keys import Role
from pipeline.wire.links import open_dealer
from pipeline.wire.transport import Dealer, Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

SYNC_S = 0.25
METRICS_S = 1.0
SHOWN = (None, Status.STATIC)
"""What is recorded of a shared connection: frames that are analysed, and those in which nothing changed."""
SILENCE_NS = SECOND // 2
"""Without a word from dispatch for this long it is another one: say hello."""


def run(child: Child, spec: RunSpec) -> None:
    """Run one camera until it is over and committed, or the supervisor drains it."""
    from pipeline.build import build_capture

    config = PipelineConfig.from_spec(spec.config)
    capture = build_capture(config, child.name, child.clock)
    options: Any = config.cameras[child.name]
    rings = Path(spec.ring_dir) / child.incarnation
    rings.mkdir(mode=0o700)
    pool = SlotPool(rings, name="ring", slots=config.dispatch.slots)
    reconnect = Backoff(options.reconnect.first_s, options.reconnect.max_s, random.Random())
    sharer: FrameSharer | None = None
    if config.is_shared(child.name):
        sharer = FrameSharer(spec.frames_address(child.name), rings, camera=child.name, incarnation=child.incarnation)
    with open_dealer(config.links, spec.endpoint, Role.CAPTURE) as link:
        window = 1 if child.careful and not capture.live else config.dispatch.window
        clock = CameraClock(spec.clock_state(child.name))
        loop = CaptureLoop(child, link, capture, pool, reconnect, window=window, sharer=sharer, camera_clock=clock)
        try:
            loop.run()
        finally:
            capture.close()
            pool.close()
            if sharer is not None:
                sharer.close()


class CaptureLoop:
    """One camera's work loop."""

    def __init__(
        self,
        child: Child,
        link: Dealer,
        capture: Capture,
        pool: SlotPool,
        reconnect: Backoff,
        *,
        window: int,
        sharer: FrameSharer | None,
        camera_clock: CameraClock,
    ) -> None:
        self._window = window
        self._camera_clock = camera_clock
        capture.camera_clock = camera_clock.time()
        self._sharer = sharer
        self._child = child
        self._link = link
        self._capture = capture
        self._pool = pool
        self._reconnect = reconnect
        self._waiter = Waiter(link, child)
        self._camera = child.name
        self._sync_due = Every(SYNC_S, child.clock)
        self._metrics_due = Every(METRICS_S, child.clock)
        self._stats = Stats(f"capture[{child.name}]")
        self._announced: dict[int, Offer | Skip] = {}
        self._welcome: Welcome | None = None
        self._epoch = ""
        self._heard_ns = 0
        self._open = False
        self._retry_ns = 0
        self._session = 0
        self._next_index = 0
        self._last_media_ns = -1
        self._last_arrived_ns = 0
        self._state: StreamState | None = None
        self._end: EndOfStream | None = None
        self._ended = False
        self._reason = ""
        """Why it was offline when that was last said."""

    def run(self) -> None:
        """Until the end of the stream is in the log, or the supervisor says drain."""
        self._child.started()
        while not self._finished():
            self._child.answer()
            self._listen()
            if self._sync_due.due():
                self._keep_in_touch()
            if self._metrics_due.due():
                self._stats.gauge("bartizan_ring_slots_used", len(self._pool.lent), camera=self._camera)
                self._child.tell(Metrics(self._stats.snapshot()))
            if not self._may_capture():
                self._waiter.wait(0.02)
            elif self._open or self._try_open():
                self._step()
            else:
                self._waiter.wait(0.1)

    def _finished(self) -> bool:
        if self._ended and not self._pool.lent:  # else somebody still looks at a slot
            return True
        if not self._child.draining:
            return False
        if not self._capture.live:
            self._sync()
            return True
        if self._end is None and self._welcome is not None:
            self._finish("stopped")
        return False

    def _may_capture(self) -> bool:
        if self._welcome is None or self._end is not None or len(self._announced) >= self._window:
            return False
        return self._capture.live or not self._pool.full

    # ---- dispatch

    def _listen(self) -> None:
        for message in self._link.receive(256):
            match message:
                case Welcome() if message.incarnation == self._child.incarnation:
                    self._welcomed(message)
                case Release() if message.incarnation == self._child.incarnation:
                    self._released(message.indexes, message.next_index)
                case Synced() if message.incarnation == self._child.incarnation:
                    self._synced(message)
                case Refused(reason):
                    raise CannotStart(reason)
                case _:
                    pass

    def _welcomed(self, welcome: Welcome) -> None:
        self._heard_ns = self._child.clock.monotonic_ns()
        if self._welcome is None:
            self._session, self._next_index = welcome.next_session, welcome.next_index
            self._last_media_ns = welcome.last_media_ns
        if welcome.epoch != self._epoch:
            self._epoch = welcome.epoch
            self._welcome = welcome
            self._released([], welcome.committed)
            for index in sorted(self._announced):
                self._link.send(self._announced[index])
            if self._state is not None:
                self._link.send(self._state)
        self._ended = welcome.ended

    def _released(self, indexes: list[int], next_index: int) -> None:
        self._heard_ns = self._child.clock.monotonic_ns()
        for index in indexes:
            self._pool.release(index)
        for index in list(self._announced):
            if index >= next_index:
                break
            del self._announced[index]

    def _synced(self, synced: Synced) -> None:
        self._released(synced.free, synced.next_index)
        for index in synced.missing:
            if index in self._announced:
                self._link.send(self._announced[index])
        self._ended = synced.ended

    def _keep_in_touch(self) -> None:
        self._tell_recorder()
        if self._child.clock.monotonic_ns() - self._heard_ns > SILENCE_NS:
            self._link.send(
                CaptureHello(self._camera, self._child.incarnation, self._capture.live, self._capture.source_sha256)
            )
            return
        self._sync()

    def _sync(self) -> None:
        self._pool.check()
        held = self._pool.lent
        self._link.send(
            CaptureSync(self._camera, self._child.incarnation, list(self._announced), held, self._next_index)
        )
        if self._end is not None:
            self._link.send(self._end)

    # ---- the source

    def _try_open(self) -> bool:
        now = self._child.clock.monotonic_ns()
        if now < self._retry_ns:
            return False
        if self._last_arrived_ns and self._capture.live:
            self._session += 1
        try:
            self._capture.open(session=self._session, next_index=self._next_index, last_media_ns=self._media_now_ns())
        except SourceError as error:
            self._failed(error)
            return False
        self._open = True
        return True

    def _step(self) -> None:
        canvas = self._pool.canvas()
        try:
            captured = self._capture.capture(canvas)
        except SourceEnded:
            self._capture.close()
            self._finish("eof")
            return
        except SourceError as error:
            self._capture.close()
            self._open = False
            self._failed(error)
            return
        self._arrived(captured)

    def _arrived(self, captured: Captured) -> None:
        frame = captured.frame
        welcome = self._welcome
        if welcome is not None and not self._capture.live and frame.index < welcome.next_index:
            self._check_same_recording(captured, welcome)
            return
        self._next_index = frame.index + 1
        self._session = frame.session
        self._last_media_ns, self._last_arrived_ns = frame.media_ns, frame.arrived_ns
        if self._capture.live:
            self._reconnect.reset()
            self._report_state(online=True, reason="frames arrive")
            self._camera_clock.tell(self._capture.camera_clock)
        message: Offer | Skip
        if captured.skip is not None:
            message = Skip(self._child.incarnation, frame, captured.skip)
        elif (slot := self._place(captured)) is None:
            message = Skip(self._child.incarnation, frame, Status.NO_SLOT)
        else:
            message = Offer(self._child.incarnation, frame, slot)
        self._announced[frame.index] = message
        self._link.send(message)
        if self._sharer is not None and captured.skip in SHOWN:
            self._sharer.share(captured)

    def _place(self, captured: Captured) -> Slot | None:
        """Put a frame into a slot. No room for a camera's first ring is a fault that a restart does not mend; later,
        when the picture has changed size, it does: the old ring goes with this process."""
        try:
            return self._pool.place(captured)
        except RingError as error:
            if self._pool.has_ring:
                raise
            raise CannotStart(str(error)) from error

    def _check_same_recording(self, captured: Captured, welcome: Welcome) -> None:
        if captured.frame.index == welcome.next_index - 1 and captured.frame.digest != welcome.last_digest:
            raise CannotStart(
                f"camera {self._camera}: decoding again gave other frames than the log holds (up to frame "
                f"{welcome.next_index}): the recording or the decoder has changed; use another --out or --overwrite"
            )

    def _failed(self, error: SourceError) -> None:
        if not self._capture.live:
            logger.error("camera %s: %s", self._camera, error)
            self._finish(f"failed: {error}")
            return
        delay_s = self._reconnect.next_s()
        self._retry_ns = self._child.clock.monotonic_ns() + int(delay_s * SECOND)
        if self._state is None or self._state.online:
            logger.warning("camera %s is offline: %s", self._camera, error)
        elif str(error) != self._reason:
            logger.warning("camera %s is still offline, now: %s", self._camera, error)
        else:
            logger.debug("camera %s: %s; trying again in %.1f s", self._camera, error, delay_s)
        self._reason = str(error)
        self._tell_recorder()
        self._report_state(online=False, reason=self._reason)

    def _report_state(self, *, online: bool, reason: str) -> None:
        if self._state is not None and self._state.online == online:
            return
        if online and self._state is not None:
            logger.info("camera %s is back", self._camera)
        media_ns = self._last_media_ns if online else self._media_now_ns()
        self._state = StreamState(
            self._camera, self._child.incarnation, online, media_ns, self._child.clock.wall_ns(), reason
        )
        self._link.send(self._state)

    def _tell_recorder(self) -> None:
        """That there are no frames, while it is so."""
        if self._sharer is None:
            return
        if self._end is not None:
            self._sharer.be_silent("")
        elif self._reason and not self._open:
            self._sharer.be_silent(self._reason)

    def _media_now_ns(self) -> int:
        """Media time goes on by the monotonic clock while nothing arrives."""
        if not self._capture.live or not self._last_arrived_ns:
            return self._last_media_ns
        return self._last_media_ns + max(0, self._child.clock.monotonic_ns() - self._last_arrived_ns)

    def _finish(self, reason: str) -> None:
        self._end = EndOfStream(self._camera, self._child.incarnation, self._next_index - 1, reason)
        self._sync()

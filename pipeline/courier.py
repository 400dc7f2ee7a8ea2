"""A courier: the thread that serves one sink, so that a receiver that hangs makes nobody wait but itself."""

import logging
import threading
from typing import TYPE_CHECKING

from pipeline.clock import SECOND, Clock
from pipeline.errors import DeliveryError

if TYPE_CHECKING:
    from pipeline.build import BuiltSink
    from pipeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

BATCH = 4
HURRY_S = 0.1
CLOSE_S = 5.0
"""Longest wait for a sink to take its leave; the process that it keeps waiting ends nevertheless."""
FIRST_OPEN_S, LONGEST_OPEN_S = 1.0, 60.0
"""Waits between attempts to reach a receiver while there is nothing to send it."""


class Courier:
    """One sink and its thread. The sink is opened, used and closed in that thread alone."""

    def __init__(self, sink: "BuiltSink", store: "EventStore", clock: Clock, *, poll_s: float) -> None:
        self.sink = sink
        self._store = store
        self._clock = clock
        self._poll_s = poll_s
        self._round = threading.Lock()
        """Held while the outbox of this sink is worked on."""
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._opened = False
        self._open_wait_s = FIRST_OPEN_S
        self._open_at_ns = 0
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def hurry(self) -> None:
        """The run is ending: look more often."""
        self._poll_s = min(self._poll_s, HURRY_S)

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        if self._failure is not None:
            raise self._failure

    def flush(self) -> bool:
        """Have the governor tell now what it kept back; False if there is nothing. True also while it is busy."""
        if not self._round.acquire(blocking=False):
            return True
        try:
            return self.sink.flush()
        finally:
            self._round.release()

    def stop(self) -> None:
        """Tell the thread to end; ``join`` waits for it."""
        self._stop.set()

    def join(self) -> None:
        """Wait until the sink is closed, within reason."""
        if self._thread.ident is not None:
            self._thread.join(CLOSE_S)

    # ---- in the thread

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with self._round:
                    busy = self.sink.deliver(self._store, limit=BATCH)
                self._opened = self._opened or busy  # whoever sends has connected, or is tried again
                if not busy:
                    self._open_ahead()
                    self._stop.wait(self._poll_s)
        except BaseException as error:  # the process's own loop raises it again
            self._failure = error
        finally:
            self.sink.close()

    def _open_ahead(self) -> None:
        """Connect before there is anything to send, for sinks that say whether they are there."""
        now = self._clock.monotonic_ns()
        if self._opened or now < self._open_at_ns:
            return
        try:
            self.sink.open()
            self._opened = True
        except DeliveryError as error:
            if self._open_wait_s == FIRST_OPEN_S:
                logger.warning("sink %s: %s; it is tried again", self.sink.name, error)
            self._open_at_ns = self._clock.monotonic_ns() + round(self._open_wait_s * SECOND)
            self._open_wait_s = min(2 * self._open_wait_s, LONGEST_OPEN_S)

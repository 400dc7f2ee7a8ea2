"""A courier: the thread that serves one sink, so that a receiver that hangs makes nobody wait but itself."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.clock import SECOND, Clock
from pipeline.errors import StoreError

if TYPE_CHECKING:
    from pipeline.build import BuiltSink
    from pipeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

BATCH = 4
HURRY_S = 0.1
HURRIED_RETRY_S = 5.0
"""Longest wait between two attempts at the end of a run, whatever was waited for before."""
IDLE_S = 1.0
"""Between two looks at an outbox that had nothing to send, unless somebody says that there is."""
CLOSE_S = 5.0
"""Longest wait for a sink to take its leave; the process that it keeps waiting ends nevertheless."""
TEND_S = 1.0
"""How often a sink with nothing to send is asked whether it is there."""
LONGEST_TEND_S = 60.0
"""The same while its receiver cannot be reached: this wait doubles up to here."""
SET_S = 2.0
"""What the wall clock and the monotonic one are apart at once, when somebody has set the former."""
AGAIN_S = 1.0
"""Between two tries of an event store that cannot be written."""


class Courier:
    """One sink and its thread. The sink is opened, used and closed in that thread alone."""

    def __init__(self, sink: "BuiltSink", store: "EventStore", clock: Clock, *, poll_s: float) -> None:
        self.sink = sink
        self._store = store
        self._clock = clock
        self._poll_s = poll_s
        self._round = threading.Lock()
        """Held while the outbox of this sink is worked on."""
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._hurried = self._hastened = False
        self._looked = False
        """At the outbox, since the event store last failed: what its governor goes by is known."""
        self._failure: BaseException | None = None
        self._wall_ahead_ns: int | None = None
        """Of the monotonic clock, at the last look."""
        self._trouble = ""
        """Why the event store cannot be written."""
        self._tend_at_ns = 0
        self._tend_wait_s = TEND_S
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def hurry(self) -> None:
        """The run is ending: look more often, and try now what would wait for long."""
        if not self._hurried:
            self._hurried = True
            self._poll_s = min(self._poll_s, HURRY_S)
            self.wake()

    def wake(self) -> None:
        """There may be something new to send: look now."""
        self._wake.set()

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        if self._failure is not None:
            raise self._failure

    def flush(self) -> bool:
        """Have the governor tell now what it kept back; False if there is nothing. True also while it is busy."""
        if not self._looked or not self._round.acquire(blocking=False):
            return True
        try:
            told = self.sink.flush()
        except StoreError as error:
            self._looked = False
            self._say(str(error))
            return True
        finally:
            self._round.release()
        if told:
            self.wake()
        return told

    def stop(self) -> None:
        """Tell the thread to end; ``join`` waits for it."""
        self._stop.set()
        self._wake.set()

    def join(self, within_s: float = CLOSE_S) -> None:
        """Wait until the sink is closed, within reason."""
        if self._thread.ident is not None:
            self._thread.join(within_s)

    # ---- in the thread

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    busy = self._serve()
                except StoreError as error:  # the process's own loop reads the store, too, and says if that is the end
                    self._looked = False
                    self._say(str(error))
                    self._stop.wait(AGAIN_S)
                    continue
                if not busy:
                    self._tend()
                    self._pause()
        except BaseException as error:  # the process's own loop raises it again
            self._failure = error
        finally:
            self.sink.close()

    def _serve(self) -> bool:
        """Send a few messages; False when there was nothing to do. Raises ``StoreError``."""
        self._mind_the_clock()
        if self._hurried and not self._hastened:
            self.sink.hurry(self._store, longest_s=HURRIED_RETRY_S)
            self._hastened = True
        with self._round:
            busy = self.sink.deliver(self._store, limit=BATCH, go_on=lambda: not self._stop.is_set(), note=self._note)
        self._looked = True
        return busy

    def _mind_the_clock(self) -> None:
        """What waits for another attempt waits until a time of the wall clock. When that is set, and at the beginning,
        since nobody knows what it was before, it is tried at once. Raises ``StoreError``."""
        ahead_ns = self._clock.wall_ns() - self._clock.monotonic_ns()
        if self._wall_ahead_ns is None:
            self._store.hasten(self.sink.name)
        elif abs(ahead_ns - self._wall_ahead_ns) > SET_S * SECOND:
            step_s = (ahead_ns - self._wall_ahead_ns) / SECOND
            logger.info("sink %s: the clock was set by %+.0f s: what waits is tried now", self.sink.name, step_s)
            self._store.letters.try_anew(self.sink.name)
        self._wall_ahead_ns = ahead_ns

    def _note(self, write: Callable[[], None]) -> None:
        """Write down what became of a message, however long that takes: a process that ended for it would send the
        message again each time that it is started. Raises ``StoreError`` when the thread is to end."""
        while True:
            try:
                write()
            except StoreError as error:
                if self._stop.is_set():
                    raise
                self._say(str(error))
                self._stop.wait(AGAIN_S)
            else:
                return self._say("")

    def _say(self, trouble: str) -> None:
        """Log when the event store cannot be written, and when it can again."""
        if trouble and not self._trouble:
            logger.warning(
                "sink %s: %s; nothing is sent before what became of it can be noted", self.sink.name, trouble
            )
        elif self._trouble and not trouble:
            logger.info("sink %s: the event store takes notes again", self.sink.name)
        self._trouble = trouble

    def _pause(self) -> None:
        """Until there is something new, or what waits for another try may be due."""
        watchful = self._hurried or self.sink.is_troubled
        self._wake.wait(self._poll_s if watchful else max(self._poll_s, IDLE_S))
        self._wake.clear()

    def _tend(self) -> None:
        """Have the sink connect before there is anything to send, and again when the connection was lost."""
        if self._clock.monotonic_ns() < self._tend_at_ns:
            return
        self._tend_wait_s = TEND_S if self.sink.open() else min(2 * self._tend_wait_s, LONGEST_TEND_S)
        self._tend_at_ns = self._clock.monotonic_ns() + round(self._tend_wait_s * SECOND)


def end_all(couriers: Sequence[Courier]) -> None:
    """End the threads; each closes its sink. However many of them hang, it takes no longer than with one."""
    for courier in couriers:
        courier.stop()
    end = time.monotonic() + CLOSE_S
    for courier in couriers:
        courier.join(max(0.0, end - time.monotonic()))

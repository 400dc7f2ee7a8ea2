"""A courier: the thread that serves one sink, so that a receiver that hangs makes nobody wait but itself."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.clock import SECOND, Clock

if TYPE_CHECKING:
    from pipeline.build import BuiltSink
    from pipeline.store.event_store import EventStore

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
        self._hurried = False
        self._looked = False
        """At the outbox, once: what its governor goes by is known."""
        self._failure: BaseException | None = None
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
        hastened = False
        try:
            while not self._stop.is_set():
                if self._hurried and not hastened:
                    hastened = True
                    self.sink.hurry(self._store, longest_s=HURRIED_RETRY_S)
                with self._round:
                    busy = self.sink.deliver(self._store, limit=BATCH, go_on=lambda: not self._stop.is_set())
                self._looked = True
                if not busy:
                    self._tend()
                    self._pause()
        except BaseException as error:  # the process's own loop raises it again
            self._failure = error
        finally:
            self.sink.close()

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

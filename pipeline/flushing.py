"""Delivering what a folder of results still holds, with nothing of the pipeline but its sinks."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND, Clock
from pipeline.courier import Courier, end_all
from pipeline.errors import UsageError
from pipeline.file_lock import locked_folder
from pipeline.store.event_store import EventStore

if TYPE_CHECKING:
    from pipeline.build import BuiltSink

LOOK_S = 0.05
PATIENCE_S = 30.0
"""With receivers that take nothing, where nobody says how long they are waited for."""


@contextmanager
def unused(folder: Path) -> Iterator[None]:
    """Keep runs and other flushes away from a folder of results meanwhile. Raises ``UsageError`` if one has it."""
    with locked_folder(folder) as is_ours:
        if not is_ours:
            raise UsageError(f"{folder}: a run is using it, and delivers by itself what is left; wait for its end")
        yield


def flush(
    store: EventStore,
    sinks: "Sequence[BuiltSink]",
    clock: Clock,
    *,
    limit_s: float | None,
    is_over: Callable[[], bool] = lambda: False,
) -> bool:
    """Deliver what waits for these sinks; True when nothing does any more, False when ``limit_s`` is over or
    ``is_over`` says so; without a limit also when none of it got anywhere for ``PATIENCE_S``. The governor, where there
    is one, decides as in a run, and tells at the end what it kept back."""
    couriers = [Courier(sink, store, clock, poll_s=LOOK_S) for sink in sinks]
    names = [sink.name for sink in sinks]
    for courier in couriers:
        courier.hurry()
        courier.start()
    try:
        least, since_ns = _waiting(store, names), clock.monotonic_ns()
        while True:
            for courier in couriers:
                courier.check()
            waiting = _waiting(store, names)
            if not waiting and not sum(courier.flush() for courier in couriers):
                return True
            now = clock.monotonic_ns()
            if waiting < least and limit_s is None:
                least, since_ns = waiting, now
            if is_over() or now - since_ns > (limit_s or PATIENCE_S) * SECOND:
                return False
            time.sleep(LOOK_S)
    finally:
        end_all(couriers)


def _waiting(store: EventStore, names: Sequence[str]) -> int:
    return sum(store.outbox_waiting(names).values()) + sum(store.digests.waiting(names).values())

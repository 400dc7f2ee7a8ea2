"""Delivery policy: what is sent when, when it is tried again, and when it is given up. Pure but for what is handed in.

The order of each camera is kept for each sink: a message that is not acknowledged holds back the later ones of its
camera and sink, and no others. A dead letter holds back nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from pipeline.clock import SECOND, Clock
from pipeline.errors import DamagedEvent, DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.redaction import redact
from stages.deliver.options import RetryOptions

if TYPE_CHECKING:
    from pipeline.stage import Sink

logger = logging.getLogger(__name__)

Random = Callable[[], float]
"""Gives a number from 0 to 1, such as ``random.random``."""
Note = Callable[[Callable[[], None]], None]
"""Writes down what became of a message: calls what it is given, again where that failed and may work later."""


def at_once(write: Callable[[], None]) -> None:
    """Write it down now, or fail."""
    write()


LIVE_GIVE_UP_S = 3 * 86400.0
"""A receiver may be gone over a week-end's nights and nothing is lost."""
_SHORTEST_NS = SECOND // 20
_LONGEST_ASKED_S = 3600.0


class Waiting(Protocol):
    """A message on its way, as the event store gives it."""

    @property
    def camera(self) -> str:
        """Whose order it keeps."""
        ...

    @property
    def message_id(self) -> str:
        """The idempotency key."""
        ...

    @property
    def attempts(self) -> int:
        """Failed attempts so far."""
        ...

    @property
    def first_attempt_ns(self) -> int | None:
        """UTC of the first failed one."""
        ...

    @property
    def event(self) -> Event:
        """What is to be sent."""
        ...


Row = TypeVar("Row", bound=Waiting)


class Outbox(Protocol[Row]):
    """The delivery side of the event store."""

    def pending(self, sink: str, now_ns: int, limit: int) -> Sequence[Row]:
        """What may be sent now, oldest first."""
        ...

    def delivered(self, row: Row) -> None:
        """It was acknowledged."""
        ...

    def failed(self, row: Row, error: str, next_attempt_ns: int) -> None:
        """It was not; try again then."""
        ...

    def dead(self, row: Row, error: str) -> None:
        """It is given up."""
        ...


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not before ``at_ns`` (UTC)."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The message becomes a dead letter."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What one round of deliveries came to."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    error: str = ""
    """The last one, where something failed."""
    held: frozenset[str] = frozenset()
    """Cameras whose messages wait for another try of one that failed."""
    freed: frozenset[str] = frozenset()
    """Cameras of which a message was acknowledged or given up, and none failed after it."""


def give_up_after_s(retry: RetryOptions, *, live: bool) -> float | None:
    """How long a message is tried, None for ever: as the user says, else three days when live and without end for
    recordings."""
    if retry.give_up_after_s is None:
        return LIVE_GIVE_UP_S if live else None
    return None if retry.give_up_after_s == "never" else retry.give_up_after_s


def backoff_ns(attempts: int, retry: RetryOptions, random: Random) -> int:
    """The wait after so many failed attempts: between almost none and a bound that grows exponentially.

    "Full jitter" (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): receivers that come
    back are not met by everybody at once.
    """
    growth = retry.factor ** min(attempts - 1, 64)
    bound_s = min(retry.first_s * growth, retry.longest_s)
    return max(int(random() * bound_s * SECOND), _SHORTEST_NS)


def after_failure(
    row: Waiting, error: DeliveryError, now_ns: int, *, retry: RetryOptions, live: bool, random: Random
) -> TryAgain | GiveUp:
    """What to do about a message that was just not acknowledged. A wait that the receiver asks for is honoured, up to
    an hour."""
    if isinstance(error, DeliveryRefused):
        return GiveUp(str(error))
    patience_s = give_up_after_s(retry, live=live)
    first_ns = now_ns if row.first_attempt_ns is None else row.first_attempt_ns
    if patience_s is not None and now_ns - first_ns >= patience_s * SECOND:
        return GiveUp(f"given up after {row.attempts + 1} attempts in {(now_ns - first_ns) / SECOND:.0f} s: {error}")
    asked_ns = int(min(error.retry_after_s or 0.0, _LONGEST_ASKED_S) * SECOND)
    return TryAgain(now_ns + max(backoff_ns(row.attempts + 1, retry, random), asked_ns))


def deliver_due(
    outbox: Outbox[Row],
    name: str,
    sink: "Sink",
    *,
    retry: RetryOptions,
    live: bool,
    clock: Clock,
    random: Random,
    limit: int = 20,
    go_on: Callable[[], bool] = lambda: True,
    note: Note = at_once,
) -> Tally:
    """Send what is due to the sink of that name, at most ``limit`` messages and no further one once ``go_on`` says no;
    each result is written down by ``note`` before anything else is sent.

    A process that dies between the acknowledgement and the note sends that message again, with the same key.
    """
    delivered = failed = dead = 0
    said = ""
    held: set[str] = set()
    freed: set[str] = set()
    for row in outbox.pending(name, clock.wall_ns(), limit):
        if row.camera in held:
            continue
        if not go_on():
            break
        try:
            _send(sink, row, name)
        except DeliveryError as error:
            said = str(error)
            match after_failure(row, error, clock.wall_ns(), retry=retry, live=live, random=random):
                case TryAgain(at_ns):
                    note(partial(outbox.failed, row, said, at_ns))
                    held.add(row.camera)
                    failed += 1
                case GiveUp(reason):
                    logger.warning("sink %s: message %s is a dead letter: %s", name, row.message_id, reason)
                    note(partial(outbox.dead, row, reason))
                    freed.add(row.camera)
                    dead += 1
        else:
            note(partial(outbox.delivered, row))
            freed.add(row.camera)
            delivered += 1
    return Tally(delivered, failed, dead, said, frozenset(held), frozenset(freed - held))


def _send(sink: "Sink", row: Waiting, name: str) -> None:
    """Send one message; a fault of the sink's own code is a failure like others, so that no alert is lost by it."""
    try:
        sink.send(row.event, key=row.message_id)
    except DamagedEvent as error:
        raise DeliveryRefused(str(error)) from error
    except DeliveryError:
        raise
    except Exception as error:
        if not row.attempts:
            logger.exception("sink %s failed by a fault of its own", name)
        raise DeliveryError(redact(f"{type(error).__name__}: {error}".partition("\n")[0])) from error

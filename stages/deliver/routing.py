"""Which sinks a message is for, decided when it is committed.

An event comes to a sink with its first start or update that fits all of the sink's filters. From then on all its
messages follow, whatever they say: an end that comes after the schedule, or a severity that falls, leaves no event
open at the receiver. ``types`` chooses what of this is sent, not what counts.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

from pipeline.messages import Event

logger = logging.getLogger(__name__)

History = Callable[[str], Iterable[Event]]
"""The messages of an event that are committed already, in order."""
Told = Callable[[str], Collection[str]]
"""Names of the sinks that were sent a message of an event, whatever came of it."""
_MOST_OPEN = 4096
"""Events remembered; what is older is looked up."""


class Routed(Protocol):
    """A sink, as far as routing goes."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def options(self) -> Any:
        """Has ``wants`` and ``takes`` (``SinkOptions``), or ``accepts``, or nothing: then it is sent everything."""
        ...


class Router:
    """Remembers which sinks know of an event; what it does not remember, it works out again from the event's history,
    so it gives the same after a restart. If filters were changed meanwhile, or sinks, what was sent counts: an event
    that a sink knows of is told to its end, and one that it was told nothing of does not come with its end alone."""

    def __init__(
        self, sinks: Sequence[Routed], history: History = lambda _event_id: (), told: Told | None = None
    ) -> None:
        """``told`` None: the sinks are what they always were."""
        self._sinks = sinks
        self._history = history
        self._told_of = told
        self._known: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._told: set[tuple[str, str]] = set()

    def __call__(self, event: Event) -> list[str]:
        """Names of the sinks that this message is sent to."""
        known = self._joined(event, self._before(event))
        self._remember(event, known)
        return [sink.name for sink in self._sinks if sink.name in known and _takes(sink.options, event)]

    def _before(self, event: Event) -> frozenset[str]:
        """The sinks that know of the event before this message."""
        if event.type == "start" or not self._sinks:
            return frozenset()
        known = self._known.get(event.id)
        return self._recalled(event) if known is None else known

    def _recalled(self, event: Event) -> frozenset[str]:
        known, due = frozenset[str](), set[str]()
        for earlier in self._history(event.id):
            if earlier.ordinal < event.ordinal:
                known = self._joined(earlier, known)
                due.update(sink.name for sink in self._sinks if sink.name in known and _takes(sink.options, earlier))
        if self._told_of is None:
            return known
        told = {sink.name for sink in self._sinks} & set(self._told_of(event.id))
        return known - (due - told) | told

    def _joined(self, event: Event, known: frozenset[str]) -> frozenset[str]:
        """The sinks that know of it with this message. An end alone brings it to nobody."""
        return known | {sink.name for sink in self._sinks if sink.name not in known and self._opens(sink, event)}

    def _opens(self, sink: Routed, event: Event) -> bool:
        wants = getattr(sink.options, "wants", None)
        if wants is None:
            return True  # whether each of its messages is sent, its `accepts` says
        schedule = getattr(sink.options, "schedule", None)
        if schedule is not None and event.wall_time is None:
            self._say_not_checkable(sink.name, event.camera)
        return event.type != "end" and bool(wants(event))

    def _say_not_checkable(self, sink: str, camera: str) -> None:
        if (sink, camera) not in self._told:
            self._told.add((sink, camera))
            logger.warning(
                "sink %s has a schedule, but camera %s has no wall time (not checkable): its events are sent at every "
                "hour; give the camera a start_time",
                sink,
                camera,
            )

    def _remember(self, event: Event, known: frozenset[str]) -> None:
        if event.type == "end":
            self._known.pop(event.id, None)
            return
        self._known[event.id] = known
        self._known.move_to_end(event.id)
        if len(self._known) > _MOST_OPEN:
            self._known.popitem(last=False)


def _takes(options: Any, event: Event) -> bool:
    """Whether the sink is sent messages of this kind, of events that it knows of."""
    takes = getattr(options, "takes", None) or getattr(options, "accepts", None)
    return takes is None or bool(takes(event))

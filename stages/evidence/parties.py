"""Those whom an event is about: its object, and whoever else its rule says it is about."""

from collections.abc import Iterable

from pipeline.messages import Event


def parties(messages: Iterable[Event]) -> frozenset[int]:
    """Track ids of those whom the messages of one event are about. Somebody whom the tracker lost and met anew has
    several."""
    found: set[int] = set()
    for event in messages:
        found.update(event.also_about, (best.track_id for best in event.best))
        if event.object is not None:
            found.add(event.object.track_id)
    return frozenset(found - {0})

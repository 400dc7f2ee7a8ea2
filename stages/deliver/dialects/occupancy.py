"""What is going on now: which events of each entity have begun and are not over. Two people in a zone, of whom one
leaves, keep it occupied."""

from collections.abc import Iterable

from pipeline.messages import Event
from stages.deliver.dialects.home_assistant import entity

Place = tuple[str, str]
"""A camera and one of its entities."""


class Occupancy:
    """Follows the messages that are delivered; taking in one twice changes nothing."""

    def __init__(self, going_on: Iterable[tuple[str, str, str, str]] = ()) -> None:
        """``going_on``: id, camera, rule and name of each event that was told of and is not over."""
        self._open: dict[Place, set[str]] = {}
        for event_id, camera, rule, name in going_on:
            self._at((camera, entity(rule, name))).add(event_id)

    def take_in(self, event: Event) -> Place:
        """Note what a message says, and say of what."""
        place = event.camera, entity(event.rule, event.name)
        if event.type == "end":
            self._at(place).discard(event.id)
        else:
            self._at(place).add(event.id)
        return place

    def is_on(self, place: Place) -> bool:
        """Whether anything goes on there."""
        return bool(self._open.get(place))

    def _at(self, place: Place) -> set[str]:
        return self._open.setdefault(place, set())

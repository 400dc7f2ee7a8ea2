"""What a sink may ask about events that it was told of before, also by a process that is gone."""

from collections.abc import Iterable
from typing import Protocol

from pipeline.messages import Event


class Past(Protocol):
    """The event store, as far as one sink is concerned."""

    def messages(self, event_id: str) -> list[Event]:
        """The messages of an event, from its start on, whether they were sent to this sink or not."""
        ...

    def going_on(self) -> Iterable[tuple[str, str, str, str]]:
        """Id, camera, rule and name of each event that this sink was told of and that is not over."""
        ...


class LooksBack:
    """A sink that is told, before all else, where to ask."""

    _past: Past | None = None

    def look_back(self, past: Past) -> None:
        """Ask here."""
        self._past = past


def before(past: Past | None, event: Event) -> list[Event]:
    """The earlier messages of the same event, from its start on; none where they are gone."""
    if past is None or event.type == "start":
        return []
    return [message for message in past.messages(event.id) if message.ordinal < event.ordinal]

"""What a dialect is: the words in which others say what an event says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.messages import Event

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A pure function from an event to one JSON message."""

    message: Callable[[Event, Sequence[Event]], Any]
    """The message for an event, given the earlier messages of the same event, from its start on."""
    topic: str
    """Where it goes on MQTT unless the user says otherwise, with places that the event fills in."""
    content_type: str = JSON
    needs_object: bool = False
    """It can only speak of objects: events about the whole scene are not said in it."""
    looks_back: bool = False
    """It needs the earlier messages."""

    def tells(self, event: Event) -> bool:
        """Whether it has words for this event."""
        return event.object is not None or not self.needs_object

    def body(self, event: Event, earlier: Sequence[Event] = ()) -> bytes:
        """One message. Equal events give equal bytes."""
        return msgspec.json.encode(self.message(event, earlier))

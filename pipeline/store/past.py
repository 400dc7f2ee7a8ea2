"""What the store knows of the events that one sink was told of."""

from collections.abc import Iterator

from pipeline.messages import Event
from pipeline.store.catalogue import Wanted
from pipeline.store.event_store import EventStore

_DELIVERED = "delivered"


class Past:
    """Answers one sink."""

    def __init__(self, store: EventStore, sink: str) -> None:
        self._store = store
        self._sink = sink

    def messages(self, event_id: str) -> list[Event]:
        """The messages of an event, from its start on, whether they were sent to this sink or not."""
        return self._store.messages(event_id)

    def going_on(self) -> Iterator[tuple[str, str, str, str]]:
        """Id, camera, rule and name of each event that this sink was told of and that is not over."""
        for alarm in self._store.catalogue.all(Wanted(is_open=True)):
            deliveries = self._store.catalogue.deliveries(alarm.event_id)
            if any(one.sink == self._sink and one.state == _DELIVERED for one in deliveries):
                yield alarm.event_id, alarm.camera, alarm.rule, alarm.name

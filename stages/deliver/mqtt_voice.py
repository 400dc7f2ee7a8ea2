"""What an MQTT sink says: which messages, on which topics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.messages import Event
from stages.deliver.dialects.table import DIALECTS, said
from stages.deliver.mqtt_options import UNSAFE, MqttOptions
from stages.deliver.past import Past, before
from stages.deliver.topic import filled

Cameras = Mapping[str, Sequence[tuple[str, str]]]
"""Each camera with the kinds and names of the rules that watch it."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message to publish."""

    topic: str
    body: bytes
    content_type: str
    retain: bool = False
    is_extra: bool = False
    """What is told of an event is whole without it."""


class Voice(Protocol):
    """Turns events into messages."""

    past: Past | None
    out: Path | None
    cameras: Cameras

    def greeting(self) -> Iterable[Post]:
        """What is said whenever a connection was made, and to whom asks."""
        ...

    def posts(self, event: Event, key: str) -> Iterable[Post]:
        """What is said about an event. Raises ``DeliveryRefused``."""
        ...


class PlainVoice:
    """A message on one topic; Frigate's dialect has two."""

    def __init__(self, options: MqttOptions) -> None:
        self.past: Past | None = None
        self.out: Path | None = None
        self.cameras: Cameras = {}
        self._options = options

    def greeting(self) -> Iterable[Post]:
        """Nothing."""
        return ()

    def posts(self, event: Event, key: str) -> Iterable[Post]:
        """The event, in the words that the user chose."""
        options = self._options
        if options.dialect == "frigate":
            return self._frigate(event)
        topic = filled(options.topic, event, UNSAFE)
        return [Post(topic, options.payload(event, key, self.past), options.media_type, options.retain)]

    def _frigate(self, event: Event) -> list[Post]:
        """The object, where there is one, and the review."""
        earlier = before(self.past, event)
        has_object = any(message.object is not None for message in (*earlier, event))
        names = {"events": "frigate", "reviews": "frigate_reviews"} if has_object else {"reviews": "frigate_reviews"}
        return [
            Post(f"{self._options.topic}/{place}", said(name, event, earlier), DIALECTS[name].content_type)
            for place, name in names.items()
        ]

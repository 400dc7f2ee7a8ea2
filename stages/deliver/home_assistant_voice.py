"""What an MQTT sink says to Home Assistant. Devices and states are retained, events and pictures never."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import msgspec

from pipeline.messages import Event
from pipeline.version import version
from stages.deliver.dialects.dialect import JSON
from stages.deliver.dialects.home_assistant import PROBLEM, Device, announcement, devices
from stages.deliver.dialects.occupancy import Occupancy
from stages.deliver.mqtt_options import MqttOptions
from stages.deliver.mqtt_voice import Cameras, Post
from stages.deliver.past import Past
from stages.deliver.snapshot import snapshot

_TEXT, _JPEG = "text/plain", "image/jpeg"


class HomeAssistantVoice:
    """The cameras of the run as devices; what goes on there as their states."""

    def __init__(self, options: MqttOptions) -> None:
        self.past: Past | None = None
        self.out: Path | None = None
        self.cameras: Cameras = {}
        self._options = options

    def greeting(self) -> Iterator[Post]:
        """All devices, and how things stand."""
        for device in self._devices.values():
            configs = device.configs(available=self._options.availability_topic, version=version())
            for topic, config in configs.items():
                yield Post(f"{self._options.discovery_prefix}/{topic}", msgspec.json.encode(config), JSON, retain=True)
            for entity in (*device.rules, PROBLEM):
                yield self._state(device, entity)

    def posts(self, event: Event, key: str) -> Iterator[Post]:
        """The picture, how things stand now, and the event."""
        device = self._devices.get(event.camera) or Device(self._options.topic, event.camera)
        _, entity = self._occupancy.take_in(event)
        picture = snapshot(self.out, event, self._options.picture_wait_s) if self._options.attach else None
        if picture is not None:
            yield Post(device.snapshot_topic, picture.read_bytes(), _JPEG, is_extra=True)
        yield self._state(device, entity)
        yield Post(device.event_topic, msgspec.json.encode(announcement(event)), JSON)

    def _state(self, device: Device, entity: str) -> Post:
        word = b"ON" if self._occupancy.is_on((device.camera, entity)) else b"OFF"
        return Post(device.state_topic(entity), word, _TEXT, retain=True)

    @cached_property
    def _devices(self) -> dict[str, Device]:
        """The cameras and rules that this sink is for."""
        rules, cameras = self._options.rules, self._options.cameras
        wanted = {
            camera: [rule for rule in watching if not rules or set(rule) & set(rules)]
            for camera, watching in self.cameras.items()
            if not cameras or camera in cameras
        }
        return devices(wanted, root=self._options.topic, pictures=self._options.attach)

    @cached_property
    def _occupancy(self) -> Occupancy:
        return Occupancy(() if self.past is None else self.past.going_on())

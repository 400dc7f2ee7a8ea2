"""Dialect: Home Assistant, MQTT discovery of whole devices (https://www.home-assistant.io/integrations/mqtt/): each
camera is a device with an occupancy for each rule, a problem, an event, the reason of the last one, and a picture."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pipeline.messages import Event

PROBLEMS = ("camera_health", "normal_drift", "not_recorded")
"""Kinds of rules that are about the camera, not about what it sees."""
PROBLEM = ""
"""Stands for what is wrong with a camera among what its rules see, which have names."""
_TYPES = ("start", "update", "end")
_LONGEST_STATE = 255
_SAFE = re.compile(r"[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Device:
    """One camera in Home Assistant."""

    root: str
    """Of all its topics; tells sites apart that use one broker."""
    camera: str
    rules: tuple[str, ...] = ()
    """Names of the rules that watch it, but for those about the camera itself."""
    pictures: bool = True

    @property
    def name(self) -> str:
        """Of the device, unique at the broker."""
        return f"{_word(self.root)}__{_word(self.camera)}"

    def config(self, *, available: str | None, version: str) -> dict[str, Any]:
        """The discovery message. ``available``: topic where ``online`` and ``offline`` are retained."""
        parts = {f"rule_{_word(rule)}": self._occupancy(rule) for rule in self.rules}
        parts |= {"problem": self._problem(), "event": self._event(), "last_event": self._last_event()}
        if self.pictures:
            parts["snapshot"] = {"platform": "camera", "name": "Last event", "topic": self.snapshot_topic}
        for key, part in parts.items():
            part["unique_id"] = f"{self.name}_{key}"
        who = {"identifiers": [self.name], "name": self.camera, "manufacturer": "Bartizan", "model": "Camera"}
        return {
            "device": {**who, "sw_version": version},
            "origin": {"name": "Bartizan", "sw_version": version},
            "components": parts,
            "qos": 1,
            **({} if available is None else {"availability": [{"topic": available}]}),
        }

    def state_topic(self, entity: str) -> str:
        """Where ``ON`` or ``OFF`` is retained for a rule, by its name, or for ``PROBLEM``."""
        where = "problem" if entity == PROBLEM else f"rules/{_word(entity)}"
        return f"{self._topic}/{where}"

    @property
    def event_topic(self) -> str:
        """Where each message goes once; never retained."""
        return f"{self._topic}/event"

    @property
    def snapshot_topic(self) -> str:
        """Where the JPEG of an event goes."""
        return f"{self._topic}/snapshot"

    @property
    def _topic(self) -> str:
        return f"{self.root}/{_word(self.camera)}"

    def _occupancy(self, rule: str) -> dict[str, Any]:
        known = {"platform": "binary_sensor", "name": rule, "device_class": "occupancy"}
        return {**known, "state_topic": self.state_topic(rule)}

    def _problem(self) -> dict[str, Any]:
        known = {"platform": "binary_sensor", "name": "Problem", "device_class": "problem"}
        return {**known, "entity_category": "diagnostic", "state_topic": self.state_topic(PROBLEM)}

    def _event(self) -> dict[str, Any]:
        return {"platform": "event", "name": "Event", "event_types": list(_TYPES), "state_topic": self.event_topic}

    def _last_event(self) -> dict[str, Any]:
        return {
            "platform": "sensor",
            "name": "Last event",
            "state_topic": self.event_topic,
            "value_template": f"{{{{ value_json.reason[:{_LONGEST_STATE}] }}}}",
            "json_attributes_topic": self.event_topic,
        }


def entity(rule: str, name: str) -> str:
    """What an event of this rule (its kind, its name) occupies."""
    return PROBLEM if rule in PROBLEMS else name


def devices(cameras: Mapping[str, Sequence[tuple[str, str]]], *, root: str, pictures: bool = True) -> dict[str, Device]:
    """By camera, from the kinds and names of the rules that watch it."""
    found = {}
    for camera, rules in cameras.items():
        names = dict.fromkeys(name for kind, name in rules if kind not in PROBLEMS)
        found[camera] = Device(root, camera, tuple(names), pictures)
    return found


def announcement(event: Event) -> dict[str, Any]:
    """What goes to a camera's event topic."""
    thing = event.object
    return {
        "event_type": event.type,
        "id": event.id,
        "message_id": event.message_id,
        "rule": event.rule,
        "name": event.name,
        "severity": event.severity,
        "class": None if thing is None else thing.class_name,
        "track_id": None if thing is None else thing.track_id,
        "confidence": None if thing is None else thing.confidence,
        "attributes": {} if thing is None else thing.attributes,
        "media_time": event.media_time,
        "wall_time": event.wall_time,
        "ended": event.ended,
        "reason": event.reason,
    }


def _word(text: str) -> str:
    """As Home Assistant takes it in topics and ids, without ``__``; two names never become one."""
    if _SAFE.fullmatch(text):
        return text
    return f"{_UNSAFE.sub('_', text)}_{sha256(text.encode()).hexdigest()[:6]}".lstrip("_")

"""Dialect: Home Assistant, MQTT discovery (https://www.home-assistant.io/integrations/mqtt/): each camera is a device
with an occupancy for each rule, a problem, an event, the reason of the last one, and a picture. Each of these entities
is announced by a message of its own, which every version understands, and not by one for the whole device."""

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


Entity = tuple[str, dict[str, Any]]
"""Its platform, and what is said of it."""


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

    def configs(self, *, available: str | None, version: str) -> dict[str, dict[str, Any]]:
        """The discovery messages, by their topics without the prefix. ``available``: topic where ``online`` and
        ``offline`` are retained."""
        parts = {f"rule_{_word(rule)}": self._occupancy(rule) for rule in self.rules}
        parts |= {"problem": self._problem(), "event": self._event(), "last_event": self._last_event()}
        if self.pictures:
            parts["snapshot"] = ("camera", {"name": "Last event", "topic": self.snapshot_topic})
        who = {"identifiers": [self.name], "name": self.camera, "manufacturer": "Bartizan", "model": "Camera"}
        shared = {
            "device": {**who, "sw_version": version},
            "origin": {"name": "Bartizan", "sw_version": version},
            **({} if available is None else {"availability": [{"topic": available}]}),
        }
        return {
            f"{platform}/{self.name}/{key}/config": {**part, "unique_id": f"{self.name}_{key}", **shared}
            for key, (platform, part) in parts.items()
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

    def _occupancy(self, rule: str) -> Entity:
        known = {"name": rule, "device_class": "occupancy", "state_topic": self.state_topic(rule), "qos": 1}
        return "binary_sensor", known

    def _problem(self) -> Entity:
        known = {"name": "Problem", "device_class": "problem", "entity_category": "diagnostic"}
        return "binary_sensor", {**known, "state_topic": self.state_topic(PROBLEM), "qos": 1}

    def _event(self) -> Entity:
        known = {"name": "Event", "event_types": list(_TYPES), "state_topic": self.event_topic, "qos": 1}
        return "event", known

    def _last_event(self) -> Entity:
        known = {
            "name": "Last event",
            "state_topic": self.event_topic,
            "value_template": f"{{{{ value_json.reason[:{_LONGEST_STATE}] }}}}",
            "json_attributes_topic": self.event_topic,
            "qos": 1,
        }
        return "sensor", known


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

"""Home Assistant's discovery: models of its own payloads, which others wrote, read ours; and states follow events."""

import json
from typing import Any

import msgspec
from ha_mqtt_models_pydantic import MqttEntityCommon, parse_component_payload

from stages.deliver.dialects.home_assistant import PROBLEM, Device, announcement, devices, entity
from stages.deliver.dialects.occupancy import Occupancy
from tests.stages.deliver.dialects.telling import END, START, UPDATE, scene

RULES = [("in_field", "yard"), ("line_crossed", "the gate / east"), ("camera_health", "camera_health")]


def gate(**changes: Any) -> Device:
    return devices({"gate": RULES}, root="bartizan", **changes)["gate"]


def config(device: Device, available: str | None = "bartizan/availability") -> dict[str, dict[str, Any]]:
    sent = msgspec.json.encode(device.configs(available=available, version="0.1.0"))
    read: dict[str, dict[str, Any]] = json.loads(sent)
    return read


def test_models_of_home_assistants_payloads_read_each_entity_of_the_device() -> None:
    found = {}
    for topic, told in config(gate()).items():
        platform, node, key, last = topic.split("/")
        assert (node, last) == (gate().name, "config")
        entity_ = parse_component_payload(platform, told)
        assert isinstance(entity_, MqttEntityCommon)
        assert set(told) <= set(type(entity_).model_fields), topic
        assert entity_.device is not None
        assert entity_.device.identifiers == [gate().name]
        assert entity_.origin is not None
        assert entity_.origin.name == "Bartizan"
        assert entity_.availability is not None
        assert [where.topic for where in entity_.availability] == ["bartizan/availability"]
        found[key] = (platform, getattr(entity_, "device_class", None), getattr(entity_, "name", None))
    (east,) = (key for key in found if key.startswith("rule_the_gate"))
    assert found == {
        "rule_yard": ("binary_sensor", "occupancy", "yard"),
        east: ("binary_sensor", "occupancy", "the gate / east"),
        "problem": ("binary_sensor", "problem", "Problem"),
        "event": ("event", None, "Event"),
        "last_event": ("sensor", None, "Last event"),
        "snapshot": ("camera", None, "Last event"),
    }


def test_every_entity_has_an_id_of_its_own_also_beside_other_cameras_and_sites() -> None:
    here = devices({"gate": RULES, "gate ": RULES, "gate_": RULES}, root="bartizan").values()
    there = devices({"gate": RULES}, root="bartizan-2").values()
    ids = [part["unique_id"] for one in (*here, *there) for part in config(one).values()]
    assert len(ids) == len(set(ids)) == 4 * 6
    topics = [one.state_topic(rule) for one in (*here, *there) for rule in (*one.rules, PROBLEM)]
    assert len(topics) == len(set(topics))
    assert not [topic for topic in topics if set(topic) & set("+# ")]


def test_without_pictures_there_is_no_camera_entity_and_without_availability_none_is_claimed() -> None:
    told = config(gate(pictures=False), available=None)
    assert not [topic for topic in told if topic.startswith("camera/")]
    assert not [topic for topic in told if "availability" in told[topic]]


def test_a_rule_that_is_called_problem_is_not_the_problem() -> None:
    device = devices({"gate": [("in_field", "problem")]}, root="bartizan")["gate"]
    assert device.state_topic("problem") != Device("bartizan", "gate").state_topic(PROBLEM)


def test_what_is_announced_reads_back_to_the_same_facts() -> None:
    for event in (START, UPDATE, END, scene()):
        told = json.loads(msgspec.json.encode(announcement(event)))
        assert told["event_type"] == event.type
        for field in ("id", "message_id", "rule", "name", "severity", "media_time", "wall_time", "ended", "reason"):
            assert told[field] == getattr(event, field)
        assert told["class"] == (event.object.class_name if event.object else None)


def test_a_zone_stays_occupied_until_the_last_one_has_left() -> None:
    occupancy, other = Occupancy(), {"id": "other"}
    place = occupancy.take_in(START)
    occupancy.take_in(msgspec.structs.replace(START, **other))
    occupancy.take_in(UPDATE)
    occupancy.take_in(END)
    assert occupancy.is_on(place)
    occupancy.take_in(END)
    assert occupancy.is_on(place)
    occupancy.take_in(msgspec.structs.replace(END, **other))
    assert not occupancy.is_on(place)


def test_what_a_process_that_is_gone_told_of_is_still_going_on() -> None:
    occupancy = Occupancy([(START.id, "gate", "in_field", "yard"), ("c", "gate", "camera_health", "camera_health")])
    assert occupancy.is_on(("gate", "yard"))
    assert occupancy.is_on(("gate", PROBLEM))
    assert occupancy.take_in(END) == ("gate", entity("in_field", "yard"))
    assert not occupancy.is_on(("gate", "yard"))

"""Dialects of several topics on a real broker: Home Assistant finds its devices, Frigate's consumers their topics."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ha_mqtt_models_pydantic import MqttEntityCommon, parse_component_payload
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from stages.deliver.mqtt import MqttSink
from stages.deliver.mqtt_options import MqttOptions
from tests.e2e.running import until
from tests.servers.mosquitto import PASSWORD, USER, mosquitto
from tests.servers.process import ServerProcess
from tests.stages.deliver.dialects.telling import END, START, STORY, UPDATE, scene

CAMERAS = {"gate": [("in_field", "yard"), ("camera_health", "camera_health")], "lane": [("crowding", "crowd")]}
JPEG, BETTER = b"\xff\xd8\xff\xe0 a picture \xff\xd9", b"\xff\xd8\xff\xe0 the best one \xff\xd9"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ServerProcess]:
    with mosquitto(tmp_path) as server:
        yield server


class Listener:
    """Home Assistant, as far as a broker sees it: subscribes, is born, and keeps what it hears."""

    def __init__(self, server: ServerProcess) -> None:
        self.got: list[Any] = []
        ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda client, data, message: self.got.append(message)
        self._client.connect("127.0.0.1", server.port)
        self._client.loop_start()
        assert ready.wait(10)

    def said(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.got if message.topic == topic]

    def last(self, topic: str) -> str:
        return self.said(topic)[-1].decode() if self.said(topic) else ""

    def born(self) -> None:
        self._client.publish("homeassistant/status", "online", qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listen(broker: ServerProcess) -> Iterator[Callable[[], Listener]]:
    made: list[Listener] = []

    def start() -> Listener:
        made.append(Listener(broker))
        return made[-1]

    yield start
    for one in made:
        one.close()


class Store:
    """The past of one sink."""

    def __init__(self, *told: Event, going_on: tuple[tuple[str, str, str, str], ...] = ()) -> None:
        self._told = told
        self._going_on = going_on

    def messages(self, event_id: str) -> list[Event]:
        return [event for event in self._told if event.id == event_id]

    def going_on(self) -> tuple[tuple[str, str, str, str], ...]:
        return self._going_on


@pytest.fixture
def speak(broker: ServerProcess) -> Iterator[Callable[..., MqttSink]]:
    made: list[MqttSink] = []

    def start(dialect: str, past: Store | None = None, **values: Any) -> MqttSink:
        known = {"host": "localhost", "port": broker.port, "username": USER, "password": PASSWORD, "timeout_s": 3}
        sink = MqttSink(MqttOptions.model_validate({**known, "dialect": dialect, "picture_wait_s": 0, **values}))
        sink.meet(CAMERAS)
        if past is not None:
            sink.look_back(past)
        made.append(sink)
        return sink

    yield start
    for one in made:
        one.close()


def wait_for(claim: Callable[[], bool], what: str) -> None:
    for _ in until(20, what):
        if claim():
            return


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_devices_appear_before_any_event_and_are_there_for_a_home_assistant_that_comes_later(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener], version: str
) -> None:
    sink = speak("home_assistant", version=version)
    sink.open()
    later = listen()
    wait_for(lambda: len({message.topic for message in later.got}) == 15, "everything that is retained")
    devices = set()
    for message in (each for each in later.got if each.topic.endswith("/config")):
        prefix, platform, node, _ = message.topic.split("/", 3)
        assert (prefix, node.partition("__")[0]) == ("homeassistant", "bartizan")
        found = parse_component_payload(platform, json.loads(message.payload))
        assert isinstance(found, MqttEntityCommon)
        assert found.device is not None
        devices.add(found.device.name)
    assert devices == {"gate", "lane"}
    states = ["bartizan/gate/rules/yard", "bartizan/gate/problem", "bartizan/lane/rules/crowd", "bartizan/lane/problem"]
    assert [later.last(topic) for topic in states] == ["OFF"] * 4
    assert later.last("bartizan/availability") == "online"
    assert all(message.retain for message in later.got)


def test_states_follow_an_event_and_the_event_itself_is_not_retained(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener], tmp_path: Path
) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / START.evidence["snapshot"]).write_bytes(JPEG)
    home, sink = listen(), speak("home_assistant")
    sink.look_in(tmp_path)
    sink.open()
    best = {"best": f"media/{STORY[-1].message_id}.jpg"}
    (tmp_path / best["best"]).write_bytes(BETTER)
    for event in (*STORY[:-1], msgspec.structs.replace(STORY[-1], evidence=best)):
        sink.send(event, key=event.message_id)
    sink.send(scene(), key="4")
    wait_for(lambda: len(home.said("bartizan/gate/event")) == 4, "the events")
    assert home.said("bartizan/gate/rules/yard") == [b"OFF", b"ON", b"ON", b"OFF"]
    assert home.said("bartizan/gate/problem") == [b"OFF", b"ON"]
    assert home.said("bartizan/gate/snapshot") == [JPEG, BETTER]
    events = [json.loads(body) for body in home.said("bartizan/gate/event")]
    assert [event["event_type"] for event in events] == ["start", "update", "end", "start"]
    sink.open()
    later = listen()
    wait_for(lambda: later.last("bartizan/gate/problem") == "ON", "what goes on")
    assert later.said("bartizan/gate/event") == later.said("bartizan/gate/snapshot") == []
    assert all(message.retain for message in later.got)


def test_a_home_assistant_that_is_born_is_told_again(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener]
) -> None:
    home, sink = listen(), speak("home_assistant")
    sink.open()
    topic = next(message.topic for message in home.got if message.topic.endswith("/config")) if home.got else ""
    wait_for(lambda: len([one for one in home.got if one.topic.endswith("/config")]) == 10, "the devices")
    topic = topic or next(message.topic for message in home.got if message.topic.endswith("/config"))
    sink.send(START, key="1")
    home.born()
    for _ in until(20, "the devices again"):
        sink.open()
        if len(home.said(topic)) == 2:
            break
    wait_for(lambda: len(home.said("bartizan/gate/rules/yard")) == 3, "how things stand")
    assert home.said("bartizan/gate/rules/yard") == [b"OFF", b"ON", b"ON"]


def test_availability_follows_the_connection_that_breaks(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener]
) -> None:
    home, sink = listen(), speak("home_assistant")
    sink.open()
    wait_for(lambda: home.said("bartizan/availability") == [b"online"], "online")
    assert sink._link is not None
    sink._link.drop()
    wait_for(lambda: home.said("bartizan/availability") == [b"online", b"offline"], "the last will")
    sink.open()
    wait_for(lambda: home.last("bartizan/availability") == "online", "it is back")


def test_a_process_that_is_started_again_knows_what_goes_on(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener]
) -> None:
    home = listen()
    speak("home_assistant", Store(START, going_on=((START.id, "gate", "in_field", "yard"),))).open()
    wait_for(lambda: home.last("bartizan/gate/rules/yard") == "ON", "the state")
    assert home.last("bartizan/gate/problem") in ("", "OFF")


def test_filters_of_the_sink_also_choose_its_devices_and_entities(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener]
) -> None:
    home = listen()
    speak("home_assistant", rules=["yard"], cameras=["gate"], topic="north", attach=False).open()
    wait_for(lambda: home.last("north/availability") == "online" and len(home.got) >= 7, "the device")
    configs = [one.topic.split("/") for one in home.got if one.topic.endswith("/config")]
    assert {node for _, _, node, _, _ in configs} == {"north__gate"}
    assert {key for _, _, _, key, _ in configs} == {"rule_yard", "problem", "event", "last_event"}


def test_frigates_topics_have_before_and_after_of_what_the_store_knows(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener]
) -> None:
    home, sink = listen(), speak("frigate", Store(*STORY))
    sink.open()
    sink.send(START, key="1")
    sink.close()
    again = speak("frigate", Store(*STORY))
    again.send(UPDATE, key="2")
    again.send(END, key="3")
    wait_for(lambda: len(home.said("frigate/reviews")) == 3, "the reviews")
    events = [json.loads(body) for body in home.said("frigate/events")]
    assert [event["type"] for event in events] == ["new", "update", "end"]
    assert events[1]["before"] == events[0]["after"]
    assert events[2]["before"] == events[1]["after"]
    assert {event["after"]["id"] for event in events} == {events[0]["after"]["id"]}
    assert home.said("frigate/available") == [b"online", b"offline", b"online"]
    assert not any(one.retain for one in home.got if one.topic in ("frigate/events", "frigate/reviews"))


def test_a_covered_camera_is_told_on_frigates_reviews_alone(
    speak: Callable[..., MqttSink], listen: Callable[[], Listener]
) -> None:
    home, sink = listen(), speak("frigate", topic="nvr")
    options: Any = sink._options
    assert options.wants(scene())
    sink.send(scene(), key="1")
    sink.send(msgspec.structs.replace(START, ordinal=2), key="2")
    wait_for(lambda: len(home.said("nvr/reviews")) == 2, "the reviews")
    assert len(home.said("nvr/events")) == 1


def test_a_picture_that_the_broker_refuses_costs_no_alert_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / START.evidence["snapshot"]).write_bytes(bytes(100_000))
    with mosquitto(tmp_path, more="max_packet_size 20000") as small:
        known = {"host": "localhost", "port": small.port, "username": USER, "password": PASSWORD, "timeout_s": 3}
        sink = MqttSink(MqttOptions.model_validate({**known, "dialect": "home_assistant", "version": "5"}))
        sink.meet(CAMERAS)
        sink.look_in(tmp_path)
        home = Listener(small)
        try:
            sink.open()
            for ordinal in range(3):
                sink.send(msgspec.structs.replace(START, ordinal=ordinal), key=str(ordinal))
            wait_for(lambda: len(home.said("bartizan/gate/event")) == 3, "the events")
            assert home.last("bartizan/gate/rules/yard") == "ON"
            assert home.last("bartizan/availability") == "online"
            (tmp_path / START.evidence["snapshot"]).write_bytes(JPEG)
            sink.send(START, key="4")
            wait_for(lambda: home.said("bartizan/gate/snapshot") == [JPEG], "a picture that is small enough")
        finally:
            home.close()
            sink.close()
    (line,) = caplog.messages
    assert "its 100,000 bytes are more than it takes; alerts go on without pictures that it refuses" in line


def test_a_greeting_that_the_broker_refuses_makes_no_alert_a_dead_letter(tmp_path: Path) -> None:
    with mosquitto(tmp_path, more="max_packet_size 300") as tiny:
        known = {"host": "localhost", "port": tiny.port, "username": USER, "password": PASSWORD, "timeout_s": 3}
        sink = MqttSink(MqttOptions.model_validate({**known, "dialect": "home_assistant", "version": "5"}))
        sink.meet(CAMERAS)
        try:
            with pytest.raises(DeliveryError, match="are more than it takes") as caught:
                sink.send(START, key="1")
        finally:
            sink.close()
    assert not isinstance(caught.value, DeliveryRefused)


def test_nothing_of_a_trial_stays_at_the_broker(broker: ServerProcess) -> None:
    options = MqttOptions.model_validate(
        {"host": "localhost", "port": broker.port, "username": USER, "password": PASSWORD, "dialect": "home_assistant"}
    )
    before = Listener(broker)
    trial = MqttSink(options.for_trial())
    trial.send(START, key="1")
    for _ in until(20, "the event"):
        if before.said("bartizan/gate/event"):
            break
    trial.close()
    later = Listener(broker)
    later.born()
    for _ in until(20, "its own word, behind all that is retained"):
        if later.said("homeassistant/status"):
            break
    assert [message.topic for message in later.got] == ["homeassistant/status"]
    before.close()
    later.close()

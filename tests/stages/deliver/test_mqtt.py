"""MQTT on a real broker: what returned was acknowledged, whatever the broker goes through."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import ValidationError

from pipeline.clock import SystemClock
from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from stages.deliver.mqtt import MqttSink
from stages.deliver.mqtt_options import MqttOptions
from stages.deliver.options import RetryOptions
from stages.deliver.outbox import deliver_due
from tests.e2e.running import until
from tests.servers.mosquitto import PASSWORD, USER, mosquitto
from tests.servers.process import ServerProcess


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ServerProcess]:
    with mosquitto(tmp_path) as server:
        yield server


def options(server: ServerProcess, **values: Any) -> MqttOptions:
    known = {"host": "localhost", "port": server.port, "username": USER, "password": PASSWORD}
    return MqttOptions.model_validate({**known, "timeout_s": 3, "connect_timeout_s": 3, **values})


@contextmanager
def sink(server: ServerProcess, **values: Any) -> Iterator[MqttSink]:
    made = MqttSink(options(server, **values))
    try:
        yield made
    finally:
        made.close()
        made.close()


class Subscriber:
    """Notes what it gets, in order."""

    def __init__(self, server: ServerProcess, topic: str = "#") -> None:
        self.got: list[Any] = []
        self.subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.on_message = lambda client, data, message: self.got.append(message)
        self._client.connect("127.0.0.1", server.port)
        self._client.loop_start()
        assert self.subscribed.wait(10)

    def said(self, topic: str) -> list[str]:
        return [message.payload.decode() for message in self.got if message.topic == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def subscribe() -> Iterator[Callable[..., Subscriber]]:
    made: list[Subscriber] = []

    def start(server: ServerProcess, topic: str = "#") -> Subscriber:
        made.append(Subscriber(server, topic))
        return made[-1]

    yield start
    for one in made:
        one.close()


def wait_for(claim: Callable[[], bool], what: str) -> None:
    for _ in until(20, what):
        if claim():
            return


@pytest.mark.parametrize("version", ["3.1.1", 5])
def test_a_message_arrives_at_the_topic_that_its_event_fills_in(
    broker: ServerProcess, subscribe: Callable[..., Subscriber], version: Any
) -> None:
    subscriber = subscribe(broker, "site/#")
    expiry = {"expiry_s": 60} if version == 5 else {}
    with sink(broker, version=version, topic="site/{camera}/{name}/{severity}/{type}", **expiry) as mqtt:
        mqtt.send(sample_event(name="door #1/+"), key="sample-gate-1")
        wait_for(lambda: bool(subscriber.got), "the message")
    (message,) = subscriber.got
    assert message.topic == "site/gate/door _1__/high/start"
    assert (message.qos, message.retain) == (1, False)
    assert json.loads(message.payload)["id"] == "sample-gate-1"
    if version == 5:
        assert message.properties.ContentType == "application/cloudevents+json; charset=utf-8"
        assert ("idempotency-key", "sample-gate-1") in message.properties.UserProperty
        assert 0 < message.properties.MessageExpiryInterval <= 60


def test_a_retained_message_waits_for_who_subscribes_later(
    broker: ServerProcess, subscribe: Callable[..., Subscriber]
) -> None:
    with sink(broker, retain=True, dialect="raw", topic="last/{camera}") as mqtt:
        mqtt.send(sample_event(), key="1")
    subscriber = subscribe(broker, "last/#")
    wait_for(lambda: bool(subscriber.got), "the retained message")
    assert subscriber.got[0].retain


def test_availability_is_there_before_any_event_and_ends_with_a_clean_stop(
    broker: ServerProcess, subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe(broker)
    with sink(broker) as mqtt:
        mqtt.open()
        wait_for(lambda: subscriber.said("bartizan/availability") == ["online"], "online")
        later = subscribe(broker)
        wait_for(lambda: later.said("bartizan/availability") == ["online"], "the retained word")
    wait_for(lambda: subscriber.said("bartizan/availability") == ["online", "offline"], "offline")
    assert subscriber.got[-1].payload == b"offline"


def test_a_connection_that_breaks_leaves_the_last_will(
    broker: ServerProcess, subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe(broker)
    with sink(broker) as mqtt:
        mqtt.open()
        wait_for(lambda: subscriber.said("bartizan/availability") == ["online"], "online")
        link = mqtt._link
        assert link is not None
        link.drop()
        wait_for(lambda: subscriber.said("bartizan/availability") == ["online", "offline"], "the will")
        mqtt.open()
        wait_for(lambda: subscriber.said("bartizan/availability")[-1] == "online", "it is back")


def test_wrong_credentials_are_told_and_never_shown(broker: ServerProcess) -> None:
    for version in ("3.1.1", "5"):
        with (
            sink(broker, version=version, password="not-this-one") as mqtt,
            pytest.raises(DeliveryError, match=r"refuses the connection: Not authorized: check username") as caught,
        ):
            mqtt.send(sample_event(), key="1")
        assert "not-this-one" not in str(caught.value)


def test_with_mqtt_5_a_topic_that_is_not_ours_is_told_and_with_3_it_cannot_be(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text(f"user {USER}\ntopic write allowed/#\n")
    rights.chmod(0o600)
    with mosquitto(tmp_path, more=f"acl_file {rights}") as server:
        with sink(server, version=5, topic="secret/{camera}", availability_topic=None) as mqtt:
            for _ in range(2):
                with pytest.raises(DeliveryError, match="refuses the message: Not authorized"):
                    mqtt.send(sample_event(), key="1")
        with sink(server, version=5, topic="allowed/{camera}", availability_topic=None) as mqtt:
            mqtt.send(sample_event(), key="1")
        with sink(server, version="3.1.1", topic="secret/{camera}", availability_topic=None) as mqtt:
            mqtt.send(sample_event(), key="1")


def test_nobody_there_and_no_broker_there_are_told_apart(receiver: Any, tmp_path: Path) -> None:
    gone = mosquitto(tmp_path)
    with sink(gone) as mqtt, pytest.raises(DeliveryError, match=r"cannot be reached: nothing listens there"):
        mqtt.send(sample_event(), key="1")
    gone.port = receiver.port
    with sink(gone, timeout_s=0.5) as mqtt, pytest.raises(DeliveryError, match=r"is it an MQTT broker|Protocol|closed"):
        mqtt.send(sample_event(), key="1")
    with sink(gone, host="no-such-host.invalid") as mqtt, pytest.raises(DeliveryError, match="unknown host"):
        mqtt.open()


def test_tls_with_passwords_and_certificates_of_both_sides(tmp_path: Path, certificates: Any) -> None:
    with mosquitto(tmp_path, certificate=certificates.server_file, client_ca=certificates.ca_file) as server:
        with sink(server, tls=True, ca_file=certificates.ca_file, cert_file=certificates.client_file) as mqtt:
            mqtt.send(sample_event(), key="1")
        with sink(server) as mqtt, pytest.raises(DeliveryError, match=r"does it speak TLS there \(tls: true\)"):
            mqtt.send(sample_event(), key="1")
        for files, complaint in (
            ({"ca_file": certificates.ca_file}, r"before it accepted us: does it ask for a certificate of ours"),
            ({}, r"name it, or who signed it, in ca_file|name who did in ca_file"),
        ):
            with sink(server, tls=True, **files) as mqtt, pytest.raises(DeliveryError, match=complaint):
                mqtt.send(sample_event(), key="1")


def test_an_expired_certificate_is_told_in_one_line(tmp_path: Path, certificates: Any) -> None:
    with (
        mosquitto(tmp_path, certificate=certificates.expired_file) as server,
        sink(server, tls=True, ca_file=certificates.ca_file) as mqtt,
    ):
        with pytest.raises(DeliveryError) as caught:
            mqtt.send(sample_event(), key="1")
        why = "its certificate has expired: have it renewed"
        assert str(caught.value) == f"MQTT broker localhost:{server.port} cannot be reached: {why}"
    with (
        mosquitto(tmp_path, certificate=certificates.expired_file) as server,
        sink(server, tls=True, verify_tls=False) as mqtt,
    ):
        mqtt.send(sample_event(), key="1")


def test_a_frozen_broker_is_left_and_served_when_it_thaws(broker: ServerProcess) -> None:
    with sink(broker, timeout_s=1) as mqtt:
        mqtt.send(sample_event(), key="1")
        broker.freeze()
        try:
            with pytest.raises(DeliveryError, match="did not acknowledge within 1 s"):
                mqtt.send(sample_event(), key="2")
            with pytest.raises(DeliveryError, match="did not answer within 1 s"):
                mqtt.send(sample_event(), key="2")
        finally:
            broker.resume()
        mqtt.send(sample_event(), key="2")


def test_two_sinks_of_a_run_are_two_clients_and_one_started_again_is_the_same(
    broker: ServerProcess, tmp_path: Path
) -> None:
    one, other = options(broker, name="one"), options(broker, name="other")
    mine = one.client_id_for(tmp_path)
    assert mine == options(broker, name="one").client_id_for(tmp_path)
    assert len({mine, other.client_id_for(tmp_path), one.client_id_for(tmp_path / "other")}) == 3
    assert len(mine) == 23
    assert mine.isalnum()
    with sink(broker, name="one") as first, sink(broker, name="other") as second, sink(broker, name="one") as again:
        first.open()
        second.open()
        again.open()
        wait_for(lambda: first._link is not None and not first._link.is_usable, "the twin to be put out")
        assert second._link is not None
        assert second._link.is_usable


def test_nothing_is_lost_and_order_is_kept_though_the_broker_is_killed_and_frozen(
    tmp_path: Path, broker: ServerProcess, subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe(broker, "bartizan/events/#")
    clock, count, chance = SystemClock(), 120, random.Random(4)
    retry = RetryOptions(first_s=0.01, longest_s=0.05)
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
        for ordinal in range(1, count + 1):
            event = sample_event("gate" if ordinal % 2 else "yard", ordinal)
            store.commit(event.camera, [event], Position(b"", 0, 0), lambda _: ["mqtt"])
        with sink(broker, timeout_s=0.5, dialect="raw") as mqtt:
            disturbed = 0
            for _ in until(240, "the outbox to empty"):
                tally = deliver_due(
                    store, "mqtt", mqtt, retry=retry, live=False, clock=clock, random=chance.random, limit=5
                )
                left = store.outbox_waiting(["mqtt"])["mqtt"]
                if not left:
                    break
                if tally.delivered and left < count - 25 * (disturbed + 1):
                    disturbed += 1
                    disturb(broker, mqtt, subscriber, kill=bool(disturbed % 2))
        assert disturbed == 4
        assert store.outbox_counts()["mqtt"] == {"pending": 0, "delivered": count, "dead": 0}
    expected = {
        camera: [f"sample-{camera}-{n}" for n in range(1, count + 1) if (n % 2 == 1) == (camera == "gate")]
        for camera in ("gate", "yard")
    }
    wait_for(lambda: len({body["message_id"] for body in bodies(subscriber)}) == count, "every message")
    for camera, keys in expected.items():
        got = [body["message_id"] for body in bodies(subscriber) if body["camera"] == camera]
        assert list(dict.fromkeys(got)) == keys


def bodies(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in list(subscriber.got)]


def disturb(broker: ServerProcess, mqtt: MqttSink, subscriber: Subscriber, *, kill: bool) -> None:
    """Kill the broker while a message is on its way, or freeze it; afterwards it is there again, and heard."""
    blow = threading.Timer(0.002, broker.kill if kill else broker.freeze)
    blow.start()
    with suppress(DeliveryError):
        while True:
            mqtt.send(sample_event("gate", 1), key="sample-gate-1")  # again: a receiver knows it by its key
    blow.join()
    if kill:
        wait_for(lambda: not subscriber.subscribed.is_set(), "the subscriber to notice")
        broker.start()
        assert subscriber.subscribed.wait(10)
    else:
        broker.resume()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"topic": "a/{zone}"}, r"\{zone\} is no place that an event fills; allowed: \{camera\}"),
        ({"topic": "a/{camera"}, "a brace without its other one"),
        ({"topic": "a/#"}, "has no '\\+' or '#'"),
        ({"topic": "$SYS/a"}, "does not begin with"),
        ({"host": "mqtt://h"}, "must be a name or an address alone"),
        ({"expiry_s": 5}, "expiry_s needs version: 5"),
        ({"password": "x"}, "password needs a username"),
        ({"ca_file": "a.pem"}, "need tls: true"),
        ({"version": 4}, "Input should be '3.1.1' or '5'"),
    ],
)
def test_options_that_mean_nothing_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MqttOptions.model_validate({"host": "h", **values})


def test_a_run_after_a_power_cut_stays_available_when_the_broker_misses_the_one_before(
    broker: ServerProcess, subscribe: Callable[..., Subscriber], root: Path, tmp_path: Path
) -> None:
    subscriber = subscribe(broker, "site/there")
    known = {"host": "127.0.0.1", "port": broker.port, "username": USER, "password": PASSWORD}
    known |= {"availability_topic": "site/there"}
    started: list[subprocess.Popen[str]] = []

    def start(keepalive_s: int) -> int:
        """In a shell of its own, as each run has another parent; gives the process that holds the connection."""
        line = f'echo $$; exec 3>&1; {sys.executable} "$0" "$@" >&3 & echo $!; wait'
        program = str(root / "tests/stages/deliver/programs/announce.py")
        command = ["sh", "-c", line, program, json.dumps({**known, "keepalive_s": keepalive_s}), str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        shell = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(shell)
        assert shell.stdout is not None
        _, child, ready = (shell.stdout.readline() for _ in range(3))
        assert ready == "ready\n"
        return int(child)

    processes = []
    try:
        processes.append(start(keepalive_s=1))
        os.kill(processes[0], signal.SIGSTOP)  # to the broker, a machine without power is one that says nothing
        processes.append(start(keepalive_s=60))
        wait_for(lambda: "offline" in subscriber.said("site/there"), "the last will of the first")
        wait_for(lambda: subscriber.said("site/there")[-1] == "online", "the word of the second after it")
    finally:
        for number in processes:
            os.kill(number, signal.SIGKILL)
        for shell in started:
            with shell:
                shell.wait(10)


def test_a_message_that_is_more_than_the_broker_takes_is_refused_where_it_says_so(tmp_path: Path) -> None:
    with mosquitto(tmp_path, more="max_packet_size 2000") as small:
        with sink(small, version=5) as mqtt:
            with pytest.raises(DeliveryRefused, match=r"refuses the message: its 5,\d+ bytes are more than it takes"):
                mqtt.send(sample_event(reason="x" * 4000), key="1")
            mqtt.send(sample_event(region={}, score_history=[], why=[]), key="2")
        with sink(small) as older, pytest.raises(DeliveryError, match="closed the connection"):
            older.send(sample_event(reason="x" * 4000), key="1")

"""Kafka, against the mock cluster inside librdkafka: several brokers that speak the protocol over real sockets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import DeliveryError
from pipeline.store.sample_event import sample_event
from tests.servers.process import free_port

confluent_kafka = pytest.importorskip("confluent_kafka", reason="needs the extra kafka")

from stages.deliver.kafka import KafkaSink  # noqa: E402
from stages.deliver.kafka_options import KafkaOptions  # noqa: E402


@dataclass
class Cluster:
    servers: list[str]

    def read(self, topic: str, count: int) -> list[Any]:
        """The first messages of a topic."""
        settings = {"bootstrap.servers": self.servers[0], "group.id": "test", "auto.offset.reset": "earliest"}
        consumer = confluent_kafka.Consumer(settings)
        found: list[Any] = []
        try:
            consumer.subscribe([topic])
            for _ in range(60):
                message = consumer.poll(0.5)
                if message is not None and message.error() is None:
                    found.append(message)
                if len(found) >= count:
                    break
        finally:
            consumer.close()
        return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    owner = confluent_kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 3, "logger": Silent()})
    brokers = owner.list_topics(timeout=10).brokers.values()
    yield Cluster([f"{broker.host}:{broker.port}" for broker in brokers])
    owner.flush(1)


class Silent:
    def log(self, *_: object) -> None:
        pass


@contextmanager
def sink(*servers: str, **values: Any) -> Iterator[KafkaSink]:
    made = KafkaSink(KafkaOptions.model_validate({"servers": servers, "timeout_s": 10, **values}))
    try:
        yield made
    finally:
        made.close()
        made.close()


def test_messages_arrive_in_order_keyed_by_camera(cluster: Cluster) -> None:
    with sink(*cluster.servers, topic="alerts.{camera}", dialect="raw") as kafka:
        for ordinal in range(1, 6):
            kafka.send(sample_event("front gate", ordinal), key=f"k-{ordinal}")
    messages = cluster.read("alerts.front_gate", 5)
    assert [json.loads(message.value())["ordinal"] for message in messages] == [1, 2, 3, 4, 5]
    assert {message.key() for message in messages} == {b"front gate"}
    headers = [dict(message.headers()) for message in messages]
    assert [each["idempotency-key"] for each in headers] == [f"k-{n}".encode() for n in range(1, 6)]
    assert headers[0]["content-type"] == b"application/json"


def test_nobody_there_is_told_within_the_timeout_and_nothing_stays_behind(cluster: Cluster) -> None:
    with sink(f"127.0.0.1:{free_port()}", timeout_s=1) as kafka:
        for _ in range(2):
            with pytest.raises(DeliveryError, match=r"^Kafka 127\.0\.0\.1:\d+: .*(connection|broker)") as caught:
                kafka.send(sample_event(), key="1")
        assert "\n" not in str(caught.value)


def test_a_name_that_nobody_knows_is_told() -> None:
    with sink("no-such-host.invalid:9092", timeout_s=1) as kafka, pytest.raises(DeliveryError, match="unknown host"):
        kafka.send(sample_event(), key="1")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"servers": "host"}, "written like host:9092"),
        ({"topic": "a b"}, "letters, digits"),
        ({"topic": "{zone}"}, "no place that an event fills"),
        ({"username": "me"}, "go together"),
        ({"ca_file": "a"}, "need tls: true"),
    ],
)
def test_options_that_mean_nothing_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        KafkaOptions.model_validate({"servers": "h:9092", **values})

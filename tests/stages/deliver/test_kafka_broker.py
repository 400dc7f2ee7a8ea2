"""Kafka, against a real broker of its protocol: what it took is there, and it may go away at any moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from pipeline.errors import DeliveryError
from pipeline.store.sample_event import sample_event
from tests.servers.kafka import kafka_broker
from tests.servers.process import ServerProcess, free_port
from tests.servers.tls_front import tls_front

confluent_kafka = pytest.importorskip("confluent_kafka", reason="needs the extra kafka")

from stages.deliver.kafka import KafkaSink  # noqa: E402
from stages.deliver.kafka_options import KafkaOptions  # noqa: E402


@pytest.fixture
def broker() -> Iterator[ServerProcess]:
    with kafka_broker() as running:
        yield running


@contextmanager
def sink(broker: ServerProcess, **values: Any) -> Iterator[KafkaSink]:
    made = KafkaSink(KafkaOptions.model_validate({"servers": broker.url, "topic": "alerts", "timeout_s": 10, **values}))
    try:
        yield made
    finally:
        made.close()


def read(broker: ServerProcess, count: int, **settings: Any) -> list[Any]:
    """The first messages of the topic, partition by partition."""
    settings |= {"bootstrap.servers": broker.url, "group.id": "test", "logger": Silent()}
    consumer = confluent_kafka.Consumer(settings)
    try:
        partitions = consumer.list_topics("alerts", timeout=10).topics["alerts"].partitions
        consumer.assign([confluent_kafka.TopicPartition("alerts", number, 0) for number in partitions])
        found: list[Any] = []
        for _ in range(60):
            found += [each for each in consumer.consume(count, 0.5) if each.error() is None]
            if len(found) >= count:
                break
        return found
    finally:
        consumer.close()


class Silent:
    def log(self, *_: object) -> None:
        pass


def keys(messages: list[Any], camera: str) -> list[str]:
    """Idempotency keys of a camera's messages, as they lie in its partition."""
    mine = [message for message in messages if message.key() == camera.encode()]
    assert len({message.partition() for message in mine}) == 1, "a camera keeps to its partition"
    return [dict(message.headers())["idempotency-key"].decode() for message in mine]


def test_what_was_acknowledged_lies_in_the_topic_in_the_order_of_each_camera(broker: ServerProcess) -> None:
    with sink(broker) as kafka:
        for number in range(1, 6):
            for camera in ("gate", "yard"):
                kafka.send(sample_event(camera, number), key=f"{camera}-{number}")
    messages = read(broker, 10)
    for camera in ("gate", "yard"):
        assert keys(messages, camera) == [f"{camera}-{number}" for number in range(1, 6)]
    (content_type,) = {dict(message.headers())["content-type"] for message in messages}
    assert content_type == b"application/cloudevents+json; charset=utf-8"


def test_a_broker_that_is_killed_is_told_and_takes_what_comes_when_it_is_there_again(broker: ServerProcess) -> None:
    with sink(broker, timeout_s=4) as kafka:
        kafka.send(sample_event("gate", 1), key="1")
        broker.kill()
        with pytest.raises(DeliveryError, match=r"^Kafka 127\.0\.0\.1:\d+: .*(connection|broker)"):
            kafka.send(sample_event("gate", 2), key="2")
        broker.start()
        kafka.send(sample_event("gate", 2), key="2")
    assert keys(read(broker, 1), "gate") == ["2"]


def test_a_broker_that_is_frozen_gets_the_message_in_the_end(broker: ServerProcess) -> None:
    with sink(broker, timeout_s=3) as kafka:
        kafka.send(sample_event("gate", 1), key="1")
        broker.freeze()
        with pytest.raises(DeliveryError, match="did not acknowledge within 3 s"):
            kafka.send(sample_event("gate", 2), key="2")
        broker.resume()
    with sink(broker) as kafka:
        kafka.send(sample_event("gate", 2), key="2")
    assert list(dict.fromkeys(keys(read(broker, 2), "gate"))) == ["1", "2"]


def test_wrong_credentials_are_told_and_never_shown() -> None:
    credentials = {"username": "gate", "password": "sw0rdfish99", "timeout_s": 2}
    with kafka_broker(authentication=True) as running, sink(running, **credentials) as kafka:
        with pytest.raises(DeliveryError, match="refuses username and password, or their mechanism") as caught:
            kafka.send(sample_event(), key="1")
        assert "sw0rdfish99" not in str(caught.value)


def test_over_tls_with_certificates_of_both_sides_messages_arrive(certificates: Any, tmp_path: Path) -> None:
    port, stranger = free_port(), tmp_path / "stranger.pem"
    trustme.CA().issue_cert("bartizan@example.org").private_key_and_cert_chain_pem.write_to_path(stranger)
    ours = {"tls": True, "ca_file": certificates.ca_file, "cert_file": certificates.client_file}
    with kafka_broker(behind=f"localhost:{port}") as running:
        front = ServerProcess([], port=port, url=f"localhost:{port}")
        files = {"certificate": certificates.server_file, "client_ca": certificates.ca_file}
        with tls_front(port, running.port, **files):
            with sink(front, **ours) as kafka:
                kafka.send(sample_event("gate", 1), key="1")
                kafka.send(sample_event("gate", 2), key="2")
            messages = read(front, 2, **tls_settings(certificates))
            for wrong, complaint in (
                ({**ours, "cert_file": None}, r"hangs up .*: does it ask for a certificate of ours \(cert_file\)\?"),
                ({**ours, "cert_file": stranger}, r"hangs up .*: does it know who signed cert_file\?"),
                ({}, r"hangs up .*: does it want TLS \(tls: true\)\?"),
            ):
                with sink(front, timeout_s=2, **wrong) as kafka, pytest.raises(DeliveryError, match=complaint):
                    kafka.send(sample_event("gate", 3), key="3")
    assert keys(messages, "gate") == ["1", "2"]


def tls_settings(certificates: Any) -> dict[str, str]:
    return {
        "security.protocol": "SSL",
        "ssl.ca.location": str(certificates.ca_file),
        "ssl.certificate.location": str(certificates.client_file),
        "ssl.key.location": str(certificates.client_file),
    }


@pytest.mark.parametrize(("which", "known"), [("expired_file", True), ("server_file", False)])
def test_a_certificate_that_is_not_trusted_is_told(serve_tls: Any, certificates: Any, which: str, known: bool) -> None:
    """The other side never gets as far as Kafka's protocol, so any server will do."""
    server = serve_tls(getattr(certificates, which))
    trust = {"ca_file": certificates.ca_file} if known else {}
    values = {"servers": f"localhost:{server.port}", "tls": True, "timeout_s": 2, **trust}
    kafka = KafkaSink(KafkaOptions.model_validate(values))
    with pytest.raises(DeliveryError, match=r": TLS failed: check ca_file, and whether the certificate is valid"):
        kafka.send(sample_event(), key="1")
    kafka.close()

"""NATS JetStream on a real server: what returned lies in the stream, once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.store.sample_event import sample_event
from tests.servers.nats import PASSWORD, USER, nats_server
from tests.servers.process import ServerProcess

nats = pytest.importorskip("nats", reason="needs the extra nats")

from stages.deliver.nats import NatsSink  # noqa: E402
from stages.deliver.nats_options import NatsOptions  # noqa: E402


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with nats_server(tmp_path) as running:
        yield running


def at(server: ServerProcess, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do something as another client."""

    async def connected() -> Any:
        client = await nats.connect(f"nats://127.0.0.1:{server.port}", user=USER, password=PASSWORD)
        try:
            return await work(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(connected())


def make_stream(server: ServerProcess) -> None:
    at(server, lambda stream: stream.add_stream(name="ALERTS", subjects=["bartizan.>"]))


def stored(server: ServerProcess) -> list[tuple[str, Any, dict[str, str]]]:
    async def read(stream: Any) -> list[tuple[str, Any, dict[str, str]]]:
        count = (await stream.stream_info("ALERTS")).state.messages
        found = [await stream.get_msg("ALERTS", number) for number in range(1, count + 1)]
        return [(message.subject, json.loads(message.data), message.headers) for message in found]

    result: list[tuple[str, Any, dict[str, str]]] = at(server, read)
    return result


@contextmanager
def sink(server: ServerProcess, **values: Any) -> Iterator[NatsSink]:
    known = {"servers": server.url, "username": USER, "password": PASSWORD, "timeout_s": 1, "connect_timeout_s": 2}
    made = NatsSink(NatsOptions.model_validate({**known, **values}))
    try:
        yield made
    finally:
        made.close()
        made.close()


def test_a_message_lies_in_the_stream_once_however_often_it_is_sent(server: ServerProcess) -> None:
    make_stream(server)
    with sink(server, stream="ALERTS") as jetstream:
        for _ in range(3):
            jetstream.send(sample_event("front gate.1"), key="sample-1")
        jetstream.send(sample_event(ordinal=2), key="sample-2")
    first, second = stored(server)
    assert first[0] == "bartizan.events.front_gate_1.in_field.start"
    assert (first[2]["Nats-Msg-Id"], second[2]["Nats-Msg-Id"]) == ("sample-1", "sample-2")
    assert second[1]["id"] == "sample-gate-2"


def test_without_a_stream_nothing_is_acknowledged(server: ServerProcess) -> None:
    with sink(server) as jetstream, pytest.raises(DeliveryError, match=r"no stream takes subject 'bartizan\.events"):
        jetstream.send(sample_event(), key="1")
    make_stream(server)
    with sink(server, stream="OTHERS") as jetstream, pytest.raises(DeliveryError, match="expected stream"):
        jetstream.send(sample_event(), key="1")
    assert stored(server) == []


def test_a_server_that_is_killed_and_frozen_gets_each_message(server: ServerProcess) -> None:
    make_stream(server)
    with sink(server) as jetstream:
        jetstream.send(sample_event(), key="1")
        server.freeze()
        with pytest.raises(DeliveryError, match=r"did not acknowledge within 1 s"):
            jetstream.send(sample_event(), key="2")
        server.resume()
        jetstream.send(sample_event(), key="2")
        server.kill()
        with pytest.raises(DeliveryError, match=r"nothing listens there|closed|did not"):
            jetstream.send(sample_event(), key="3")
        server.start()
        jetstream.send(sample_event(), key="3")
    assert {headers["Nats-Msg-Id"] for _, _, headers in stored(server)} == {"1", "2", "3"}


def test_a_name_that_nobody_knows_is_told() -> None:
    values = {"servers": "nats://nobody.invalid:4222", "subject": "a.b", "connect_timeout_s": 1, "timeout_s": 1}
    jetstream = NatsSink(NatsOptions.model_validate(values))
    with pytest.raises(DeliveryError, match="cannot be reached: unknown host: is the name right"):
        jetstream.send(sample_event(), key="1")
    jetstream.close()


def test_wrong_credentials_are_told_and_never_shown(server: ServerProcess) -> None:
    with (
        sink(server, password="not-this-one") as jetstream,
        pytest.raises(DeliveryError, match="refuses the connection: are username and ") as caught,
    ):
        jetstream.send(sample_event(), key="1")
    assert "not-this-one" not in str(caught.value)


def test_tls_and_an_expired_certificate(tmp_path: Path, certificates: Any) -> None:
    with nats_server(tmp_path, certificate=certificates.expired_file) as server:
        with (
            sink(server, ca_file=certificates.ca_file) as jetstream,
            pytest.raises(DeliveryError, match="its certificate has expired: have it renewed"),
        ):
            jetstream.send(sample_event(), key="1")
        with sink(server, verify_tls=False) as jetstream, pytest.raises(DeliveryError, match="no stream takes"):
            jetstream.send(sample_event(), key="1")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"servers": "host"}, "written like nats://host:4222"),
        ({"servers": "nats://me:secret@host"}, "user and password are options of their own"),
        ({"subject": "a.>"}, "without blanks and wildcards"),
        ({"subject": "a.{who}"}, "no place that an event fills"),
        ({"username": "me"}, "go together"),
    ],
)
def test_options_that_mean_nothing_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        NatsOptions.model_validate({"servers": "nats://h:4222", **values})


def test_a_message_that_is_more_than_the_server_takes_is_refused_and_the_next_one_goes(server: ServerProcess) -> None:
    make_stream(server)
    with sink(server) as jetstream:
        with pytest.raises(DeliveryRefused, match=r"bytes are more than the server takes \(max_payload: 1,048,576\)"):
            jetstream.send(sample_event(reason="x" * 2_000_000), key="1")
        jetstream.send(sample_event(ordinal=2), key="2")
    assert len(stored(server)) == 1

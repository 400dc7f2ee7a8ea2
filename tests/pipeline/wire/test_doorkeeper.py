"""Real sockets on loopback: who has no allowed key gets nothing in, nothing out, and is reported within 2 s."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from pipeline.codec import decode, encode
from pipeline.errors import MessageError
from pipeline.messages import CaptureHello, Failed, Wire
from pipeline.wire.allow_list import AllowList, Peer, allow, revoke
from pipeline.wire.doorkeeper import Doorkeeper, KeyCheck, secure_client, secure_server
from pipeline.wire.keys import KeyPair, Role, make_key

REPORT_S = 60.0
HELLO = CaptureHello("gate", "1", True)
Securing = Callable[["zmq.Socket[Any]"], None]


class Hub:
    """A guarded ROUTER on loopback, and its clients."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.elsewhere: zmq.Context[Any] = zmq.Context()
        self.pair = make_key(folder, "hub", Role.DISPATCH)
        self.gate = make_key(folder, "gate-cam", Role.CAPTURE)
        self.gpu = make_key(folder, "gpu-box", Role.WORKER)
        self.list_path = folder / "allowed"
        for key in (self.gate, self.gpu):
            allow(self.list_path, Peer(key.name, key.role, key.public))
        self.keeper = Doorkeeper(self.pair, AllowList(self.list_path))
        self.router = self.context.socket(zmq.ROUTER)
        self.keeper(self.router)
        self.endpoint = f"tcp://127.0.0.1:{self.router.bind_to_random_port('tcp://127.0.0.1')}"
        self.clients: list[zmq.Socket[Any]] = []

    def client(self, secure: Securing | None) -> "zmq.Socket[Any]":
        socket: zmq.Socket[Any] = self.elsewhere.socket(zmq.DEALER)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.SNDTIMEO, 300)
        if secure is not None:
            secure(socket)
        socket.connect(self.endpoint)
        self.clients.append(socket)
        return socket

    def receive(self, timeout_s: float) -> tuple[zmq.Frame, Wire] | None:
        if not self.router.poll(int(timeout_s * 1000)):
            return None
        _, body = self.router.recv_multipart(copy=False)
        return body, decode(body.bytes)

    def wait_for_report(self, reason: str) -> None:
        deadline = time.monotonic() + REPORT_S
        while not self.keeper.refused[reason]:
            assert time.monotonic() < deadline, f"not reported in {REPORT_S} s: {reason}; got {self.keeper.refused}"
            assert self.receive(0.02) is None, "something came through"

    def close(self) -> None:
        for socket in self.clients:
            socket.close(linger=0)
        self.keeper.close()
        self.router.close(linger=0)
        self.context.term()
        self.elsewhere.term()


def say(client: "zmq.Socket[Any]", message: Wire) -> None:
    """Send; a peer that was turned away cannot, and must not wait for ever."""
    with contextlib.suppress(zmq.Again):
        client.send(encode(message))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "keys")
    yield made
    made.close()


def with_key(pair: KeyPair, server: str) -> Securing:
    return lambda socket: secure_client(socket, pair, server)


def test_an_allowed_key_gets_in_and_its_messages_carry_its_name(hub: Hub) -> None:
    client = hub.client(with_key(hub.gate, hub.pair.public))
    say(client, HELLO)
    got = hub.receive(5)
    assert got is not None
    frame, message = got
    assert message == HELLO
    assert hub.keeper.peer(frame) == Peer("gate-cam", Role.CAPTURE, hub.gate.public)
    hub.keeper.admit(frame, message)
    assert not hub.keeper.refused


def test_an_unknown_key_gets_nothing_in_and_is_reported(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spy = make_key(tmp_path / "elsewhere", "spy", Role.CAPTURE)
    say(hub.client(with_key(spy, hub.pair.public)), HELLO)
    hub.wait_for_report("unknown key")
    assert f"unknown key: {spy.public} from 127.0.0.1" in caplog.text
    assert hub.receive(0.3) is None


def test_a_peer_without_key_gets_nothing_in_and_is_reported(hub: Hub) -> None:
    say(hub.client(None), HELLO)
    hub.wait_for_report("no key, or another server's")
    assert hub.receive(0.3) is None


def test_an_allowed_key_that_expects_another_server_gets_nothing_and_is_reported(hub: Hub, tmp_path: Path) -> None:
    other = make_key(tmp_path / "elsewhere", "hub", Role.DISPATCH)
    say(hub.client(with_key(hub.gate, other.public)), HELLO)
    hub.wait_for_report("no key, or another server's")


def test_an_allowed_key_of_the_wrong_role_is_refused_by_message_and_reported(hub: Hub) -> None:
    client = hub.client(with_key(hub.gpu, hub.pair.public))
    say(client, HELLO)
    got = hub.receive(5)
    assert got is not None
    with pytest.raises(MessageError, match="worker gpu-box may not send CaptureHello"):
        hub.keeper.admit(*got)
    assert hub.keeper.refused["not authorised"] == 1
    say(client, Failed("w", "l", "e"))
    got = hub.receive(5)
    assert got is not None
    hub.keeper.admit(*got)


def test_a_client_learns_that_its_key_was_refused(hub: Hub, tmp_path: Path) -> None:
    spy = make_key(tmp_path / "elsewhere", "spy", Role.CAPTURE)
    for pair in (spy, hub.gate):
        client: zmq.Socket[Any] = hub.elsewhere.socket(zmq.DEALER)
        hub.clients.append(client)
        secure_client(client, pair, hub.pair.public)
        check = KeyCheck(client)
        client.set(zmq.SNDTIMEO, 300)
        client.connect(hub.endpoint)
        say(client, HELLO)
        if pair is spy:
            deadline = time.monotonic() + REPORT_S
            while not check.is_refused():
                assert time.monotonic() < deadline
        else:
            assert hub.receive(REPORT_S) is not None
            assert not check.is_refused()
        check.close()


def test_a_revoked_key_is_refused_on_a_connection_that_stands(hub: Hub) -> None:
    client = hub.client(with_key(hub.gate, hub.pair.public))
    say(client, HELLO)
    got = hub.receive(5)
    assert got is not None
    hub.keeper.admit(*got)
    revoke(hub.list_path, "gate-cam")
    say(client, HELLO)
    got = hub.receive(5)
    assert got is not None
    with pytest.raises(MessageError, match="not allowed any more"):
        hub.keeper.admit(*got)


def test_a_key_allowed_later_gets_in_without_a_restart(hub: Hub, tmp_path: Path) -> None:
    late = make_key(tmp_path / "elsewhere", "yard-cam", Role.CAPTURE)
    say(hub.client(with_key(late, hub.pair.public)), HELLO)
    hub.wait_for_report("unknown key")
    allow(hub.list_path, Peer(late.name, late.role, late.public))
    say(hub.client(with_key(late, hub.pair.public)), HELLO)
    assert hub.receive(5) is not None


def test_without_a_doorkeeper_nobody_gets_in(hub: Hub) -> None:
    hub.keeper.close()
    say(hub.client(with_key(hub.gate, hub.pair.public)), HELLO)
    assert hub.receive(1.0) is None


def test_a_message_from_a_socket_without_keys_has_no_sender(hub: Hub, short_dir: Path) -> None:
    plain = hub.context.socket(zmq.ROUTER)
    plain.bind(f"ipc://{short_dir}/plain")
    client = hub.client(None)
    client.disconnect(hub.endpoint)
    client.connect(f"ipc://{short_dir}/plain")
    say(client, HELLO)
    assert plain.poll(60_000)
    _, body = plain.recv_multipart(copy=False)
    with pytest.raises(MessageError, match="without a key"):
        hub.keeper.peer(body)
    plain.close(linger=0)


def test_the_server_key_alone_lets_nobody_in(tmp_path: Path) -> None:
    """secure_server without a doorkeeper must fail closed."""
    context: zmq.Context[Any] = zmq.Context()
    pair, gate = make_key(tmp_path, "hub", Role.DISPATCH), make_key(tmp_path, "gate", Role.CAPTURE)
    with context.socket(zmq.ROUTER) as router, context.socket(zmq.DEALER) as client:
        secure_server(router, pair)
        port = router.bind_to_random_port("tcp://127.0.0.1")
        client.set(zmq.LINGER, 0)
        client.set(zmq.SNDTIMEO, 300)
        secure_client(client, gate, pair.public)
        client.connect(f"tcp://127.0.0.1:{port}")
        say(client, HELLO)
        assert not router.poll(500)
    context.term()

"""CURVE on sockets: who gets in (ZAP, RFC 27), who a message is from, and who was turned away.

The doorkeeper's thread answers libzmq's questions whether a key is allowed, and follows the socket's monitor, which
tells of peers that never got as far: no key at all, or another server key. Without a doorkeeper libzmq would let
every CURVE client in; ``ZAP_ENFORCE_DOMAIN`` makes it refuse all instead.
"""

import asyncio
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import zmq
import zmq.auth
from zmq.utils.monitor import recv_monitor_message

from pipeline.errors import MessageError
from pipeline.messages import Wire
from pipeline.wire.allow_list import AllowList, Peer, authorise
from pipeline.wire.keys import KeyPair

if TYPE_CHECKING:
    Socket = zmq.Socket[Any]

logger = logging.getLogger(__name__)

_DOMAIN = b"bartizan"
_POLL_MS = 200
_MOST_LOGGED = 1000
"""Then refusals are only counted: whoever invents keys must not fill the disk."""
_FAILURES = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
"""Which of the two a peer without key causes depends on who hangs up first."""


class _Refusals:
    """Counts what was turned away, and logs each kind once: peers come again several times a second."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._logged: set[tuple[str, str]] = set()

    def report(self, reason: str, detail: str) -> None:
        if (reason, detail) not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add((reason, detail))
            logger.warning("refused a peer: %s: %s", reason, detail)
        self.counts[reason] += 1


class _Gate(zmq.auth.Authenticator):
    """Says whether a key is on the list, and reports those that are not."""

    def __init__(self, context: "zmq.Context[Any]", allowed: AllowList, refused: "_Refusals") -> None:
        super().__init__(context)
        self._peers = allowed
        self._refused = refused
        self._address = ""
        self.configure_curve_callback(domain=_DOMAIN.decode(), credentials_provider=self)

    async def handle_zap_message(self, msg: list[bytes]) -> None:
        """Remember where the peer calls from, then decide."""
        self._address = msg[3].decode(errors="replace") if len(msg) > 3 else "?"
        await super().handle_zap_message(msg)

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether the client with this public key (Z85) may come in."""
        if self._peers.peer(key.decode()) is not None:
            return True
        self._refused.report("unknown key", f"{key.decode()} from {self._address}")
        return False


class Doorkeeper:
    """Guards one bound ROUTER. Call it with the socket before binding, and ``close`` it before the context ends."""

    def __init__(self, pair: KeyPair, allowed: AllowList) -> None:
        self._pair = pair
        self._allowed = allowed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._refusals = _Refusals()

    def __call__(self, socket: "Socket") -> None:
        """Set the keys of a socket and begin to guard it. Once only."""
        secure_server(socket, self._pair)
        gate = _Gate(socket.context, self._allowed, self._refusals)
        gate.start()
        monitor = socket.get_monitor_socket(int(_FAILURES))
        self._thread = threading.Thread(target=self._guard, args=(gate, monitor), name="doorkeeper", daemon=True)
        self._thread.start()

    @property
    def refused(self) -> Counter[str]:
        """What was turned away so far, by reason."""
        return self._refusals.counts

    def admit(self, frame: "zmq.Frame", message: Wire) -> None:
        """Check that the sender of a frame (``recv_multipart(copy=False)``) may send this message.

        Raises ``MessageError`` if its key is not on the list (any more), or its role does not cover it.
        """
        try:
            authorise(self.peer(frame), message)
        except MessageError as error:
            self._refusals.report("not authorised", str(error))
            raise

    def peer(self, frame: "zmq.Frame") -> Peer:
        """Who a frame is from. Raises ``MessageError`` for one that came without an allowed key."""
        try:
            public = str(frame.get("User-Id"))
        except zmq.ZMQError as error:
            raise MessageError("message came without a key") from error
        peer = self._allowed.peer(public)
        if peer is None:
            raise MessageError(f"key {public} is not allowed any more")
        return peer

    def close(self) -> None:
        """Stop guarding: from now on nobody new gets in. Safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _guard(self, gate: _Gate, monitor: "Socket") -> None:
        poller = zmq.Poller()
        poller.register(gate.zap_socket, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        try:
            while not self._stop.is_set():
                ready = dict(poller.poll(_POLL_MS))
                if gate.zap_socket in ready:
                    asyncio.run(gate.handle_zap_message(gate.zap_socket.recv_multipart()))
                if monitor in ready:
                    event = recv_monitor_message(monitor)
                    self._refusals.report("no key, or another server's", f"at {event['endpoint'].decode()}")
        finally:
            gate.stop()
            monitor.close(linger=0)


class KeyCheck:
    """Tells a client that the server refused its key. libzmq does not try again after that: open a new socket."""

    def __init__(self, socket: "Socket") -> None:
        self._monitor: Socket = socket.get_monitor_socket(int(_FAILURES | zmq.EVENT_HANDSHAKE_FAILED_AUTH))
        self._socket = socket

    def is_refused(self) -> bool:
        """Whether a handshake has failed since the last call: wrong key, or wrong server key."""
        failed = False
        while self._monitor.poll(0):
            recv_monitor_message(self._monitor)
            failed = True
        return failed

    def close(self) -> None:
        """Stop watching; to be called before the socket is closed."""
        if not self._monitor.closed:
            self._socket.disable_monitor()
            self._monitor.close(linger=0)


def secure_server(socket: "Socket", pair: KeyPair) -> None:
    """Make a socket take encrypted connections only, and only while a doorkeeper lets them in."""
    socket.set(zmq.CURVE_SERVER, 1)
    socket.set(zmq.CURVE_SECRETKEY, pair.secret.encode())
    socket.set(zmq.CURVE_PUBLICKEY, pair.public.encode())
    socket.set(zmq.ZAP_DOMAIN, _DOMAIN)
    socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)


def secure_client(socket: "Socket", pair: KeyPair, server: str) -> None:
    """Make a socket speak only with the server that holds the secret to the public key ``server`` (Z85)."""
    socket.set(zmq.CURVE_SECRETKEY, pair.secret.encode())
    socket.set(zmq.CURVE_PUBLICKEY, pair.public.encode())
    socket.set(zmq.CURVE_SERVERKEY, server.encode())

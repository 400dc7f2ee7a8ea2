"""One connection to an MQTT broker, from its making to its end. A link that failed is thrown away whole: what it may
still have queued goes with it, and the outbox alone knows what is to be sent again."""

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pipeline.errors import DeliveryError, DeliveryRefused
from stages.deliver.mqtt_options import MqttOptions
from stages.deliver.tls import explain

if TYPE_CHECKING:
    from paho.mqtt.client import Client

ONLINE, OFFLINE = b"online", b"offline"
LEAVE_S = 2.0
_REFUSED = (0x90, 0x99)
"""Answers to PUBLISH that another try would get again: topic name invalid, payload format invalid."""
_TOO_LARGE = 0x95
"""What a broker says when it hangs up on a message that is more than it takes (MQTT 5; with 3.1.1 it just hangs up)."""
_CREDENTIALS = (0x86, 0x87, 0x8A, 0x8C)
"""Answers to CONNECT: bad user name or password, not authorized, banned, bad authentication method."""


class MqttLink:
    """A client of paho's with its network thread, which ends with the connection: it does not reconnect by itself,
    because it would bring along what it still had to send."""

    def __init__(self, options: MqttOptions, client_id: str) -> None:
        self._options = options
        self._client_id = client_id
        self._state = threading.Condition()
        self._connected = False
        self._refusal = ""
        """Why it did not accept us."""
        self._lost = ""
        """Why the connection ended."""
        self._is_too_large = False
        self._most_bytes: int | None = None
        """Of a packet, where the broker said so as it accepted us (MQTT 5)."""
        self._answers: dict[int, Any] = {}
        self._broken = False
        self._asked = False
        self._client = self._made()

    @property
    def is_usable(self) -> bool:
        """Whether the broker accepted us, has not gone since, and answered all that it was asked."""
        return self._connected and not self._broken

    def asked(self) -> bool:
        """Whether somebody wants to know who we are, since this was last called: a fresh connection always does."""
        with self._state:
            asked, self._asked = self._asked, False
        return asked

    def connect(self) -> None:
        """Wait until the broker accepts us. Raises ``DeliveryError``."""
        options = self._options
        try:
            self._client.connect(options.host, options.real_port, options.keepalive_s)
        except TimeoutError as error:
            raise self._failed(f"did not answer within {options.connect_timeout_s:g} s") from error
        except (OSError, ValueError) as error:
            raise self._failed(f"cannot be reached: {explain(error)}") from error
        self._client.loop_start()
        with self._state:
            self._state.wait_for(lambda: self._connected or self._refusal or self._lost, options.timeout_s)
        if self._connected:
            return
        if self._lost and not self._refusal:
            raise self._failed(f"closed the connection before it accepted us: {self._hint()}")
        raise self._failed(self._refusal or f"did not answer within {options.timeout_s:g} s: is it an MQTT broker?")

    def publish(self, topic: str, payload: bytes, *, retain: bool, properties: Any = None) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement. Raises ``DeliveryError``."""
        if self._most_bytes is not None and _packet_bytes(topic, payload, properties) > self._most_bytes:
            raise self._too_large(payload)
        self._answers.clear()
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        with self._state:
            self._state.wait_for(lambda: sent.mid in self._answers or not self._connected, self._options.timeout_s)
        if sent.mid in self._answers:
            return self._judge(self._answers[sent.mid])
        if self._is_too_large:
            self._broken = True
            raise self._too_large(payload)
        why = f"did not acknowledge within {self._options.timeout_s:g} s"
        raise self._failed(why if self._connected else f"closed the connection ({self._lost}) before it acknowledged")

    def leave(self) -> None:
        """Say that we go, and go. Waits a moment only."""
        topic = self._options.availability_topic
        if topic is not None and self._connected:
            told = self._client.publish(topic, OFFLINE, qos=1, retain=True)
            with self._state:
                self._state.wait_for(lambda: told.mid in self._answers or not self._connected, LEAVE_S)
        self._client.disconnect()
        self._client.loop_stop()

    def drop(self) -> None:
        """Go without a word: the broker publishes our last will."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    # ---- inside

    def _made(self) -> "Client":
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        options = self._options
        version = MQTTProtocolVersion.MQTTv5 if options.version == "5" else MQTTProtocolVersion.MQTTv311
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=version,
            reconnect_on_failure=False,
        )
        client.connect_timeout = options.connect_timeout_s
        if options.username is not None:
            password = options.password.get_secret_value() if options.password else None
            client.username_pw_set(options.username, password)
        if options.tls:
            try:
                client.tls_set_context(options.context())
            except OSError as error:
                raise self._failed(f"certificates cannot be used: {explain(error)}") from error
            client.tls_insecure_set(not options.verify_tls)
        if options.availability_topic is not None:
            client.will_set(options.availability_topic, OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: "Client", _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._most_bytes = getattr(properties, "MaximumPacketSize", None)
        if not reason.is_failure and self._options.availability_topic is not None:
            client.publish(self._options.availability_topic, ONLINE, qos=1, retain=True)
        if not reason.is_failure and self._options.birth_topic is not None:
            client.subscribe(self._options.birth_topic, qos=1)
        with self._state:
            self._connected = self._asked = not reason.is_failure
            if reason.is_failure:
                self._refusal = f"refuses the connection: {reason}"
            if reason.value in _CREDENTIALS:
                self._refusal += ": check username, password and certificate"
            self._state.notify_all()

    def _on_disconnect(self, _client: "Client", _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._state:
            self._connected = False
            self._lost = str(reason)
            self._is_too_large = reason.value == _TOO_LARGE
            self._state.notify_all()

    def _on_publish(self, _client: "Client", _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._state:
            self._answers[mid] = reason
            self._state.notify_all()

    def _on_message(self, _client: "Client", _data: Any, message: Any) -> None:
        """The one whom we tell of ourselves was born, and asks."""
        with self._state:
            self._asked = self._asked or message.payload == ONLINE

    def _judge(self, reason: Any) -> None:
        if not reason.is_failure:
            return
        text = f"MQTT broker {self._options.broker} refuses the message: {reason}"
        raise DeliveryRefused(text) if reason.value in _REFUSED else DeliveryError(text)

    def _too_large(self, payload: bytes) -> DeliveryRefused:
        text = f"refuses the message: its {len(payload):,} bytes are more than it takes"
        return DeliveryRefused(f"MQTT broker {self._options.broker} {text}")

    def _hint(self) -> str:
        if not self._options.tls:
            return "does it speak TLS there (tls: true)?"
        return "does it ask for a certificate of ours (cert_file)?" if self._options.cert_file is None else self._lost

    def _failed(self, what: str) -> DeliveryError:
        self._broken = True
        return DeliveryError(f"MQTT broker {self._options.broker} {what}")


def _packet_bytes(topic: str, payload: bytes, properties: Any) -> int:
    """Of a PUBLISH with QoS 1, at most: its header is 5 bytes or less, its id 2, the topic's length 2."""
    return 9 + len(topic.encode()) + (1 if properties is None else len(properties.pack())) + len(payload)

"""Sink: a topic of Kafka (https://kafka.apache.org/protocol), by librdkafka, as an idempotent producer."""

import time
from typing import TYPE_CHECKING, Any

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.redaction import redact, register_secret
from stages.deliver.kafka_options import UNSAFE, KafkaOptions
from stages.deliver.past import LooksBack
from stages.deliver.topic import filled

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

_REFUSED = ("MSG_SIZE_TOO_LARGE", "INVALID_MSG", "TOPIC_EXCEPTION")
"""What another try would get again."""
_VAGUE = ("_TRANSPORT", "_ALL_BROKERS_DOWN")
"""What is said beside a better reason; the last says least."""
_HINTS = {
    "_ALL_BROKERS_DOWN": "no broker can be reached: are they running, and are the addresses right?",
    "_TRANSPORT": "the connection failed: is a broker there, and does it speak TLS (tls: true) or not?",
    "_RESOLVE": "unknown host: is the name right, and does name resolution work here?",
    "_SSL": "TLS failed: check ca_file, and whether the certificate is valid and for that name",
    "_AUTHENTICATION": "it refuses username and password, or their mechanism",
    "_UNKNOWN_TOPIC": "there is no such topic: create it",
    "UNKNOWN_TOPIC_OR_PART": "there is no such topic: create it",
    "TOPIC_AUTHORIZATION_FAILED": "this user may not write to that topic",
}


class KafkaSink(LooksBack):
    """Produces each message with ``acks=all``; its delivery report acknowledges it. The key is the camera, the
    idempotency key a header."""

    Options = KafkaOptions

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._name = f"Kafka {','.join(options.servers)}"
        self._producer: Producer | None = None
        self._trouble: KafkaError | None = None
        self._heard = _Heard()
        for secret in (options.password, options.key_password):
            register_secret(secret.get_secret_value() if secret else "")

    def send(self, event: Event, *, key: str) -> None:
        """Produce one message and wait for its delivery report. Raises ``DeliveryError`` or ``DeliveryRefused``."""
        from confluent_kafka import KafkaException

        body = self._options.payload(event, key, self._past)
        topic = filled(self._options.topic, event, UNSAFE)
        headers: dict[str, str | bytes | None] = {
            "idempotency-key": key,
            "content-type": self._options.media_type,
            "type": event.type,
        }
        reports: list[KafkaError | None] = []
        try:
            producer = self._producer or self._made()
            producer.produce(
                topic,
                body,
                event.camera,
                headers=headers,
                on_delivery=lambda error, _message: reports.append(error),
            )
            deadline = time.monotonic() + self._options.timeout_s + 1  # librdkafka gives up first, and says why
            while not reports and time.monotonic() < deadline:
                producer.poll(min(1.0, max(deadline - time.monotonic(), 0)))
        except (KafkaException, BufferError) as error:
            raise self._failed(error.args[0] if isinstance(error, KafkaException) else None, str(error)) from error
        if not reports or reports[0] is not None:
            raise self._failed(reports[0] if reports else None)

    def close(self) -> None:
        """Disconnect; safe to call twice."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1)

    def _made(self) -> "Producer":
        from confluent_kafka import Producer

        options, timeout_ms = self._options, round(self._options.timeout_s * 1000)
        settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(options.servers),
            "client.id": "bartizan",
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 0,
            "message.timeout.ms": timeout_ms,
            "security.protocol": ("SASL_" if options.username else "") + ("SSL" if options.tls else "PLAINTEXT"),
            "error_cb": self._note,
            "logger": self._heard,
            **self._tls(),
        }
        if options.username is not None and options.password is not None:
            settings |= {"sasl.mechanism": options.mechanism, "sasl.username": options.username}
            settings["sasl.password"] = options.password.get_secret_value()
        self._producer = Producer(settings)
        return self._producer

    def _tls(self) -> dict[str, Any]:
        options = self._options
        if not options.tls:
            return {}
        found: dict[str, Any] = {"enable.ssl.certificate.verification": options.verify_tls}
        if options.ca_file is not None:
            found["ssl.ca.location"] = str(options.ca_file)
        if options.cert_file is not None:
            found["ssl.certificate.location"] = str(options.cert_file)
            found["ssl.key.location"] = str(options.key_file or options.cert_file)
        if options.key_password is not None:
            found["ssl.key.password"] = options.key_password.get_secret_value()
        return found

    def _note(self, error: "KafkaError") -> None:
        """What librdkafka says beside: why there is no connection."""
        if self._trouble is None or _vague(error) <= _vague(self._trouble):
            self._trouble = error

    def _why(self) -> str:
        """Why there is no connection, and forget it; empty where nothing was said of that."""
        trouble, hang_up = self._trouble, self._heard.hang_up
        self._trouble, self._heard.hang_up = None, False
        if trouble is None:
            return ""
        return self._hung_up() if hang_up and trouble.name() == _VAGUE[-1] else _words(trouble)

    def _hung_up(self) -> str:
        options = self._options
        if not options.tls:
            return "it hangs up before it accepted us: does it want TLS (tls: true)?"
        if options.cert_file is None:
            return "it hangs up before it accepted us: does it ask for a certificate of ours (cert_file)?"
        return "it hangs up before it accepted us: does it know who signed cert_file?"

    def _failed(self, error: "KafkaError | None", otherwise: str = "") -> DeliveryError:
        """``error``: None where nothing was said; ``otherwise``: what is known without it. A producer that failed is
        not used again: what it still had to send goes with it."""
        self.close()
        trouble = self._why()
        if error is not None and error.name() in _REFUSED:
            return DeliveryRefused(redact(f"{self._name} refuses the message: {error.str()}"))
        if error is not None and error.name() == "_MSG_TIMED_OUT":
            error = None
        why = trouble or otherwise if error is None else _words(error)
        if not why:
            return DeliveryError(f"{self._name} did not acknowledge within {self._options.timeout_s:g} s")
        return DeliveryError(redact(f"{self._name}: {why}"))


class _Heard:
    """Takes librdkafka's own log lines, of which each retry of each connection makes one. Nothing else tells that a
    broker hangs up."""

    def __init__(self) -> None:
        self.hang_up = False

    def log(self, _level: int, *line: object) -> None:
        """Keep whether one did before it answered anything."""
        self.hang_up |= any("Disconnected" in str(part) and "APIVERSION" in str(part) for part in line)


def _vague(error: "KafkaError") -> int:
    """How little it says."""
    return _VAGUE.index(error.name()) + 1 if error.name() in _VAGUE else 0


def _words(error: "KafkaError") -> str:
    return _HINTS.get(error.name()) or " ".join(error.str().split())

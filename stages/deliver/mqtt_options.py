"""Options of the MQTT sink."""

import re
from collections.abc import Iterator
from hashlib import sha256
from os import getpid, urandom
from pathlib import Path
from platform import node
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from pipeline.messages import Event
from stages.deliver.dialects.table import DIALECTS, MqttDialectName
from stages.deliver.options import Fault, SinkOptions
from stages.deliver.payload import PayloadOptions
from stages.deliver.tls import TlsOptions
from stages.deliver.topic import check_places, without_places

_ROOTS = {"frigate": ("frigate", "available"), "home_assistant": ("bartizan", "availability")}
"""Dialects of several topics: the root of these, and where they say that they are there."""

UNSAFE = re.compile(r"[+#/\x00-\x1f]")
"""What would make a value more than one level of a topic, or a wildcard."""


def _as_text(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _plain_topic(topic: str) -> str:
    if any(character in topic for character in "+#\0") or topic.startswith("$"):
        raise ValueError("a topic to publish to has no '+' or '#', and does not begin with '$'")
    return topic


class MqttOptions(PayloadOptions, TlsOptions):
    """A topic of an MQTT broker."""

    name: str = Field(default="mqtt", description="The sink's name; tells its connection from others of the run.")
    host: str = Field(min_length=1, description="The broker: name or address, without scheme.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Unset: 1883, or 8883 with TLS.")
    version: Annotated[Literal["3.1.1", "5"], BeforeValidator(_as_text)] = Field(
        default="3.1.1", description="Of MQTT. With 5 each message carries its content type and idempotency key."
    )
    dialect: MqttDialectName = Field(  # type: ignore[assignment]  # speaks one more, and Frigate's two as one
        default="cloudevents",
        description="Whose words messages are in: the event in a CloudEvents 1.0 envelope (structured JSON), the "
        "bare event (`raw`), or what another system would say of it, on its usual topics.",
    )
    topic: str = Field(
        default="bartizan/events/{camera}/{rule}/{type}",
        min_length=1,
        max_length=1000,
        description="Where messages go; {camera}, {rule} (its kind), {name}, {severity} and {type} are filled in. Of "
        "the dialects frigate and home_assistant it is the root of all topics. Unset: what is usual for the dialect.",
    )
    retain: bool = Field(
        default=False, description="Whether the broker keeps the last message of each topic for who subscribes later."
    )
    expiry_s: int | None = Field(
        default=None, ge=1, le=2**32 - 1, description="MQTT 5: the broker drops what it could not pass on within this."
    )
    availability_topic: str | None = Field(
        default="bartizan/availability",
        min_length=1,
        max_length=1000,
        description="Where 'online' and 'offline' are retained, the latter also as the last will; null: nowhere. Give "
        "each sink of a broker its own. Unset: what is usual for the dialect.",
    )
    discovery_prefix: str = Field(
        default="homeassistant",
        min_length=1,
        max_length=200,
        description="Dialect home_assistant: where Home Assistant looks for devices.",
    )
    attach: bool = Field(
        default=True,
        description="Dialect home_assistant: send pictures for the camera entity: of a start, and the best of an end.",
    )
    picture_wait_s: float = Field(
        default=2.0, ge=0, le=60, description="Dialect home_assistant: longest wait for a picture that is not there."
    )
    username: str | None = Field(default=None, description="Of the broker's user.")
    password: SecretStr | None = Field(default=None, description="Of the broker's user.")
    client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Unset: of the machine, the result folder and the sink, so that a process that is started again, "
        "or a run, takes over its own connection and no other's.",
    )
    tls: bool = Field(default=False, description="Encrypt, and check the broker's certificate.")
    keepalive_s: int = Field(default=20, ge=1, le=3600, description="How often an idle connection is checked.")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=300, description="Longest wait for a connection.")
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for the broker's answer.")

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if "://" in host or "/" in host or host != host.strip():
            raise ValueError(f"{host!r} must be a name or an address alone; TLS is `tls: true`, the port `port`")
        return host

    @field_validator("topic")
    @classmethod
    def _is_topic(cls, topic: str) -> str:
        _plain_topic(without_places(check_places(topic)))
        return topic

    @model_validator(mode="before")
    @classmethod
    def _as_is_usual(cls, data: Any) -> Any:
        """Topics by the dialect, where the user names none."""
        if not isinstance(data, dict):
            return data
        dialect = data.get("dialect")
        if isinstance(dialect, str) and dialect in _ROOTS:
            root, available = _ROOTS[dialect]
            data = {"topic": root, **data}
            return {"availability_topic": f"{data['topic']}/{available}", **data}
        return {"topic": DIALECTS[dialect].topic, **data} if isinstance(dialect, str) and dialect in DIALECTS else data

    @field_validator("discovery_prefix")
    @classmethod
    def _is_prefix(cls, topic: str) -> str:
        return _plain_topic(topic)

    @field_validator("availability_topic")
    @classmethod
    def _is_plain_topic(cls, topic: str | None) -> str | None:
        return None if topic is None else _plain_topic(topic)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("password needs a username")
        if self.expiry_s is not None and self.version != "5":
            raise ValueError("expiry_s needs version: 5")
        if not self.tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need tls: true")
        if self.dialect in _ROOTS and self.retain:
            raise ValueError(f"dialect {self.dialect!r} never retains events: leave `retain` out")
        if self.dialect in _ROOTS and without_places(self.topic) != self.topic:
            raise ValueError(f"with dialect {self.dialect!r} `topic` is the root of its topics, without places")
        if self.dialect == "home_assistant" and self.types and not {"start", "end"} <= set(self.types):
            raise ValueError("dialect 'home_assistant' needs the types start and end: states follow them")
        return self

    def wants(self, event: Event) -> bool:
        """As for every sink; and its dialect must have words for the event. Those of several topics have."""
        return SinkOptions.wants(self, event) if self.dialect in _ROOTS else super().wants(event)

    def for_trial(self) -> Self:
        """Under another client id, and without a word on who is there: the run beside it still is. Nothing of it stays
        at the broker."""
        own = f"bartizan{urandom(7).hex()}"
        return super().for_trial().model_copy(update={"client_id": own, "availability_topic": None, "retain": False})

    @property
    def birth_topic(self) -> str | None:
        """Where somebody says that they are there now, and wants to know who else is."""
        return f"{self.discovery_prefix}/status" if self.dialect == "home_assistant" else None

    @property
    def broker(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.real_port}"

    @property
    def real_port(self) -> int:
        """The port, chosen or usual."""
        return self.port or (8883 if self.tls else 1883)

    def client_id_for(self, out: Path | None) -> str:
        """The same for each process that delivers to this sink from one result folder, now and after a power cut: else
        the broker would miss the connection of old some time after there is a new one, and say that nobody is there. 23
        letters and digits, which every broker has to accept (MQTT 3.1.1, 3.1.3.1)."""
        if self.client_id is not None:
            return self.client_id
        words = "\n".join((node(), str(getpid() if out is None else out.resolve()), self.name))
        return f"bartizan{sha256(words.encode()).hexdigest()[:15]}"

    def faults(self) -> Iterator[Fault]:
        """A broken template, and certificates that cannot be used."""
        yield from super().faults()
        yield from self.file_faults()

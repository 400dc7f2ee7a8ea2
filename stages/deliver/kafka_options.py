"""Options of the Kafka sink."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from stages.deliver.extras import missing
from stages.deliver.options import Fault
from stages.deliver.payload import PayloadOptions
from stages.deliver.tls import TlsOptions
from stages.deliver.topic import check_places, without_places

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""What the name of a topic cannot have."""
_SERVER = re.compile(r"[^\s/,:@]+:\d{1,5}")


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class KafkaOptions(PayloadOptions, TlsOptions):
    """A topic of Kafka, or of what speaks its protocol."""

    servers: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        min_length=1, description="host:9092 of some of its brokers; they name the others."
    )
    topic: str = Field(
        default="bartizan.events",
        min_length=1,
        max_length=249,
        description="Where messages go; {camera}, {rule}, {name}, {severity} and {type} may be filled in. The camera "
        "is the key of each message, so each camera's keep their order within a topic.",
    )
    tls: bool = Field(default=False, description="Encrypt, and check the brokers' certificates.")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How user and password are shown, where there are some."
    )
    username: str | None = Field(default=None, description="Of the cluster's user.")
    password: SecretStr | None = Field(default=None, description="Of the cluster's user.")
    timeout_s: float = Field(default=15.0, ge=1, le=300, description="Longest wait for the brokers' acknowledgement.")

    @field_validator("servers")
    @classmethod
    def _are_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SERVER.fullmatch(server) for server in servers):
            raise ValueError("a server is written like host:9092")
        return servers

    @field_validator("topic")
    @classmethod
    def _is_topic(cls, topic: str) -> str:
        if UNSAFE.search(without_places(check_places(topic))):
            raise ValueError("the name of a topic has letters, digits, '.', '_' and '-'")
        return topic

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if not self.tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need tls: true")
        return self

    def faults(self) -> Iterator[Fault]:
        """A missing package, a broken template, and certificates that cannot be used."""
        yield from super().faults()
        yield from self.file_faults()
        if (fault := missing("confluent_kafka", "kafka")) is not None:
            yield ("kind",), fault

"""Options of the NATS JetStream sink."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from stages.deliver.extras import missing
from stages.deliver.options import Fault
from stages.deliver.payload import PayloadOptions
from stages.deliver.tls import TlsOptions
from stages.deliver.topic import check_places, without_places

UNSAFE = re.compile(r"[\s.*>\x00-\x1f]")
"""What would make a value more than one token of a subject, or a wildcard."""
_SERVER = re.compile(r"(nats|tls)://[^\s/@]+")


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class NatsOptions(PayloadOptions, TlsOptions):
    """A subject that a stream of NATS JetStream takes in."""

    servers: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        min_length=1, description="nats://host:4222, or tls://host:4222; any of them will do."
    )
    subject: str = Field(
        default="bartizan.events.{camera}.{rule}.{type}",
        min_length=1,
        description="Where messages go; {camera}, {rule} (its kind), {name}, {severity} and {type} are filled in.",
    )
    stream: str | None = Field(
        default=None, min_length=1, description="The stream that must take it; unset: whichever takes the subject."
    )
    username: str | None = Field(default=None, description="Of the server's user.")
    password: SecretStr | None = Field(default=None, description="Of the server's user.")
    token: SecretStr | None = Field(default=None, description="Instead of user and password.")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=300, description="Longest wait for a connection.")
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for the stream's acknowledgement.")

    @field_validator("servers")
    @classmethod
    def _are_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SERVER.fullmatch(server) for server in servers):
            raise ValueError("a server is written like nats://host:4222; user and password are options of their own")
        return servers

    @field_validator("subject")
    @classmethod
    def _is_subject(cls, subject: str) -> str:
        tokens = without_places(check_places(subject)).split(".")
        if not all(token and not UNSAFE.search(token) for token in tokens):
            raise ValueError("a subject to publish to is words joined by '.', without blanks and wildcards")
        return subject

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self

    def faults(self) -> Iterator[Fault]:
        """A missing package, a broken template, and certificates that cannot be used."""
        yield from super().faults()
        yield from self.file_faults()
        if (fault := missing("nats", "nats")) is not None:
            yield ("kind",), fault

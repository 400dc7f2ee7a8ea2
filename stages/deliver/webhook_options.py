"""Options of the webhook."""

import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from stages.deliver.options import Fault
from stages.deliver.payload import PayloadOptions
from stages.deliver.signature import HEADER
from stages.deliver.tls import TlsOptions

_OURS = {
    "content-length": "goes by the body",
    "content-type": "goes by `dialect`, or is `content_type` beside `body`",
    "idempotency-key": "is made for each message",
    "transfer-encoding": "goes by the body",
    HEADER.lower(): "is made of `secret`",
}
"""Headers that each request has anyway."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class WebhookOptions(PayloadOptions, TlsOptions):
    """An HTTP endpoint that gets one request per message."""

    url: SecretStr = Field(description="http:// or https:// address. Kept secret, since many such addresses are keys.")
    method: Literal["POST", "PUT", "PATCH"] = Field(default="POST", description="How it is sent.")
    headers: dict[str, SecretStr] = Field(default={}, description="Further request headers, such as Authorization.")
    secret: SecretStr | None = Field(
        default=None, min_length=1, description="Key for the signature in X-Bartizan-Signature; unset: unsigned."
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, le=300, description="Longest wait for a connection.")
    timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="Longest silence of the receiver, and longest answer."
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            fits = False
        if not fits:
            raise ValueError("must be an address such as https://host/path")
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a header name")
            if name.lower() in _OURS:
                raise ValueError(f"{name} {_OURS[name.lower()]}: leave it out")
            text = value.get_secret_value()
            if not text.isascii() or not all(character.isprintable() or character == "\t" for character in text):
                raise ValueError(f"the value of {name} must be printable ASCII on one line")
        return headers

    def faults(self) -> Iterator[Fault]:
        """A broken template, and certificates that cannot be used."""
        yield from super().faults()
        yield from self.file_faults()

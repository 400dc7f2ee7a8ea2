"""Where events lie."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from pipeline.configuration.settings.settings import Settings


class StoreOptions(Settings):
    """Where events lie, with the outbox of the sinks and the place to resume at."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretStr | None = Field(
        default=None,
        description="postgresql://USER:PASSWORD@HOST:PORT/DATABASE; null: the file events.db in the results.",
    )
    name: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]{0,47})?$",
        description="PostgreSQL: name of the schema that is made for this run and holds no other's events; empty: one "
        "is made up.",
    )
    wait_s: float = Field(
        default=60.0,
        ge=1,
        le=86400,
        description="PostgreSQL: seconds that a process waits for a server that went away, before it is started anew "
        "and waits again.",
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.get_secret_value())
            _ = parts.port  # says whether it is a number
        except ValueError as error:
            raise ValueError(
                "is no URL; write postgresql://HOST:PORT/DATABASE, before HOST USER:PASSWORD@ "
                "(there %2F for / and so on)"
            ) from error
        if parts.scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not parts.path.strip("/"):
            raise ValueError("must be postgresql://HOST:PORT/DATABASE, before HOST USER:PASSWORD@; SQLite needs no url")
        return url

    @model_validator(mode="after")
    def _has_a_server(self) -> Self:
        if self.name and self.url is None:
            raise ValueError("name is for a store on PostgreSQL: give its url, too")
        return self

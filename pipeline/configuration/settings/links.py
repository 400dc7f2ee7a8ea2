"""How processes reach the dispatcher."""

from ipaddress import ip_address
from typing import Self

from pydantic import Field, model_validator

from pipeline.configuration.settings.settings import Settings


class LinkOptions(Settings):
    """How the processes reach the dispatcher. Within one machine the default needs no keys."""

    endpoint: str = Field(
        default="ipc",
        pattern=r"^(ipc|ipc://.+|tcp://(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5})$",
        description="`ipc` (a socket in the run's private folder) or tcp://HOST:PORT.",
    )
    insecure: bool = Field(
        default=False,
        description="Allow tcp without encryption off loopback. Anybody there can read it.",
    )
    keys_dir: str | None = Field(
        default=None,
        description="Folder made with `bartizan keys`: key pairs and allow-list; relative to the YAML file.",
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.endpoint.startswith("tcp://") and not self._on_loopback and not self._has_keys and not self.insecure:
            raise ValueError(
                f"{self.endpoint} is not encrypted: give keys_dir (`bartizan keys`), or say insecure: true"
            )
        return self

    @property
    def _on_loopback(self) -> bool:
        host = self.endpoint.removeprefix("tcp://").rpartition(":")[0].strip("[]")
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def _has_keys(self) -> bool:
        return self.keys_dir is not None

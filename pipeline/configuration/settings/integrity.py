"""What is proved of evidence, and who may see originals."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from pipeline.configuration.settings.settings import Settings
from pipeline.role_key import recipient


def _public(text: str) -> str:
    recipient(text)
    return text


RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class IntegrityOptions(Settings):
    """The chain of digests over all evidence."""

    enabled: bool = Field(default=True, description="Whether every event and file of evidence is taken note of.")
    key: str | None = Field(
        default=None,
        description="File of the key of this site (Ed25519, PEM), made if it is absent; relative to the YAML file. "
        "Default: $BARTIZAN_SITE_KEY, else ~/.config/bartizan/site.key.",
    )
    roles: dict[RoleName, Annotated[str, AfterValidator(_public)]] = Field(
        default_factory=dict,
        max_length=16,
        description="Who may see originals: name and public key (`age1...`, see `bartizan keys role`) of each role. "
        "With any, every original is sealed, and only the private key of a role opens it.",
    )

    @field_validator("roles")
    @classmethod
    def _keys_differ(cls, roles: dict[str, str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for name, public in roles.items():
            other = names.setdefault(public.lower(), name)
            if other != name:
                raise ValueError(f"{other} and {name} have the same key")
        return roles

    @property
    def recipients(self) -> tuple[bytes, ...]:
        """The public keys for which originals are sealed, 32 bytes each; none: they are not."""
        return tuple(recipient(public) for public in self.roles.values())

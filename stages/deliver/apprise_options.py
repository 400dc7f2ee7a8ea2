"""Options of the sink for people: mail, chats and push services by Apprise."""

import logging
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from pipeline.redaction import register_secret
from stages.deliver.apprise_reason import ReasonsOnly
from stages.deliver.options import Fault, SinkOptions
from stages.deliver.template import Template

TITLE = (
    "{{ event.name }}{% if event.camera %} on {{ event.camera }}{% endif %} "
    "({{ event.severity }}{% if event.type != 'start' %}, {{ event.type }}{% endif %})"
)
BODY = "{{ event.reason }}{% if event.wall_time %}\n{{ event.wall_time }}{% endif %}"
_REASONS_ONLY = ReasonsOnly()


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str | SecretStr) else value


class AppriseOptions(SinkOptions):
    """People, by whatever service reaches them."""

    urls: Annotated[tuple[SecretStr, ...], BeforeValidator(_as_list)] = Field(
        min_length=1,
        description="Apprise addresses, such as mailtos://user:password@host?to=..., tgram://token/chat, ntfy://host/"
        "topic. Kept secret, since most of them are keys.",
    )
    title: str = Field(default=TITLE, min_length=1, description="Jinja template of the title; may use `event`, `key`.")
    body: str = Field(default=BODY, min_length=1, description="Jinja template of the text; may use `event` and `key`.")
    attach: bool = Field(
        default=True,
        description="Attach the snapshot, at the end of an event the best picture, where the service takes it.",
    )
    picture_wait_s: float = Field(
        default=2.0, ge=0, le=60, description="Longest wait for a picture that is not there yet; then without it."
    )
    timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=600,
        description="Longest try of one address. Apprise keeps to the pace of each service: mail goes every 5.5 s.",
    )

    @cached_property
    def title_template(self) -> Template:
        """Compiled when first used."""
        return Template(self.title)

    @cached_property
    def body_template(self) -> Template:
        """Compiled when first used."""
        return Template(self.body)

    def faults(self) -> Iterator[Fault]:
        """Addresses that Apprise does not know, and broken templates."""
        yield from super().faults()
        for index, url in enumerate(self.urls):
            if plugin(url.get_secret_value()) is None:
                scheme = url.get_secret_value().partition("://")[0]
                which = f" (a service {scheme!r}, or what must follow)" if scheme.isalnum() and len(scheme) < 16 else ""
                yield ("urls", index), f"is no address that Apprise knows{which}: see https://appriseit.com/services/"
        for name, template in (("title", self.title_template), ("body", self.body_template)):
            if fault := template.fault():
                yield (name,), fault


def plugin(url: str) -> Any:
    """The service that an address names, or None. What is secret in the address is hidden in all texts from now on."""
    from apprise import Apprise, AppriseAsset

    register_secret(url)
    logger = logging.getLogger("apprise")
    logger.propagate = False  # it tells of addresses; what it finds wrong, its results say too
    logger.addFilter(_REASONS_ONLY)
    logger.setLevel(logging.DEBUG)
    asset = AppriseAsset(async_mode=False, app_id="Bartizan", app_desc="Bartizan", storage_mode="memory")
    found: Any = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if found is not None:
        shown = set(_parts(found.url(privacy=True)))
        for part in set(_parts(found.url())) - shown:
            register_secret(part)
    return found


def _parts(url: str) -> list[str]:
    for separator in "/?&=:@":
        url = url.replace(separator, " ")
    return url.split()

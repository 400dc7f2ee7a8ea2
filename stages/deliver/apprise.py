"""Sink: people, by mail, chat or push, through Apprise (https://appriseit.com)."""

import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any

from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.redaction import redact
from stages.deliver.apprise_options import AppriseOptions, plugin
from stages.deliver.apprise_reason import reason
from stages.deliver.snapshot import snapshot

logger = logging.getLogger(__name__)

_KINDS = {"low": "info", "medium": "warning", "high": "warning", "critical": "failure"}
_MOST_REMEMBERED = 256
_SHOWN = 200


class AppriseSink:
    """Notifies each address. All have to take a message; those that took it are not told again when another fails,
    as long as this process lives."""

    Options = AppriseOptions

    def __init__(self, options: AppriseOptions) -> None:
        self._options = options
        self._out: Path | None = None
        self._services: list[Any] | None = None
        self._told: OrderedDict[str, set[int]] = OrderedDict()

    def look_in(self, out: Path) -> None:
        """Where the result folder is, in which snapshots lie."""
        self._out = out

    def send(self, event: Event, *, key: str) -> None:
        """Notify everybody who was not told of this message yet. Raises ``DeliveryError``, ``DeliveryRefused``."""
        title = self._options.title_template.render(event, key)
        body = self._options.body_template.render(event, key)
        picture = self._picture(event, key) if self._options.attach else None
        if not title.strip() and not body.strip() and picture is None:
            raise DeliveryRefused("the templates of title and body give no text for this message")
        told = self._told.setdefault(key, set())
        failures = []
        for number, service in enumerate(self._all()):
            if number not in told:
                failure = self._notify(service, title, body, _KINDS.get(event.severity, "failure"), picture)
                failures += [failure] if failure else []
                told |= set() if failure else {number}
        while len(self._told) > _MOST_REMEMBERED:
            self._told.popitem(last=False)
        if failures:
            raise DeliveryError("; ".join(failures))
        self._told.pop(key)

    def close(self) -> None:
        """Nothing to let go of."""

    def _picture(self, event: Event, key: str) -> Path | None:
        found = snapshot(self._out, event, self._options.picture_wait_s)
        if found is None and "snapshot" in event.evidence:
            logger.info("picture %s is not there: message %s goes without it", event.evidence["snapshot"], key)
        return found

    def _all(self) -> list[Any]:
        if self._services is None:
            self._services = [plugin(url.get_secret_value()) for url in self._options.urls]
        return self._services

    def _notify(self, service: Any, title: str, body: str, kind: str, picture: Path | None) -> str:
        """Why it failed, or an empty text."""
        from apprise import Apprise, NotifyFormat, NotifyType

        if service is None:
            return "an address that Apprise does not know"
        attached = str(picture) if picture is not None and service.attachment_support else None
        one = Apprise(service, asset=service.asset)
        result = one.notify(
            body=body,
            title=title,
            notify_type=NotifyType(kind),
            body_format=NotifyFormat.TEXT,
            attach=attached,
            timeout=self._options.timeout_s,
            log_level=logging.DEBUG,
        )
        if result:
            return ""
        host = f" at {service.host}" if getattr(service, "host", None) else ""
        return redact(f"{service.service_name}{host}: {reason(result.logs())}")[:_SHOWN]

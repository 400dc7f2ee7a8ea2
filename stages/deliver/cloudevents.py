"""Dialect: CloudEvents 1.0 (https://github.com/cloudevents/spec), structured JSON mode."""

from urllib.parse import quote

import msgspec

from pipeline.messages import Event

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope. ``id`` is the message's own, ``subject`` the same from an event's start to its end."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str | None = None
    """Absent where the wall time is not known."""
    datacontenttype: str
    severity: str
    """Extension attribute."""
    correlationid: str = ""
    """Extension attribute: the deciding frame."""
    data: Event


def cloud_event(event: Event) -> CloudEvent:
    """The event in its envelope, type ``bartizan.RULE.start``, ``.update``, ``.end``; or that of a digest."""
    return CloudEvent(
        specversion="1.0",
        id=event.message_id,
        source=f"/bartizan/cameras/{quote(event.camera, safe='')}" if event.camera else "/bartizan",
        type=f"bartizan.{event.rule}.{event.type}",
        subject=event.id,
        time=event.wall_time,
        datacontenttype="application/json",
        severity=event.severity,
        correlationid=event.correlation_id,
        data=event,
    )

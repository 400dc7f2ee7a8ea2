"""What the event store gives and takes, as plain values."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.errors import DamagedEvent
from pipeline.messages import Event

if TYPE_CHECKING:
    from sqlalchemy import Row

logger = logging.getLogger(__name__)

_DECODE = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Position:
    """How far the alert process has come with one camera: all that it needs to go on after a restart."""

    state: bytes
    """What ``Alert.state`` gave after the last record that counts here."""
    log_offset: int
    """Bytes of the camera's log that are done."""
    log_records: int
    """Records of the log that are done."""
    spool_offset: int = 0
    """Bytes of the camera's spool of track points that belong to this position."""
    last_index: int = -1
    """The last frame's index, -1 before the first."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Frames so far by ``Status``."""
    ended: bool = False
    """The log is complete and so is the analysis of it."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One message as it lies in the store."""

    number: int
    """Counts the messages in the order of their commits; gaps are possible."""
    message_id: str
    body: str
    """The event as JSON: keys in the order of their declaration, the same bytes for the same event."""
    committed_ns: int
    """UTC of the commit."""

    @property
    def event(self) -> Event:
        """The message itself. Raises ``DamagedEvent``."""
        return decoded(self.body, self.message_id)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message on its way to one sink."""

    number: int
    """Counts the rows in the order of their commits."""
    sink: str
    camera: str
    message_id: str
    """The idempotency key."""
    attempts: int
    """Failed attempts so far."""
    first_attempt_ns: int | None
    """UTC of the first failed attempt, None before it."""
    next_attempt_ns: int
    """UTC before which nothing should be tried; 0 for at once."""
    last_error: str
    body: str

    @property
    def event(self) -> Event:
        """The message itself. Raises ``DamagedEvent``."""
        return decoded(self.body, self.message_id)


def decoded(body: str, message_id: str) -> Event:
    """A stored message. Raises ``DamagedEvent`` where it is none."""
    try:
        return _DECODE.decode(body)
    except msgspec.DecodeError as error:
        raise DamagedEvent(f"the stored message {message_id} was altered and cannot be read: {error}") from error


def readable(messages: Iterable[StoredEvent]) -> Iterator[Event]:
    """The messages themselves; one that was altered is told in the log, and left out."""
    for stored in messages:
        try:
            yield stored.event
        except DamagedEvent as error:
            logger.warning("%s; it is left out", error)


def event_row(event: Event, body: str, now_ns: int) -> dict[str, object]:
    """The row of table ``events`` that holds a message."""
    return {
        "message_id": event.message_id,
        "event_id": event.id,
        "type": event.type,
        "camera": event.camera,
        "rule": event.rule,
        "name": event.name,
        "severity": event.severity,
        "class_name": None if event.object is None else event.object.class_name,
        "ordinal": event.ordinal,
        "media_time": event.media_time,
        "wall_time": event.wall_time,
        "committed_ns": now_ns,
        "body": body,
    }


def outbox_row(event: Event, sink: str) -> dict[str, object]:
    """The row of table ``outbox`` that sends a message to a sink."""
    return {
        "message_id": event.message_id,
        "sink": sink,
        "camera": event.camera,
        "state": "pending",
        "attempts": 0,
        "next_attempt_ns": 0,
        "last_error": "",
    }


def reader_row(position: Position) -> dict[str, object]:
    """The row of table ``readers`` that holds a position, less camera and generation."""
    counts = msgspec.json.encode(dict(position.counts), order="sorted").decode()
    return {**{name: getattr(position, name) for name in Position.__slots__}, "counts": counts}


def position_of(row: "Row[Any]") -> Position:
    """The inverse of ``reader_row``."""
    values = {name: getattr(row, name) for name in Position.__slots__}
    return Position(**{**values, "counts": msgspec.json.decode(row.counts, type=dict[str, int])})

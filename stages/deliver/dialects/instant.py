"""Wall time in the forms that dialects write. Where the wall time is not known (a recording without ``start_time``)
all of them count media time from the beginning of 1970: no hour is made up, and order and distances are right."""

from datetime import UTC, datetime, timedelta

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.moment import Moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_s(event: Event, media_time: float | None = None) -> float:
    """Seconds since 1970, to the microsecond, of a point in the media time of the event's camera; None: of the
    message."""
    moment = Moment.of(event)
    at_s = event.media_time if media_time is None else media_time
    if moment.wall_ns is None:
        return round(at_s, 6)
    return round(moment.wall_ns / SECOND + (at_s - event.media_time), 6)


def timestamp(event: Event) -> str:
    """UTC of the message to the millisecond, such as ``2026-11-21T12:00:00.000Z``."""
    at = _EPOCH + timedelta(microseconds=round(epoch_s(event) * 1_000_000))
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"

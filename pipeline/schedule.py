"""When a rule is armed, or a sink is served: days and hours of a time zone."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.clock import SECOND

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_A_DAY = 24 * 60


def _minute(clock: str) -> int:
    hour, colon, minute = clock.strip().partition(":")
    if not (colon and hour.isdigit() and minute.isdigit() and len(minute) == 2):
        raise ValueError(f"{clock!r} is no time of day; write HH:MM")
    value = int(hour) * 60 + int(minute)
    if int(minute) > 59 or value > _MINUTES_A_DAY:
        raise ValueError(f"{clock!r} is no time of day; 00:00 to 24:00 are")
    return value


def _span(hours: str) -> tuple[int, int]:
    """Minutes of the day from (included) and to (not included); past midnight ``to`` is above 24 hours."""
    start, dash, end = hours.partition("-")
    if not dash:
        raise ValueError(f"{hours!r} is no span of hours; write it like '22:00-06:00'")
    first, last = _minute(start), _minute(end)
    if first == last:
        raise ValueError(f"{hours!r} is empty; the whole day is '00:00-24:00'")
    return first, last if last > first else last + _MINUTES_A_DAY


def _check_hours(hours: tuple[str, ...]) -> tuple[str, ...]:
    for each in hours:
        _span(each)
    return hours


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}; write it like 'Europe/Berlin'") from None
    return name


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Schedule(BaseModel):
    """Days and hours in which something may begin; an event that is open runs on to its own end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: Annotated[tuple[Day, ...], BeforeValidator(_as_list)] = Field(
        default=_DAYS, min_length=1, description="Days of the week on which a span of hours may begin."
    )
    hours: Annotated[tuple[str, ...], BeforeValidator(_as_list), AfterValidator(_check_hours)] = Field(
        default=("00:00-24:00",),
        min_length=1,
        description="Spans of the day, like '22:00-06:00'; one past midnight belongs to the day it begins on.",
    )
    time_zone: Annotated[str, AfterValidator(_check_zone)] = Field(
        default="UTC", description="Name in the IANA time zone database, like 'Europe/Berlin'."
    )

    def armed(self, wall_ns: int) -> bool:
        """Whether this moment (UTC, nanoseconds since 1970) lies within the schedule, by the clocks on the wall."""
        local = datetime.fromtimestamp(wall_ns // SECOND, UTC).astimezone(ZoneInfo(self.time_zone))
        minute = local.hour * 60 + local.minute
        today = _DAYS[local.weekday()]
        yesterday = _DAYS[(local - timedelta(days=1)).weekday()]
        return any(
            (today in self.days and first <= minute < last)
            or (yesterday in self.days and first <= minute + _MINUTES_A_DAY < last)
            for first, last in map(_span, self.hours)
        )

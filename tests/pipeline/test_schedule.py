from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from pipeline.schedule import Schedule


def moment(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("text", "armed"),
    [
        ("2026-11-20 22:00", True),  # a Friday
        ("2026-11-20 21:59", False),
        ("2026-11-21 05:59", True),
        ("2026-11-21 06:00", False),
        ("2026-11-21 22:00", False),
        ("2026-11-20 05:00", False),
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on(text: str, armed: bool) -> None:
    night = Schedule.model_validate({"days": ["fri"], "hours": "22:00-06:00", "time_zone": "Europe/Berlin"})
    assert night.armed(moment(text, "Europe/Berlin")) is armed


def test_without_hours_the_whole_day_is_armed() -> None:
    weekend = Schedule.model_validate({"days": ["sat", "sun"]})
    assert weekend.armed(moment("2026-11-21 00:00"))
    assert weekend.armed(moment("2026-11-22 23:59"))
    assert not weekend.armed(moment("2026-11-23 00:00"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"hours": "25:00-26:00"}, "no time of day"),
        ({"hours": "9-17"}, "write HH:MM"),
        ({"hours": "09:00"}, "no span of hours"),
        ({"hours": "09:00-09:00"}, "is empty"),
        ({"time_zone": "Europe/Brelin"}, "unknown time zone"),
        ({"days": ["someday"]}, "'mon'"),
        ({"days": []}, "at least 1"),
    ],
)
def test_a_bad_schedule_is_refused_with_the_reason(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Schedule.model_validate(options)

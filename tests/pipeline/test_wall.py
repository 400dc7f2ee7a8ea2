"""Wall time as text is RFC 3339 in UTC, to the microsecond."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wall import rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_777_636_800_000_000_000, "2026-05-01T12:00:00.000000Z"),
        (1_777_636_800_000_000_999, "2026-05-01T12:00:00.000000Z"),
        (1_777_636_799_999_999_999, "2026-05-01T11:59:59.999999Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_known_moments_read_as_they_should(wall_ns: int, text: str) -> None:
    assert rfc3339(wall_ns) == text


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_reading_the_text_gives_the_moment_to_the_microsecond(wall_ns: int) -> None:
    assert datetime.fromisoformat(rfc3339(wall_ns)) == EPOCH + timedelta(microseconds=wall_ns // 1000)


@given(st.integers(0, 4_000_000_000 * 10**9), st.integers(0, 10**18))
def test_the_order_of_texts_is_the_order_of_moments(wall_ns: int, later_ns: int) -> None:
    assert rfc3339(wall_ns) <= rfc3339(wall_ns + later_ns)

"""Wall time as text."""

from datetime import UTC, datetime


def rfc3339(wall_ns: int) -> str:
    """UTC with microseconds, such as ``2026-05-01T12:00:00.000000Z``."""
    seconds, nanoseconds = divmod(wall_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

"""Events on the terminal: a line each, or everything about one."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.redaction import redact
from pipeline.store.catalogue import Alarm, Delivery, moment
from pipeline.store.rows import StoredEvent

SHORT = 8
"""Characters of an id that are shown; the beginning of an id names an event everywhere."""
WIDE = 110
"""Columns of a terminal that shows the reason, too."""
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": ""}


def show_list(alarms: Sequence[Alarm], console: Console) -> None:
    """A line for each event; where it is too long, the reason and the names give way."""
    titles = ["id", "started (UTC)", "media", "lasted", "severity", "camera", "rule", "class", "reason"]
    rows = [_row(alarm) for alarm in alarms]
    if console.width < WIDE:
        titles, rows = titles[:-1], [row[:-1] for row in rows]
    columns = zip(titles, *rows, strict=True)
    widest = {column[0]: max(map(len, column)) for column in columns}
    table = Table(box=None, pad_edge=False)
    for title, width in _widths(widest, console.width).items():
        justify: Literal["left", "right"] = "right" if title in ("media", "lasted") else "left"
        table.add_column(title, no_wrap=True, overflow="ellipsis", justify=justify, width=width)
    for row in rows:
        style = _STYLES.get(row[4], "")
        cells = [escape(each) for each in row]
        cells[4] = f"[{style}]{cells[4]}[/{style}]" if style else cells[4]
        table.add_row(*cells)
    console.print(table)


def _widths(widest: dict[str, int], width: int) -> dict[str, int]:
    """Columns by title: names give way to what has to be whole, and the reason to the names."""
    found = {**widest, "camera": min(widest["camera"], 12), "class": min(widest["class"], 10)}
    room = width - 2 * (len(widest) - 1) - sum(found[title] for title in found if title not in ("rule", "reason"))
    found["rule"] = max(8, min(widest["rule"], room if "reason" not in widest else room // 2))
    if "reason" in widest:
        found["reason"] = max(8, min(widest["reason"], room - found["rule"]))
    return found


def _row(alarm: Alarm) -> list[str]:
    lasted = "open" if alarm.seconds is None else f"{alarm.seconds:.1f} s"
    when = [alarm.event_id[:SHORT], f"{alarm.began:%Y-%m-%d %H:%M:%S}", f"{alarm.started:.1f} s", lasted]
    about = [alarm.camera, alarm.name, alarm.class_name or "", alarm.reason]
    return [*when, alarm.severity, *(redact(each) for each in about)]


def show_one(
    alarm: Alarm,
    messages: Sequence[StoredEvent],
    deliveries: Sequence[Delivery],
    console: Console,
    *,
    deleted: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Everything about one event. ``deleted``: of its files those that were, and when and why."""

    def line(name: str, text: str) -> None:
        console.print(f"{name:<11}{redact(text)}", markup=False, highlight=False, soft_wrap=True)

    over = "open" if alarm.over is None else f"{alarm.over:%Y-%m-%d %H:%M:%S.%f} UTC, {alarm.ending or 'ended'}"
    until = "" if alarm.ended is None else f" to {alarm.ended:.2f} s"
    line("event", alarm.event_id + (" (protected)" if alarm.protected else ""))
    line("rule", f"{alarm.name} ({alarm.rule}), {alarm.severity}, camera {alarm.camera}")
    line("object", alarm.class_name or "none")
    line("started", f"{alarm.began:%Y-%m-%d %H:%M:%S.%f} UTC")
    line("ended", over)
    line("media time", f"{alarm.started:.2f} s{until}")
    for stored in messages:
        event = stored.event
        console.print()
        line(event.type, f"{event.message_id}, at {event.media_time:.2f} s, {event.severity}")
        line("  reason", event.reason)
        for name, path in event.evidence.items():
            line(f"  {name}", f"{path}, {deleted[path]}" if path in deleted else path)
        for each in (one for one in deliveries if one.message_id == event.message_id):
            line("  sink", _delivery(each))


def as_plain(alarm: Alarm, messages: Sequence[StoredEvent] = (), deliveries: Sequence[Delivery] = ()) -> dict[str, Any]:
    """An event as JSON has it; times are RFC 3339, UTC."""
    plain: dict[str, Any] = {
        "id": alarm.event_id,
        "camera": alarm.camera,
        "rule": alarm.rule,
        "name": alarm.name,
        "severity": alarm.severity,
        "class": alarm.class_name,
        "region": alarm.region,
        "reason": alarm.reason,
        "started_at": alarm.began.isoformat(),
        "ended_at": None if alarm.over is None else alarm.over.isoformat(),
        "started": alarm.started,
        "ended": alarm.ended,
        "ending": alarm.ending,
        "messages": alarm.messages,
        "protected": alarm.protected,
    }
    if messages:
        plain["messages"] = [json.loads(stored.body) for stored in messages]
        plain["deliveries"] = [
            {
                "message_id": each.message_id,
                "sink": each.sink,
                "state": each.state,
                "attempts": each.attempts,
                "settled_at": None if each.settled_ns is None else moment(each.settled_ns).isoformat(),
                "last_error": redact(each.last_error),
                "verdict": each.verdict,
                "why": each.why,
            }
            for each in deliveries
        ]
    return plain


def _delivery(each: Delivery) -> str:
    settled = "" if each.settled_ns is None else f" {moment(each.settled_ns):%Y-%m-%d %H:%M:%S} UTC"
    failed = f", {each.attempts} failed attempts: {each.last_error}" if each.attempts else ""
    governor = f"; governor: {each.verdict}, {each.why}" if each.verdict else ""
    return f"{each.sink}: {each.state}{settled}{failed}{governor}"

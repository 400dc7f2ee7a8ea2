"""What lies in the outbox, on the terminal and for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.commands.event_table import SHORT
from pipeline.redaction import redact
from pipeline.store.catalogue import moment
from pipeline.store.letters import Letter

_WIDTHS = {
    "id": SHORT,
    "sink": 4,
    "state": 7,
    "type": 5,
    "camera": 6,
    "rule": 4,
    "since (UTC)": 14,
    "tries": 5,
    "next": 9,
}
"""Least columns of each; names are cut, times never."""


def show_letters(letters: Sequence[Letter], console: Console, now_ns: int) -> None:
    """A line for each, and below it what was said at its last attempt."""
    table = Table(box=None, pad_edge=False)
    for title, width in _WIDTHS.items():
        justify: Literal["left", "right"] = "right" if title == "tries" else "left"
        table.add_column(title, no_wrap=True, overflow="ellipsis", min_width=width, justify=justify)
    said = ""
    for letter in letters:
        names = (redact(letter.sink), letter.state, letter.type, redact(letter.camera), redact(letter.name))
        when = f"{moment(letter.since_ns):%m-%d %H:%M:%S}"
        cells = (
            (letter.event_id or letter.message_id)[:SHORT],
            *names,
            when,
            str(letter.attempts),
            _next(letter, now_ns),
        )
        table.add_row(*map(escape, cells))
    console.print(table)
    for letter in letters:
        line = f"{letter.sink}: {letter.last_error}"
        if letter.last_error and line != said:
            identity = (letter.event_id or letter.message_id)[:SHORT]
            console.print(redact(f"{identity}  {line}"), markup=False, highlight=False, soft_wrap=True)
            said = line


def plain_letter(letter: Letter) -> dict[str, Any]:
    """As JSON has it; times are RFC 3339, UTC."""
    plain = asdict(letter)
    for name in ("since", "first_attempt", "next_attempt", "settled"):
        at_ns = plain.pop(f"{name}_ns")
        plain[f"{name}_at"] = moment(at_ns).isoformat() if at_ns else None
    return {**plain, "last_error": redact(letter.last_error)}


def _next(letter: Letter, now_ns: int) -> str:
    if letter.state != "pending":
        return ""
    wait_s = (letter.next_attempt_ns - now_ns) / 10**9
    return "now" if wait_s <= 0 else f"in {wait_s:.0f} s" if wait_s < 120 else f"in {wait_s / 60:.0f} min"

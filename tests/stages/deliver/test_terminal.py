"""The terminal sink prints one readable line per event, and nothing that steers the terminal."""

import contextlib
import io
import os
from typing import Any

import pytest
from rich.console import Console

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.options import TerminalOptions
from stages.deliver.terminal import TerminalSink


def printed(event: Event, *, width: int = 200, **options: Any) -> str:
    file = io.StringIO()
    sink = TerminalSink(TerminalOptions(**options), console=Console(file=file, width=width, highlight=False))
    sink.send(event, key=event.message_id)
    sink.close()
    return file.getvalue()


def test_a_line_says_when_how_bad_where_what_and_why() -> None:
    line = printed(sample_event(media_time=3678.25))
    head, reason = line.split("83%")
    assert head.split() == ["1:01:18.250", "high", "▶", "start", "gate", "yard", "(in_field)", "person", "#7"]
    assert reason == "  person #7 was inside the zone for 2.1 s (at least 2 s)\n"


def test_wall_time_is_shown_where_it_is_known() -> None:
    assert printed(sample_event(wall_time="2026-11-21T08:00:00Z")).startswith("2026-11-21T08:00:00Z ")


def test_an_event_is_one_line_on_a_narrow_terminal_too() -> None:
    assert printed(sample_event(), width=20).count("\n") == 1


def test_reasons_can_be_left_out() -> None:
    assert "inside the zone" not in printed(sample_event(), reasons=False)


def test_names_cannot_steer_the_terminal() -> None:
    text = printed(sample_event(camera="ga\x1b[2Jte\n", name="[red]x[/red]", reason="a\rb"))
    assert "\x1b" not in text
    assert text.count("\n") == 1
    assert "[red]x[/red]" in text
    assert "\r" not in text


def test_a_closed_terminal_is_an_error_of_delivery() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    file = os.fdopen(writing, "w")
    sink = TerminalSink(TerminalOptions(), console=Console(file=file))
    with pytest.raises(DeliveryError, match="terminal cannot be written"):
        sink.send(sample_event(), key="1")
    with contextlib.suppress(OSError):
        file.close()

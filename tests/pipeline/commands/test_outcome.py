"""What a finished run says of its alerts."""

from pathlib import Path

import msgspec

from pipeline.commands.outcome import alerts_by_rule
from pipeline.store.sample_event import sample_event


def test_alerts_are_counted_by_rule_with_their_first_picture(tmp_path: Path) -> None:
    events = [
        sample_event(
            "gate", number, type=kind, name="lawn", rule="in_field", evidence={"snapshot": f"media/{number}.jpg"}
        )
        for number, kind in enumerate(("start", "end", "start"), start=1)
    ]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    assert alerts_by_rule(path) == ["2 x lawn (in_field), first: media/1.jpg"]


def test_a_run_without_events_says_nothing_of_alerts(tmp_path: Path) -> None:
    assert alerts_by_rule(tmp_path / "events.jsonl") == []

"""What a finished run says of its alerts."""

from pathlib import Path

import msgspec
import pytest

from pipeline.commands.outcome import alerts_by_rule, tell_what_is_left
from pipeline.store.letters import Left
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


def test_the_best_picture_of_the_first_event_is_named_if_it_is_there(tmp_path: Path) -> None:
    events = [
        sample_event("gate", 1, id="a", evidence={"snapshot": "media/1.jpg"}),
        sample_event("gate", 2, id="b", evidence={"snapshot": "media/2.jpg"}),
        sample_event("gate", 3, id="b", type="end", evidence={"best": "media/3.jpg"}),
        sample_event("gate", 4, id="a", type="end", evidence={"best": "media/4.jpg"}),
    ]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    assert alerts_by_rule(path) == ["2 x yard (in_field), first: media/1.jpg"]
    (tmp_path / "media").mkdir()
    for number in (3, 4):
        (tmp_path / "media" / f"{number}.jpg").touch()
    assert alerts_by_rule(path) == ["2 x yard (in_field), first: media/4.jpg"]


def test_a_run_without_events_says_nothing_of_alerts(tmp_path: Path) -> None:
    assert alerts_by_rule(tmp_path / "events.jsonl") == []


def test_what_is_left_is_told_by_sink_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    left = [
        Left("guard", "pending", "https://guard cannot be reached, password=geheim", 2),
        Left("guard", "pending", "", 1040),
        Left("house", "pending", "broker is gone", 1),
        Left("house", "dead", "refused", 3),
        Left("renamed", "pending", "", 7),
    ]
    tell_what_is_left(left, "out", known=["guard", "house"])
    assert capsys.readouterr().err.splitlines() == [
        "sink guard: 1,042 messages are not delivered; run again to go on, or: bartizan deliver flush out",
        "  2: https://guard cannot be reached, password=***",
        "  1,040: not tried yet, or behind another one",
        "sink house: 1 message is not delivered; run again to go on, or: bartizan deliver flush out",
        "  1: broker is gone",
        "sink house: 3 messages are given up; bartizan deliver list out --state dead says why",
        "sink renamed: 7 messages are not delivered; the configuration has no sink of that name: give it back to one "
        "and run again, or: bartizan deliver flush out --config CONFIG.yml",
        "  7: not tried yet, or behind another one",
    ]

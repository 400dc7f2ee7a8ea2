"""A digest goes through every sink as it is, and says what was kept back."""

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.cloudevents import cloud_event
from stages.deliver.decision import Decision, Role, Verdict
from stages.deliver.digest import Digest
from stages.deliver.jsonl import JsonLinesSink
from stages.deliver.options import JsonLinesOptions, SqliteOptions, TerminalOptions
from stages.deliver.sqlite import SqliteSink
from stages.deliver.terminal import TerminalSink
from tests.stages.deliver.governing import event, limits, run


@pytest.fixture(scope="module")
def digest() -> Event:
    """Of two cameras."""
    events = [event(n, n * 1.0, camera=camera, x=x) for n in (1, 2, 3) for camera in "ab" for x in (0.1 * n,)]
    (found,) = run([*events, event(9, 9.0, camera="b", x=0.9, name="door", severity="high")], limits(per_site=1)).sent
    return found


def test_it_says_how_many_of_what_and_is_as_severe_as_the_worst_of_it(digest: Event) -> None:
    assert (digest.type, digest.rule, digest.name, digest.camera) == ("digest", "governor", "digest", "")
    assert digest.reason == "3 events held back and 2 events merged: 3 x 'yard' on b, 2 x 'yard' on a"
    assert digest.severity == "medium", "what was high was delivered"
    assert (digest.started, digest.media_time) == (1.0, 3.0)
    assert [(line["camera"], line["predicate"], line["value"]) for line in digest.why] == [
        ("b", "held_back", 3),
        ("a", "merged", 2),
    ]


def test_it_has_a_place_and_a_type_of_its_own_in_a_cloud_event(digest: Event) -> None:
    envelope = cloud_event(digest)
    assert (envelope.source, envelope.type) == ("/bartizan", "bartizan.governor.digest")
    assert envelope.id == digest.message_id


def test_it_is_one_line_on_the_terminal(digest: Event) -> None:
    file = io.StringIO()
    TerminalSink(TerminalOptions(), console=Console(file=file, width=300, highlight=False)).send(digest, key="k")
    assert "≡ digest" in file.getvalue()
    assert file.getvalue().endswith("digest (governor)  " + digest.reason + "\n")


def test_it_is_a_line_and_a_row_like_any_other(digest: Event, tmp_path: Path) -> None:
    lines = JsonLinesSink(JsonLinesOptions(path=tmp_path / "a.jsonl"))
    rows = SqliteSink(SqliteOptions(path=tmp_path / "a.db"))
    for sink in (lines, rows):
        for _ in range(2):
            sink.send(digest, key=digest.message_id)
        sink.close()
    (line,) = (tmp_path / "a.jsonl").read_text().splitlines()
    assert json.loads(line)["why"] == digest.why
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        found = database.execute("select message_id, type, camera, reason from events").fetchall()
    assert found == [(digest.message_id, "digest", "", digest.reason)]


def test_what_is_kept_for_a_digest_does_not_grow_with_what_explains_an_event() -> None:
    sizes = []
    for entries in (1, 500):
        trace = [{"time": 1.0 * n, "predicate": "in_zone", "value": 1.0} for n in range(entries)]
        history = [(1.0 * n, 0.5) for n in range(entries)]
        digest = Digest(limits())
        long = event(1, 1.0, why=trace, score_history=history, region={"zone": [[0.1, 0.2]] * entries})
        digest.note(long, Decision(Verdict.HELD, Role.OPENING, "because"), 0)
        sizes.append(len(msgspec.json.encode(digest.kept[0].event)))
    assert sizes[0] == sizes[1]


def test_very_many_events_are_counted_and_the_first_of_them_named() -> None:
    (digest,) = run([event(n, n * 0.1) for n in range(1, 102)], limits()).sent
    assert digest.why[0]["value"] == 100
    assert digest.why[0]["ids"] == [f"gate-{n}" for n in range(2, 22)]


@pytest.mark.parametrize("now_s", [3600, -3 * 3600])
def test_it_comes_by_the_clock_also_when_that_was_set_back(now_s: int) -> None:
    digest = Digest(limits(digest_s=3600))
    digest.note(event(1, 1.0), Decision(Verdict.HELD, Role.OPENING, "because"), 10**18)
    assert not digest.due(10**18 + 3599 * SECOND)
    assert digest.due(10**18 + now_s * SECOND)

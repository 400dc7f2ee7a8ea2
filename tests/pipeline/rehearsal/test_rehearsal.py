"""A run's results asked again: the same to the byte with its own rules, and with others what a run with those gives."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.errors import LogError, UsageError
from pipeline.messages import Event
from pipeline.rehearsal.rehearsal import line_of, rehearse
from pipeline.rehearsal.window import Moment, Window
from pipeline.store.address import STORE
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.testing import Script
from tests.pipeline.rehearsal.stored_run import KERB, LAWN, SCRIPT, colour, kept_of, spec_of, store_run

GATE = {"gate": False}
WEEK = Window()
OTHERS: list[dict[str, Any]] = [
    {**LAWN, "enter_inertia_s": 2.0, "update_s": 2},
    {"rule": "loitering", "seconds": 12, "max_gap_s": 8},
    {"rule": "crowding", "limit": 1},
]


def written(events: list[Event]) -> list[bytes]:
    return [line_of(event) for event in events]


def test_a_runs_own_rules_give_the_same_events_to_the_byte(tmp_path: Path) -> None:
    kept = kept_of(LAWN, KERB, cameras=GATE)
    events = store_run(tmp_path, kept, {"gate": SCRIPT})
    assert {event.name for event in events} == {"lawn", "kerb"}
    again = rehearse(tmp_path, KeptAnalysis.read(tmp_path), window=WEEK)
    assert again.lines() == written(events)
    assert again.is_identical
    assert not again.differs
    assert again.frames == len(SCRIPT.times())
    assert not again.cameras["gate"].tracked_anew


def test_other_rules_give_the_events_of_a_run_with_those_rules_to_the_byte(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    own, other = kept_of(LAWN, KERB, cameras=GATE), kept_of(*OTHERS, cameras=GATE)
    store_run(mine, own, {"gate": SCRIPT})
    expected = store_run(theirs, other, {"gate": SCRIPT})
    again = rehearse(mine, KeptAnalysis.read(mine).with_rules(other.rules), window=WEEK)
    assert again.analysis_sha256 == other.sha256 != own.sha256
    assert expected
    assert again.lines() == written(expected)
    assert again.differs
    assert not again.is_identical


def test_where_tracks_are_gone_they_are_made_again_from_the_log(tmp_path: Path) -> None:
    kept = kept_of(LAWN, KERB, cameras=GATE)
    store_run(tmp_path, kept, {"gate": SCRIPT})
    spec_of(tmp_path, ["gate"]).spool_path("gate").unlink()
    again = rehearse(tmp_path, kept, window=WEEK)
    assert again.cameras["gate"].tracked_anew
    assert again.is_identical


def test_a_run_that_goes_on_is_asked_as_far_as_it_has_committed(tmp_path: Path) -> None:
    kept = kept_of(LAWN, KERB, cameras=GATE)
    events = store_run(tmp_path, kept, {"gate": SCRIPT}, upto=250)
    assert events[-1].type == "start", "somebody is on the lawn"
    again = rehearse(tmp_path, kept, window=WEEK)
    assert again.is_identical
    assert again.frames == 248


def test_what_a_run_commits_while_it_is_asked_is_left_for_later(tmp_path: Path) -> None:
    kept = kept_of(LAWN, KERB, cameras=GATE)
    whole = store_run(tmp_path / "whole", kept, {"gate": SCRIPT})
    events = store_run(tmp_path, kept, {"gate": SCRIPT}, upto=250)
    later = [event for event in whole if event not in events]
    assert later
    going_on = iter([Position(b"", 0, len(SCRIPT.records()))])

    def go_on(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM readers" in statement and (position := next(going_on, None)):
            with EventStore.open(tmp_path / STORE, analysis_sha256=kept.sha256) as run:
                run.commit("gate", later, position, lambda _: [])

    listen(Engine, "after_cursor_execute", go_on)
    try:
        again = rehearse(tmp_path, kept, window=WEEK)
    finally:
        remove(Engine, "after_cursor_execute", go_on)
    assert next(going_on, None) is None, "the run has gone on meanwhile"
    assert not again.differs
    assert written(again.raised) == written(events)
    assert stored_messages(tmp_path) == len(whole)


def stored_messages(out: Path) -> int:
    with EventStore.open(out / STORE, analysis_sha256=None) as store:
        positions, last = store.reached()
        assert positions == store.positions()
        assert last == max(row.number for row in store.events("commit"))
        return len(list(store.events()))


def test_cameras_come_in_source_order_and_can_be_chosen(tmp_path: Path) -> None:
    cameras = {"yard": False, "gate": True}
    kept = kept_of(LAWN, KERB, cameras=cameras)
    scripts = {name: replace(SCRIPT, camera=name, live=live, seed=live) for name, live in cameras.items()}
    store_run(tmp_path, kept, scripts)
    both = rehearse(tmp_path, kept, window=WEEK)
    assert both.is_identical
    assert [event.camera for event in both.told] == sorted((e.camera for e in both.told), reverse=True)
    one = rehearse(tmp_path, kept, cameras=["gate"], window=WEEK)
    assert {event.camera for event in [*one.told, *one.raised]} == {"gate"}
    with pytest.raises(UsageError, match="no such camera, did you mean 'gate'"):
        rehearse(tmp_path, kept, cameras=["gat"], window=WEEK)


@pytest.mark.parametrize(("live", "late"), [(False, 0), (True, 0), (True, 3)])
def test_answers_of_classifiers_count_at_the_frames_at_which_they_did(tmp_path: Path, live: bool, late: int) -> None:
    red = {**LAWN, "attributes": {"colour": "red"}}
    kept = kept_of(red, KERB, cameras={"gate": live}, classify=(colour("gate"),))
    events = store_run(tmp_path, kept, {"gate": SCRIPT}, late=late)
    assert any(event.object is not None and event.object.attributes == {"colour": "red"} for event in events)
    assert rehearse(tmp_path, KeptAnalysis.read(tmp_path), window=WEEK).is_identical
    blue = kept_of({**LAWN, "attributes": {"colour": "blue"}}, cameras={"gate": live}, classify=kept.classify)
    assert rehearse(tmp_path, kept.with_rules(blue.rules), window=WEEK).told == []


def test_a_window_is_warmed_up_from_the_beginning(tmp_path: Path) -> None:
    kept = kept_of({"rule": "loitering", "name": "lawn", "seconds": 12}, KERB, cameras=GATE)
    whole = store_run(tmp_path, kept, {"gate": SCRIPT})
    since, until = (Moment.parse(text, option="--since") for text in ("50", "58s"))
    again = rehearse(tmp_path, kept, window=Window(since, until))
    assert again.is_identical
    assert [event for event in whole if event.id in {e.id for e in again.told} and event.media_time <= 58] == again.told
    assert {event.started for event in again.told if event.rule == "loitering"} != set()
    assert all(event.media_time > 50 for event in again.told if event.type == "end")
    assert len(again.told) < len(whole)


def test_a_window_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    kept = kept_of(LAWN, KERB, cameras=GATE)
    script = replace(SCRIPT, start_wall_ns=1_800_000_000 * 10**9)
    store_run(tmp_path, kept, {"gate": script})
    by_wall = Window(Moment(1_800_000_030.0, is_wall=True), Moment(1_800_000_055.0, is_wall=True))
    by_media = Window(Moment(30.0, is_wall=False), Moment(55.0, is_wall=False))
    told = rehearse(tmp_path, kept, window=by_wall).told
    assert told
    assert told == rehearse(tmp_path, kept, window=by_media).told
    other = tmp_path / "unknown"
    store_run(other, kept, {"gate": SCRIPT})
    with pytest.raises(UsageError, match="gate: the wall time of its frames is unknown"):
        rehearse(other, kept, window=by_wall)


def test_a_rule_for_a_class_that_the_detector_lacks_is_refused(tmp_path: Path) -> None:
    kept = kept_of(LAWN, cameras=GATE)
    store_run(tmp_path, kept, {"gate": SCRIPT})
    wrong = kept_of({**LAWN, "classes": ["persom"]}, cameras=GATE)
    with pytest.raises(UsageError, match="persom"):
        rehearse(tmp_path, kept.with_rules(wrong.rules), window=WEEK)


def test_tracks_of_another_run_or_cut_ones_are_refused(tmp_path: Path) -> None:
    kept = kept_of(LAWN, cameras=GATE)
    store_run(tmp_path, kept, {"gate": SCRIPT})
    spool = spec_of(tmp_path, ["gate"]).spool_path("gate")
    whole = spool.read_bytes()
    spool.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"gate\.spool: ends before its log does, at frame \d+: it was cut"):
        rehearse(tmp_path, kept, window=WEEK)
    spool.unlink()
    store_run(tmp_path / "other", kept, {"gate": Script(walks=SCRIPT.walks, seconds=90, fps=7)})
    spool.write_bytes(spec_of(tmp_path / "other", ["gate"]).spool_path("gate").read_bytes())
    with pytest.raises(UsageError, match="not of one run"):
        rehearse(tmp_path, kept, window=WEEK)


def test_a_log_that_was_cut_is_refused(tmp_path: Path) -> None:
    kept = kept_of(LAWN, cameras=GATE)
    store_run(tmp_path, kept, {"gate": SCRIPT})
    log = spec_of(tmp_path, ["gate"]).log_path("gate")
    log.write_bytes(log.read_bytes()[:5000])
    with pytest.raises(LogError, match="which the run took in"):
        rehearse(tmp_path, kept, window=WEEK)

"""``bartizan why`` on results of scripted scenes."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from lab.why.command import why
from lab.why.finding import read_results
from lab.why.moment import moments
from lab.why.text import text
from pipeline.errors import CannotStart, UsageError
from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.stage import AlertStage
from stages.evidence.options import SnapshotOptions
from stages.evidence.snapshot import SnapshotStage
from tests.stages.alert.scenes import SCENES, rule_of

ENCODE = msgspec.json.Encoder(order="deterministic").encode


def told(*kinds: str) -> list[Event]:
    events = []
    for kind in kinds:
        stage = AlertStage(AlertOptions(), rules=[rule_of(kind)], trackers=ScriptedTracker)
        events += stage.process("gate", SCENES[kind][1].records()).events
    return events


def write(folder: Path, events: Sequence[Event], *, pictures: bool = True) -> Path:
    (folder / "media").mkdir(parents=True, exist_ok=True)
    (folder / "events.jsonl").write_bytes(b"".join(ENCODE(event) + b"\n" for event in events))
    ground = np.full((1000, 1000, 3), 90, np.uint8)
    for event in events:
        if pictures and event.type == "start":
            picture = SnapshotStage(SnapshotOptions()).process(event, ground)
            (folder / event.evidence["snapshot"]).write_bytes(picture)
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("results"), told("loitering", "line_crossed", "crowding"))


@pytest.fixture
def results(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "results"))


def ask(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(why)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def first(folder: Path, rule: str) -> Event:
    return next(event for event in read_results(folder).messages if event.rule == rule)


def test_the_terminal_says_what_why_and_what_would_have_prevented_it(results: Path) -> None:
    said = ask(first(results, "loitering").id[:6], "--out", str(results))
    for line in (
        "person 1 stayed in zone 'loitering' for 4.0 s (limit 4 s)",
        "time in the zone",
        "at least 4 s",
        "Computed again from the record alone: raised.",
        "Why it ended",
        "What would have prevented it, smallest change first",
        "instead of 4 ",
        "From this record",
    ):
        assert line in said


def test_the_page_is_whole_in_itself_and_holds_the_record(results: Path, tmp_path: Path) -> None:
    ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    html = (tmp_path / "why.html").read_text()
    assert "default-src 'none'" in html
    assert not any(word in html for word in ('src="http', "<script", "<link", 'href="http'))
    event = first(results, "loitering")
    for word in (event.id, event.message_id, event.analysis_sha256, event.model["sha256"], "&quot;score_history&quot;"):
        assert word in html


def test_the_picture_lies_beside_the_page(results: Path) -> None:
    import cv2

    said = ask("1", "--out", str(results))
    event = first(results, "loitering")
    picture = results / "why" / f"{event.id[:8]}.png"
    assert str(picture) in said.replace("\n", "")
    pixels = cv2.imread(str(picture))
    assert pixels is not None
    assert pixels.shape == (900, 1600, 3)


def test_a_line_of_an_end_means_the_event_that_ended(results: Path) -> None:
    messages = read_results(results).messages
    number = next(n for n, message in enumerate(messages, start=1) if message.type == "end")
    answer = json.loads(ask(str(number), "--out", str(results), "--json"))
    assert answer["event"] == messages[number - 1].id
    assert answer["verdict"] == "raised"
    assert all(check["holds"] for check in answer["checks"])
    assert answer["preventions"][0]["certain"]


def test_a_message_id_means_its_event(results: Path) -> None:
    event = first(results, "crowding")
    assert json.loads(ask(event.message_id, "--out", str(results), "--json"))["event"] == event.id


def test_events_by_themselves_are_explained_without_pictures(tmp_path: Path) -> None:
    folder = write(tmp_path / "alone", told("loitering", "crowding"), pictures=False)
    for number in ("1", "4"):
        page = tmp_path / f"{number}.html"
        ask(number, "--out", str(folder / "events.jsonl"), "-o", str(page))
        assert "Drawn from the record alone: its snapshot is not beside events.jsonl (media/" in page.read_text()


def test_a_live_picture_that_was_missed_says_why(results: Path, tmp_path: Path) -> None:
    event = first(results, "loitering")
    snapshot = results / event.evidence["snapshot"]
    snapshot.with_suffix(".missing").write_text("the slot was gone")
    snapshot.unlink()
    ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    assert "there is no snapshot: the slot was gone" in (tmp_path / "why.html").read_text()


def test_a_picture_that_is_no_picture_is_said(results: Path, tmp_path: Path) -> None:
    (results / first(results, "loitering").evidence["snapshot"]).write_bytes(b"")
    ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    assert "cannot be read as a picture" in (tmp_path / "why.html").read_text()


def test_the_store_is_read_where_a_killed_run_left_no_file(results: Path) -> None:
    events = list(read_results(results).messages)
    with EventStore.open(results / "events.db", analysis_sha256="a" * 64, source_order=["gate"]) as store:
        store.commit("gate", events, Position(b"", 1, 1), lambda _: [])
    (results / "events.jsonl").unlink()
    found = read_results(results)
    assert found.source.name == "events.db"
    assert {event.message_id for event in found.messages} == {event.message_id for event in events}


def test_a_line_that_is_being_written_is_left_for_later(results: Path) -> None:
    whole = len(read_results(results).messages)
    with (results / "events.jsonl").open("ab") as file:
        file.write(b'{"schema": 2, "id": "12')
    assert len(read_results(results).messages) == whole


def test_a_record_that_was_tampered_with_is_found_out(results: Path) -> None:
    event = first(results, "loitering")
    why = [{**entry, "value": 1.5} if entry["predicate"] == "seconds_in_zone" else entry for entry in event.why]
    write(results, [msgspec.structs.replace(event, why=why)], pictures=False)
    found = read_results(results)
    said = text(found, found.find("1"))
    assert "not raised. seconds_in_zone: 1.5 is not >= 4.0" in said
    assert "<- does not hold" in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zzzz", r"events\.jsonl has no event 'zzzz'; the latest are [0-9a-f]{8} \("),
        ("999", r"has no event '999': it has \d+ lines"),
        ("", r"has no event ''; the latest are"),
    ],
)
def test_an_unknown_event_is_one_clear_line(results: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_results(results).find(name)
    assert "\n" not in str(caught.value)


def test_a_slip_of_the_finger_is_taken_back(results: Path) -> None:
    right = first(results, "crowding").id[:10]
    wrong = right[:4] + ("0" if right[4] != "0" else "1") + right[5:]
    with pytest.raises(UsageError, match=rf"did you mean {right[:8]} \(crowding, "):
        read_results(results).find(wrong)


def test_a_beginning_that_fits_several_events_names_them(results: Path) -> None:
    events = [event for event in read_results(results).messages if event.type == "start"]
    several = [msgspec.structs.replace(each, id=f"abc{n}{each.id[4:]}") for n, each in enumerate(events)]
    write(results, several, pictures=False)
    with pytest.raises(UsageError, match=rf"'ABC' fits {len(several)} events .*: abc0.*give more of the id"):
        read_results(results).find("ABC")


def test_an_event_without_its_start_cannot_be_explained(results: Path) -> None:
    write(results, [event for event in read_results(results).messages if event.type == "end"], pictures=False)
    with pytest.raises(UsageError, match="has no start of event"):
        read_results(results).find("1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"has no events\.jsonl; name the folder of a run's results"),
        (b"", "holds no events: nothing was raised"),
        (b"{}\n", r"events\.jsonl:1: is no event of Bartizan: Object missing required field"),
        (b"\xff\xfe\n", r"events\.jsonl:1: is no event of Bartizan"),
    ],
)
def test_folders_without_events_are_one_clear_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "events.jsonl").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_results(tmp_path)


def test_a_name_with_dollars_is_drawn_as_it_is(results: Path, tmp_path: Path) -> None:
    event = msgspec.structs.replace(
        first(results, "loitering"), name="pay $5_$ gate", reason="person in 'pay $5_$ gate'"
    )
    write(results, [event])
    assert "loitering 'pay $5_$ gate'" in ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("form", ["absolute", "upwards", "link"])
def test_a_snapshot_outside_the_results_is_not_read(results: Path, tmp_path: Path, form: str) -> None:
    event = first(results, "loitering")
    inside, secret = results / event.evidence["snapshot"], tmp_path / "secret.jpg"
    shutil.copy(inside, secret)
    (results / "media" / "link.jpg").symlink_to(secret)
    name = {"absolute": str(secret), "upwards": "media/../../secret.jpg", "link": "media/link.jpg"}[form]
    write(results, [msgspec.structs.replace(event, evidence={"snapshot": name})], pictures=False)
    ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    assert "its snapshot lies outside the results" in (tmp_path / "why.html").read_text()


def test_a_note_outside_the_results_is_not_read(results: Path, tmp_path: Path) -> None:
    (tmp_path / "note.missing").write_text("told in confidence")
    event = msgspec.structs.replace(first(results, "loitering"), evidence={"snapshot": "../note.jpg"})
    write(results, [event], pictures=False)
    ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    assert "told in confidence" not in (tmp_path / "why.html").read_text()


@pytest.mark.parametrize("name", ["media/\0.jpg", "x" * 5000, "."])
def test_a_snapshot_whose_name_is_none_is_said(results: Path, tmp_path: Path, name: str) -> None:
    event = msgspec.structs.replace(first(results, "loitering"), evidence={"snapshot": name})
    write(results, [event], pictures=False)
    ask("1", "--out", str(results), "-o", str(tmp_path / "why.html"))
    assert "Drawn from the record alone: the snapshot " in (tmp_path / "why.html").read_text()


@pytest.mark.parametrize("event_id", ["../../ab", "/tmp/x/y", "a/b\\c.d", ""])
def test_a_page_named_by_its_event_lies_in_its_folder(results: Path, event_id: str) -> None:
    write(results, [msgspec.structs.replace(first(results, "loitering"), id=event_id)], pictures=False)
    before = set(results.parent.iterdir())
    answer = json.loads(ask("1", "--out", str(results), "--json"))
    assert Path(answer["page"]).resolve().parent == (results / "why").resolve()
    assert {Path(answer["page"]), Path(answer["picture"])} == set((results / "why").iterdir())
    assert set(results.parent.iterdir()) == before


def test_a_record_whose_parts_are_none_is_told(results: Path) -> None:
    event = first(results, "loitering")
    for parts in (None, ["inside"]):
        why = [entry | {"parts": parts} if "seconds_in_zone" in entry.values() else entry for entry in event.why]
        write(results, [msgspec.structs.replace(event, why=why)], pictures=False)
        assert "not raised. parts: " in ask("1", "--out", str(results))


def test_an_event_that_the_video_ended_does_not_say_that_its_condition_was_over(tmp_path: Path) -> None:
    stage = AlertStage(AlertOptions(), rules=[rule_of("loitering")], trackers=ScriptedTracker)
    stays = Walk(stops=[(0.0, 0.1, 0.6), (2.0, 0.35, 0.6), (12.0, 0.4, 0.6)])
    events = stage.process("gate", Script(walks=[stays], seconds=10).records()).events
    assert events[-1].ended == "end_of_stream"
    course = read_results(write(tmp_path, events, pictures=False)).find("1")
    assert [each.what for each in moments(course)][-1] == "video over, event ended"


def test_a_page_is_not_written_over_by_its_picture(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"names the page, such as .*why\.html; the picture lies beside it"):
        ask("1", "--out", str(results), "-o", str(tmp_path / "why.png"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        read_results(tmp_path / "nowhere")


def test_a_page_that_cannot_be_written_is_one_clear_line(results: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="cannot be written"):
        ask("1", "--out", str(results), "-o", str(tmp_path / "file" / "why.html"))


def test_a_record_of_an_older_version_says_that_it_cannot_be_checked(results: Path) -> None:
    event = first(results, "loitering")
    older: list[dict[str, Any]] = [
        {key: value for key, value in entry.items() if key not in ("comparison", "option")} for entry in event.why
    ]
    write(results, [msgspec.structs.replace(event, why=older, version="")], pictures=False)
    found = read_results(results)
    said = text(found, found.find("1"))
    assert "It cannot be computed again: the record is of a version that did not say how to compare." in said
    assert "<- cannot be compared" in said

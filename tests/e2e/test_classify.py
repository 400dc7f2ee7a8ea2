"""Classification beside the pipeline: only red things alert, whatever is killed, and live alarms wait for nobody."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.journal.log import LogReader
from pipeline.messages import FrameRecord
from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR
from tests.e2e.running import Running

FRAMES = 240
SOURCE = f"synthetic:320x240@10?frames={FRAMES}&boxes=3&recording=yes"
"""A red box, a blue one, and a green one that touches the border of the picture."""
OWN = "tests.e2e.asking"
PROCESSES = [
    ("classify[colour/0]", "alert"),
    ("classify[moves/0]", "dispatch"),
    ("detect[0]", "evidence"),
    ("capture[clip]", "classify[colour/0]"),
]


def configured(folder: Path, *, source: str = SOURCE, **classify: Any) -> Path:
    """A configuration whose rule wants red things, and one that takes all."""
    often = {"kind": "colour", "every_s": 0.2, "settled_every_s": 0.2, "delay_s": 0.5, **classify}
    config = {
        "cameras": {"clip": {"source": source}},
        "stages": {
            "detect": {"kind": DETECTOR, "boxes": 3, "delay_s": 0.005},
            "classify": [often, {"kind": f"{OWN}:Moves", "name": "moves", "delay_s": 0.8}],
        },
        "rules": [
            {"rule": "in_field", "name": "red", "attributes": {"colour": "red"}, "update_s": 1},
            {"rule": "in_field", "name": "anything"},
            {"rule": "behaviour", "name": "moving", "shows": "moves", "scope": "track", "threshold": 0.5, "rearm_s": 0},
        ],
        "supervisor": {"liveness_s": 3, "backoff_first_s": 0.1},
    }
    path = folder / "watch.yml"
    path.write_text(json.dumps(config))  # which is YAML
    return path


def command(config: Path, out: Path, *options: str) -> list[str]:
    return ["run", str(config), "--out", str(out), *options]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("undisturbed")
    run = Running(command(configured(folder), folder / "out"), folder / "out")
    try:
        assert run.wait() == 0, run.said()
    finally:
        run.end()
    return run


def same_as(undisturbed: Running, run: Running) -> None:
    assert run.wait() == 0, run.said()
    report = run.report()
    assert report["balanced"], report["imbalances"]
    assert (run.out / "events.jsonl").read_bytes() == (undisturbed.out / "events.jsonl").read_bytes()
    snapshots = {path.name: path.read_bytes() for path in (undisturbed.out / "media").iterdir()}
    assert {path.name: path.read_bytes() for path in (run.out / "media").iterdir()} == snapshots
    assert book(run) == book(undisturbed)


def book(run: Running) -> dict[str, Any]:
    found: dict[str, Any] = next(book for book in run.report()["books"] if book["stage"] == "classify")
    return found


def test_only_the_red_object_alerts_a_rule_that_wants_red(undisturbed: Running) -> None:
    starts = [event for event in undisturbed.events() if event["type"] == "start"]
    (red,) = [event for event in starts if event["name"] == "red"]
    assert red["object"]["attributes"] == {"colour": "red"}
    wanted = {"predicate": "colour", "comparison": "==", "threshold": "red", "value": "red"}
    assert {**wanted, "time": red["media_time"]} in red["why"]
    ends = [event for event in undisturbed.events() if event["type"] == "end" and event["name"] == "anything"]
    said = {event["object"]["attributes"].get("colour") for event in ends}
    assert said == {"red", "blue", None}, "what is cut by the border is not judged"


def test_a_behaviour_of_tracks_starts_and_ends_events(undisturbed: Running) -> None:
    told = [event for event in undisturbed.events() if event["name"] == "moving"]
    assert {event["type"] for event in told} >= {"start", "end"}
    assert "shows moves (score" in next(event["reason"] for event in told if event["type"] == "start")


def test_crops_that_were_wished_for_are_in_the_books(undisturbed: Running) -> None:
    assert undisturbed.report()["balanced"]
    crops = book(undisturbed)
    assert crops["in"] > 150
    assert crops["in"] == crops["out"] + crops["dropped"].get("ended", 0)
    assert crops["dropped"].keys() <= {"ended"}


@pytest.mark.slow
@pytest.mark.parametrize("labels", PROCESSES, ids=" and ".join)
def test_killed_and_frozen_processes_change_nothing(
    start: Start, undisturbed: Running, tmp_path: Path, labels: tuple[str, str]
) -> None:
    run = start(command(configured(tmp_path), tmp_path / "out"), tmp_path / "out")
    for label in labels:
        run.child(label)
        run.signal(label, signal.SIGKILL)  # while it starts
    run.wait_frames("clip", FRAMES // 4)
    for label in labels:
        run.signal(label, signal.SIGKILL)
    run.wait_frames("clip", FRAMES // 2)
    for label in labels:
        run.signal(label, signal.SIGSTOP)
    same_as(undisturbed, run)
    for label in labels:
        restarts = [restart for restart in run.report()["restarts"] if restart["stage"] == label]
        assert len(restarts) >= 2, run.report()["restarts"]


@pytest.mark.slow
def test_the_number_of_classify_processes_changes_nothing(start: Start, undisturbed: Running, tmp_path: Path) -> None:
    workers = 3  # two: the next test
    config = configured(tmp_path, workers=workers)
    run = start(command(config, tmp_path / "out"), tmp_path / "out")
    run.wait_frames("clip", FRAMES // 3)
    run.signal(f"classify[colour/{workers - 1}]", signal.SIGKILL)
    same_as(undisturbed, run)


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_with_another_number_of_processes(
    start: Start, undisturbed: Running, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = start(command(configured(tmp_path), out), out)
    first.wait_frames("clip", FRAMES // 3)
    first.kill()
    second = start(command(configured(tmp_path, workers=2), out), out)
    same_as(undisturbed, second)


@pytest.mark.slow
def test_a_classifier_that_cannot_live_is_given_up_and_the_rest_of_the_recording_is_watched(
    start: Start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = start(command(configured(tmp_path, kind=f"{OWN}:DyingClassifier", name="colour"), out), out)
    assert run.wait() == 3, run.said()
    assert "classify_lost" in run.said()
    assert run.frames("clip") == FRAMES
    starts = [event for event in run.events() if event["type"] == "start"]
    assert {event["name"] for event in starts} == {"anything", "moving"}, "unknown is not red"
    report = run.report()
    assert report["balanced"], report["imbalances"]
    assert book(run)["dropped"]["classify_lost"] > 50


def test_a_crop_that_a_classifier_cannot_bear_is_answered_with_the_reason_and_the_rest_goes_on(
    start: Start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    source = SOURCE.replace(f"frames={FRAMES}", "frames=80")
    config = configured(tmp_path, source=source, kind=f"{OWN}:PickyClassifier", name="colour")
    run = start(command(config, out), out)
    assert run.wait() == 0, run.said()
    names = {event["name"]: event["object"]["attributes"] for event in run.events() if event["type"] == "end"}
    assert names["red"] == {"colour": "red"}
    assert "no blue, please" in run.said()


def test_a_rule_that_waits_for_what_the_classifier_never_says_is_refused(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = configured(tmp_path, kind=f"{OWN}:PickyClassifier", name="colour")
    config.write_text(config.read_text().replace('"red"}', '"rde"}'))
    run = start(command(config, out), out)
    assert run.wait() == 3, run.said()
    assert "never says 'rde'; did you mean 'red'?" in run.said()


# ---- live

LIVE = "synthetic:320x240@10?boxes=3"


def wait_events(run: Running, name: str, kind: str, count: int) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        told = [event for event in run.events_so_far() if event["name"] == name and event["type"] == kind]
        return told if len(told) >= count else []

    return run.wait_for(found, f"{count} {kind} events of {name}")


@pytest.mark.slow
def test_live_alarms_go_on_while_the_classifier_is_dead_and_it_comes_back(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = start(command(configured(tmp_path, source=LIVE), out), out)
    wait_events(run, "red", "start", 1)
    frozen = run.signal("classify[colour/0]", signal.SIGSTOP)
    updates = len(wait_events(run, "red", "update", 1))
    wait_events(run, "red", "update", updates + 2)
    run.another("classify[colour/0]", frozen)
    wait_events(run, "red", "update", updates + 6)
    assert run.stop() == 0, run.said()
    report = run.report()
    assert report["balanced"], report["imbalances"]
    assert book(run)["dropped"]["late"] > 0
    assert book(run)["out"] > 0


@pytest.mark.slow
def test_a_live_run_told_again_from_its_log_and_journal_says_the_same(start: Start, tmp_path: Path) -> None:
    """The answers that were late are written down, so that they are late again."""
    from pipeline.build import build_alert
    from pipeline.configuration.loading import load_config
    from pipeline.desk import Desk
    from pipeline.messages import EndRecord, Missed
    from pipeline.spec import RunSpec
    from pipeline.store.event_store import EventStore

    out = tmp_path / "out"
    path = configured(tmp_path, source=LIVE, kind=f"{OWN}:SlowClassifier", name="colour", delay_s=1.0)
    run = start(command(path, out), out)
    wait_events(run, "red", "update", 3)
    run.signal("alert", signal.SIGKILL)
    wait_events(run, "red", "update", 6)
    assert run.stop() == 0, run.said()
    assert book(run)["dropped"]["late"] > 0

    alert = build_alert(load_config(path))
    spec = RunSpec(config=b"", out=str(out), run_dir="", ring_dir="", endpoint="", analysis_sha256="", cameras=["clip"])
    with EventStore.open(spec.store, analysis_sha256=None) as store:
        missed, told = store.missed("clip"), [stored.event for stored in store.events()]
    desk = Desk(spec, "clip", {"colour": 1, "moves": 1}, live=True, after=-1, missed=missed)
    headers = {header.classifier: header for header in desk.poll([])}
    reader, events = LogReader(spec.log_path("clip")), []
    while batch := reader.read(1000):
        for record, _ in batch:
            if isinstance(record, FrameRecord):
                joining = [fact for fact in missed if fact.reason == "joined" and fact.index == record.frame.index]
                alert.learn("clip", [headers[fact.classifier] for fact in joining])
                due = [wish for wish in alert.wishes("clip") if wish.due_ns <= record.frame.media_ns]
                facts = desk.settle(due)
                assert facts is not None
                assert all(fact in missed for fact in facts if isinstance(fact, Missed)), "late, but not written down"
                alert.learn("clip", facts)
            assert not isinstance(record, EndRecord) or batch[-1][0] is record
            events += alert.process("clip", [record]).events
    reader.close()
    assert events == told

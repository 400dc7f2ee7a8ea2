"""``bartizan normal feedback`` from end to end, on a stored run of scripted people: two run along the same way, and
somebody cycles elsewhere."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from lab.normal.archive import take_in
from lab.normal.giving import put
from lab.normal.keeping import KEPT, KEPT_FEEDBACK, as_json, keep, prune
from lab.normal.learning import Learned, learn
from lab.normal.normal_command import app
from pipeline.errors import CannotStart, UsageError
from pipeline.messages import ChangeRecord, Event, Record
from pipeline.testing import Script
from stages.alert.normal.feedback import FEEDBACK, Feedback, Given, read_feedback
from stages.alert.normal.observed import Observed
from stages.alert.normal.store import CURRENT, GENERATIONS, MANIFEST, current, generations, read
from stages.alert.verdict import claim_of
from tests.pipeline.rehearsal.stored_run import kept_of, store_run
from tests.stages.alert.normal.conftest import Thing, records, walkers, with_thing


@dataclass(frozen=True, kw_only=True)
class Filmed(Script):
    """A script that was played already."""

    walks: Sequence[object] = ()  # type: ignore[assignment]  # nobody walks it again
    seconds: float = 0.0
    log: Sequence[Record] = field(default_factory=list)

    def records(self) -> list[Record]:
        return list(self.log)


def first(index: int) -> Thing:
    return Thing(x=0.1 + 0.02 * (index - 60), y=0.6, speed=80.0, subject=91)


def second(index: int) -> Thing:
    return Thing(x=0.1 + 0.02 * (index - 110), y=0.61, speed=75.0, subject=92)


def cyclist(index: int) -> Thing:
    return Thing(x=0.9 - 0.02 * (index - 160), y=0.28, speed=60.0, subject=93, class_id=1, width=0.06, height=0.1)


def footage() -> list[Observed]:
    seen = walkers(9, frames=215)
    for thing, at in ((first, range(60, 90)), (second, range(110, 140)), (cyclist, range(160, 190))):
        seen = [with_thing(each, thing(each.index)) if each.index in at else each for each in seen]
    return seen


@pytest.fixture(scope="module")
def taught() -> Learned:
    """Of speed, size and class alone: in the run the walkers stay for longer than any did here."""
    clips = [walkers(seed, frames=180) for seed in range(4)]
    learned = learn(clips, names=("person", "bicycle"), detector="d" * 64)
    features = {name: each for name, each in learned.model.features.items() if name in ("speed", "size", "class")}
    return replace(learned, model=replace(learned.model, features=features))


@pytest.fixture(scope="module")
def made(taught: Learned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model and the results of a run by it."""
    where = tmp_path_factory.mktemp("made")
    keep(where / "gate", "gate", taught.model, taught.calibration, taught.footage)
    run(where, "monday")
    return where


def run(where: Path, name: str, **options: object) -> list[bytes]:
    """What a run by the generation in use leaves in a folder of this name: its events as lines."""
    rule = {"rule": "anomaly", "normal": where / "gate", "threshold": 30.0, **options}
    log = records(footage())
    if rule.get("mode") == "auto":
        log.insert(1, ChangeRecord(str(where / "gate"), (where / "gate" / CURRENT).read_bytes()))
    events = store_run(where / name, kept_of(rule, cameras={"gate": False}), {"gate": Filmed(log=log)})
    lines = [msgspec.json.encode(event, order="deterministic") + b"\n" for event in events]
    (where / name / "events.jsonl").write_bytes(b"".join(lines))
    return lines


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, to be changed. The run finds its model where it is now."""
    where = Path(shutil.copytree(made, tmp_path / "made"))
    kept = where / "monday" / "analysis.json"
    kept.write_text(kept.read_text().replace(str(made), str(where)))
    monkeypatch.chdir(where)
    return where


def feedback(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["feedback", *(str(each) for each in arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def started(lines: Sequence[bytes]) -> list[Event]:
    events = [msgspec.json.decode(line, type=Event) for line in lines]
    return [event for event in events if event.type == "start"]


def claim(event: Event) -> Mapping[str, Any]:
    found = claim_of(event)
    assert found is not None
    return found


def raised(place: Path) -> list[Event]:
    return started((place / "monday" / "events.jsonl").read_bytes().splitlines())


def test_the_scene_raises_three(place: Path) -> None:
    assert [round(event.media_time) for event in raised(place)] == [6, 11, 16]


def test_without_apply_it_is_only_shown(place: Path) -> None:
    event = raised(place)[0].id
    shown = feedback("give", "gate", event[:6], "not_of_interest", "--results", "monday")
    assert "monday: 3 events by what is in use; 2 would be gone, 0 new, 1 remain" in shown
    gone = [line for line in shown.splitlines() if line.startswith("  gone")]
    assert len(gone) == 2
    assert event[:8] in gone[0]
    assert "speed up to " in shown
    assert "person, with its feet at most 1 of its height" in shown
    assert shown.endswith("nothing is changed; --apply applies it\n")
    assert generations(place / "gate") == [1]


def test_applied_both_runners_are_gone_and_the_cyclist_remains_then_undone_every_byte_is_as_before(place: Path) -> None:
    events = raised(place)
    before = run(place, "before")
    shown = feedback("give", "gate", events[0].id, "not_of_interest", "--results", "monday", "--apply")
    assert "gate: generation 2 is in use from the next start on; at once where a rule is online; sha256 " in shown
    assert read(place / "gate").manifest.parent == read(place / "gate", generation=1).digest
    (remaining,) = started(run(place, "with"))
    assert remaining.media_time == events[2].media_time
    assert claim(remaining)["normal"]["generation"] == 2
    shown = feedback("undo", "gate", events[0].id[:8], "--results", "monday")
    assert "1 event by what is in use; 0 would be gone, 2 new, 1 remain" in shown
    assert f"  new     {events[0].id[:8]}  6.4 s" in shown, "by the id under which it was raised"
    assert "generation 1 is in use" in shown
    assert run(place, "after") == before


def test_undoing_one_of_several_is_another_generation(place: Path) -> None:
    events = raised(place)
    feedback("give", "gate", events[0].id, "unsure", "--results", "monday", "--apply", "--note", "who knows")
    feedback("give", "gate", events[2].id, "true_alarm", "--results", "monday", "--apply")
    assert "2 in all: 1 true_alarm, 1 unsure" in feedback("list", "gate")
    assert "# who knows" in feedback("list", "gate")
    feedback("undo", "gate", events[0].id)
    stored = read(place / "gate")
    assert (stored.manifest.generation, stored.manifest.model_of) == (4, 1)
    assert [each.event for each in read_feedback(stored).given] == [events[2].id]
    feedback("undo", "gate", events[2].id)
    assert current(place / "gate") == 1


def test_going_back_takes_feedback_back_and_forward_again(place: Path) -> None:
    feedback("give", "gate", raised(place)[0].id, "not_of_interest", "--results", "monday", "--apply")
    CliRunner().invoke(app, ["rollback", "gate"])
    assert "0 in all: none" in feedback("list", "gate")
    CliRunner().invoke(app, ["rollback", "gate", "--to", "2"])
    assert "1 in all: 1 not_of_interest" in feedback("list", "gate")


def test_true_alarms_change_nothing_and_are_not_lost_unless_one_says_so(place: Path) -> None:
    one, other, _ = raised(place)
    shown = feedback("give", "gate", other.id, "true_alarm", "--results", "monday", "--apply")
    assert "0 would be gone, 0 new, 3 remain" in shown
    assert len(started(run(place, "with"))) == 3
    with pytest.raises(UsageError, match=f"would lose what was said to be a true alarm: {other.id[:8]}"):
        feedback("give", "gate", one.id, "not_of_interest", "--results", "monday", "--apply")
    assert current(place / "gate") == 2
    arguments = ("give", "gate", one.id, "not_of_interest", "--results", "monday", "--apply", "--lose-true-alarms")
    assert f"{other.id[:8]}" in feedback(*arguments)
    assert current(place / "gate") == 3


def test_a_true_alarm_of_results_that_are_not_there_any_more_is_not_lost_either(place: Path) -> None:
    one, other, _ = raised(place)
    feedback("give", "gate", other.id, "true_alarm", "--results", "monday", "--apply")
    stored = read(place / "gate")
    (given,) = read_feedback(stored).given
    renamed = msgspec.structs.replace(given, event="f" * 32)
    replaced(place / "gate" / GENERATIONS / "2", as_json(Feedback(given=[renamed])))
    with pytest.raises(UsageError, match="would lose what was said to be a true alarm: ffffffff"):
        feedback("give", "gate", one.id, "not_of_interest", "--results", "monday", "--apply")
    shown = feedback("give", "gate", raised(place)[2].id, "not_of_interest", "--results", "monday", "--apply")
    assert "1 would be gone" in shown


def test_a_verdict_can_be_changed(place: Path) -> None:
    event = raised(place)[0].id
    feedback("give", "gate", event, "not_of_interest", "--results", "monday", "--apply")
    shown = feedback("give", "gate", event, "true_alarm", "--results", "monday", "--apply")
    assert "0 would be gone, 2 new, 1 remain" in shown
    assert "1 in all: 1 true_alarm" in feedback("list", "gate")


def test_what_is_dismissed_already_cannot_teach_anything(place: Path) -> None:
    one, other, _ = raised(place)
    feedback("give", "gate", one.id, "not_of_interest", "--results", "monday", "--apply")
    with pytest.raises(UsageError, match="is not raised any more by generation 2, or is dismissed by feedback"):
        feedback("give", "gate", other.id, "not_of_interest", "--results", "monday", "--apply")


def test_a_smaller_tolerance_takes_in_less(place: Path) -> None:
    second_id = raised(place)[1].id
    arguments = ("give", "gate", second_id, "not_of_interest", "--results", "monday", "--tolerance", "0.03")
    assert "1 would be gone, 0 new, 2 remain" in feedback(*arguments), "the first runs a little faster"


def test_it_asks_about_those_nearest_to_the_threshold_that_have_no_feedback(place: Path) -> None:
    scores = {event.id: claim(event)["value"] for event in raised(place)}
    listed = feedback("ask", "gate", "--results", "monday").splitlines()
    assert listed[-1].startswith("3 without feedback; ")
    assert {line[:8] for line in listed[:-1]} == {event[:8] for event in scores}
    feedback("give", "gate", raised(place)[0].id, "unsure", "--results", "monday", "--apply")
    assert feedback("ask", "gate", "--results", "monday").splitlines()[-1].startswith("2 without feedback; ")


def test_what_a_rule_in_shadow_would_have_raised_can_be_spoken_of(place: Path) -> None:
    assert started(run(place, "shadow", mode="shadow")) == []
    listed = feedback("ask", "gate", "--results", "shadow").splitlines()
    assert listed[-1].startswith("3 without feedback; ")
    shown = feedback("give", "gate", listed[0][:8], "not_of_interest", "--results", "shadow", "--apply")
    assert "shadow (in shadow): 3 events by what is in use" in shown


def test_what_a_rule_that_arms_itself_would_have_raised_in_shadow_can_be_spoken_of(
    place: Path, taught: Learned
) -> None:
    assert started(run(place, "auto", mode="auto", threshold=None)) == []
    listed = feedback("ask", "gate", "--results", "auto").splitlines()
    assert listed[-1].startswith("3 without feedback; ")
    shown = feedback("give", "gate", listed[0][:8], "not_of_interest", "--results", "auto", "--apply")
    assert "auto (in shadow): 3 events by what is in use" in shown


def test_of_a_rule_that_arms_itself_nothing_is_named_twice(place: Path) -> None:
    told = started(run(place, "auto", mode="auto"))
    assert len(told) == 3, "with a threshold of its own it is armed at once"
    listed = feedback("ask", "gate", "--results", "auto").splitlines()
    assert {line[:8] for line in listed[:-1]} == {event.id[:8] for event in told}


def test_what_is_learned_next_keeps_feedback_unless_told_not_to(place: Path, taught: Learned) -> None:
    event = raised(place)[0].id
    feedback("give", "gate", event, "not_of_interest", "--results", "monday", "--apply")
    again = keep(place / "gate", "gate", taught.model, taught.calibration, taught.footage)
    assert [each.event for each in read_feedback(again).given] == [event]
    assert [round(each.media_time) for each in started(run(place, "next"))] == [16]
    bare = keep(place / "gate", "gate", taught.model, taught.calibration, taught.footage, with_feedback=False)
    assert read_feedback(bare) == Feedback()


def test_feedback_travels_with_what_is_exported(place: Path) -> None:
    feedback("give", "gate", raised(place)[0].id, "not_of_interest", "--results", "monday", "--apply")
    CliRunner().invoke(app, ["export", "gate", "gate.zip"])
    CliRunner().invoke(app, ["import", "gate.zip", "there"])
    assert read_feedback(read(place / "there")) == read_feedback(read(place / "gate"))


def test_an_export_with_foreign_feedback_is_not_taken_in(place: Path) -> None:
    replaced(place / "gate" / GENERATIONS / "1", b"[]")
    CliRunner().invoke(app, ["export", "gate", "gate.zip"])
    with pytest.raises(CannotStart, match="is damaged or foreign"):
        take_in(Path("gate.zip"), Path("there"))
    assert generations(place / "there") == []


def test_show_says_how_much_was_said(place: Path) -> None:
    assert "feedback" not in CliRunner().invoke(app, ["show", "gate"]).output
    feedback("give", "gate", raised(place)[0].id, "unsure", "--results", "monday", "--apply")
    assert "feedback: 1 unsure" in CliRunner().invoke(app, ["show", "gate"]).output
    told = json.loads(CliRunner().invoke(app, ["show", "gate", "--json"]).output)
    assert told["feedback"] == {"not_of_interest": 0, "true_alarm": 0, "unsure": 1}


def test_feedback_pushes_models_out_neither_by_itself_nor_where_old_ones_are_deleted(
    place: Path, taught: Learned
) -> None:
    event = raised(place)[0].id
    for number in range(KEPT_FEEDBACK + 3):
        put(read(place / "gate"), Feedback(given=[Given(event, "unsure", "anomaly", 6.4, "", 20.0, 1, str(number))]))
    assert len(generations(place / "gate")) == 1 + KEPT_FEEDBACK + 3
    prune(place / "gate")
    there = generations(place / "gate")
    assert there[0] == 1
    assert len(there) == 1 + KEPT_FEEDBACK
    for _ in range(KEPT):
        keep(place / "gate", "gate", taught.model, taught.calibration, taught.footage)
    prune(place / "gate")
    assert len(generations(place / "gate")) == KEPT


def replaced(generation: Path, content: bytes) -> None:
    """Another ``feedback.json``, for which the manifest vouches."""
    import hashlib

    manifest = json.loads((generation / MANIFEST).read_bytes())
    manifest["files"][FEEDBACK] = hashlib.sha256(content).hexdigest()
    (generation / FEEDBACK).write_bytes(content)
    (generation / MANIFEST).write_bytes(json.dumps(manifest).encode())
    now = generation.parent.parent / "current.json"
    said = json.loads(now.read_bytes())
    said.pop("sha256", None)
    now.write_bytes(json.dumps(said).encode())


def _spoilt(change: Callable[[dict[str, object]], object]) -> bytes:
    told = json.loads(as_json(Feedback(given=[Given("a", "unsure", "anomaly", 1.0, "", 20.0, 1)])))
    change(told)
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"{", "is damaged or foreign"),
        (_spoilt(lambda told: told["given"][0].update(verdict="nice")), "is damaged or foreign"),  # type: ignore[index]  # plain JSON
        (_spoilt(lambda told: told["given"][0].update(reach=-1)), "is damaged or foreign"),  # type: ignore[index]
        (_spoilt(lambda told: told["given"][0].update(tolerance=1e999)), "is damaged or foreign"),  # type: ignore[index]
        (_spoilt(lambda told: told.update(schema=9)), "of schema 9, this version reads"),
        (_spoilt(lambda told: told.update(given=told["given"] * 2)), "does not name each event once"),  # type: ignore[operator]
        (_spoilt(lambda told: told.update(given=told["given"] * 501)), "is damaged or foreign"),  # type: ignore[operator]
    ],
    ids=["cut off", "verdict", "reach", "endless", "newer", "twice", "too much"],
)
def test_feedback_that_is_damaged_or_foreign_is_refused_in_one_line(place: Path, content: bytes, fault: str) -> None:
    replaced(place / "gate" / GENERATIONS / "1", content)
    with pytest.raises(CannotStart, match=fault) as told:
        feedback("list", "gate")
    assert "\n" not in str(told.value)


def test_feedback_that_was_changed_is_refused(place: Path) -> None:
    feedback("give", "gate", raised(place)[0].id, "unsure", "--results", "monday", "--apply")
    (place / "gate" / GENERATIONS / "2" / FEEDBACK).write_bytes(b"{}")
    with pytest.raises(CannotStart, match="digest differs"):
        feedback("list", "gate")


def test_what_makes_no_sense_is_one_line_and_nothing_is_written(place: Path) -> None:
    with pytest.raises(UsageError, match="name the results of a run"):
        feedback("give", "gate", "1", "unsure")
    with pytest.raises(UsageError, match="has no event 'nonsense'"):
        feedback("give", "gate", "nonsense", "unsure", "--results", "monday")
    with pytest.raises(UsageError, match="there is none"):
        feedback("give", "gate", "1", "unsure", "--results", "nowhere")
    shutil.copytree("gate", "elsewhere")
    with pytest.raises(UsageError, match="no rule of camera gate goes by the model of normal in"):
        feedback("give", "elsewhere", "1", "unsure", "--results", "monday")
    with pytest.raises(UsageError, match="'beef' fits no feedback; there: none"):
        feedback("undo", "gate", "beef")
    feedback("give", "gate", "1", "nice", "--results", "monday", code=2)
    assert generations(place / "gate") == [1]


def test_events_of_other_rules_are_refused(place: Path) -> None:
    rules: list[dict[str, Any]] = [
        {"rule": "anomaly", "normal": place / "gate", "threshold": 30.0},
        {"rule": "in_field"},
    ]
    kept = kept_of(*rules, cameras={"gate": False})
    events = store_run(place / "both", kept, {"gate": Filmed(log=records(footage()))})
    other = next(event for event in events if event.rule == "in_field")
    with pytest.raises(UsageError, match="is of rule 'in_field': feedback is about events of 'anomaly'"):
        feedback("give", "gate", other.id, "unsure", "--results", "both")

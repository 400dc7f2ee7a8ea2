"""Rules made of rules: what holds together, and what comes after what."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.loading import load_config
from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.registry import RULES, resolve
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.stage import AlertStage

Watching = Callable[[list[Any], Script], list[Event]]
Resuming = Callable[[Callable[[], list[Any]], Script], None]

LEFT = [[0.0, 0.0], [0.4, 0.0], [0.4, 1.0], [0.0, 1.0]]
RIGHT = [[0.6, 0.0], [1.0, 0.0], [1.0, 1.0], [0.6, 1.0]]
MIDDLE = [[0.5, 0.0], [0.5, 1.0]]


def inside(zone: Any, **options: Any) -> dict[str, Any]:
    return {"rule": "in_field", "zone": zone, "margin": 0, "exit_inertia_s": 0.2, **options}


def rule(kind: str, *parts: dict[str, Any], **options: Any) -> Any:
    found = resolve(kind, RULES)
    return found(found.Options.model_validate({"name": kind, "of": parts, "update_s": 0, **options}))


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events]


def crossing(track: int = 1, start: float = 0.0, pace: float = 0.1, **more: Any) -> Walk:
    """From the left to the right of the picture in 10 s: in LEFT until 3 s, over MIDDLE at 4 s, in RIGHT from 5 s."""
    return Walk(stops=[(start, 0.1, 0.5), (start + 0.8 / pace, 0.9, 0.5)], track=track, **more)


STANDING = Walk(stops=[(0, 0.2, 0.5), (12, 0.2, 0.5)], track=9)


def test_all_holds_from_when_the_last_part_holds_until_the_first_is_over(watch: Watching) -> None:
    parts = inside(LEFT), {"rule": "loitering", "seconds": 2}
    events = watch([rule("all", *parts)], Script(walks=[crossing()], seconds=8))
    assert told(events) == [("start", 2.0), ("end", 3.3)]
    assert events[0].reason == "person 1 is in zone 'in_field' and person 1 stayed in view for 2.0 s (limit 2 s)"
    assert events[0].object is not None
    assert events[0].region == {"zone": LEFT}


def test_the_trace_shows_what_each_part_measured_and_when(watch: Watching) -> None:
    parts = inside(LEFT, name="door"), {"rule": "loitering", "seconds": 2}
    start = watch([rule("all", *parts)], Script(walks=[crossing()], seconds=8))[0]
    entry = next(entry for entry in start.why if entry["predicate"] == "parts_that_hold")
    assert (entry["value"], entry["comparison"], entry["threshold"]) == (2, ">=", 2)
    door, stay = entry["parts"]
    assert (door["rule"], door["name"], door["time"], door["held_s"]) == ("in_field", "door", 0.5, 0.5)
    assert (stay["predicate"], stay["value"], stay["threshold"], stay["time"]) == ("seconds_in_zone", 2.0, 2.0, 2.0)


def test_parts_that_hold_of_different_objects_are_not_all_of_one(watch: Watching) -> None:
    parts = inside(LEFT), inside(RIGHT)
    script = Script(walks=[STANDING, Walk(stops=[(0, 0.8, 0.5), (5, 0.8, 0.5)], track=2)], seconds=8)
    assert watch([rule("all", *parts)], script) == []
    events = watch([rule("all", *parts, about="camera")], script)
    assert told(events) == [("start", 0.5), ("end", 8.0)], "who is not seen for 3 s is lost"
    assert events[0].object is None
    assert events[0].reason == "person 9 is in zone 'in_field' and person 2 is in zone 'in_field'"
    assert [event.also_about for event in events] == [[9, 2], [9, 2]], "it is about both"


def test_whom_a_part_is_about_beside_its_object_the_event_is_about(watch: Watching) -> None:
    near = Walk(stops=[(0, 0.22, 0.5), (12, 0.22, 0.5)], track=10)
    parts = inside(LEFT), {"rule": "proximity", "limit_heights": 1.0, "enter_inertia_s": 0.5}
    events = watch([rule("all", *parts)], Script(walks=[STANDING, near], seconds=4))
    assert [(event.object.track_id, event.also_about) for event in events[:1] if event.object] == [(9, [10])]


def test_a_moment_among_the_parts_makes_a_moment(watch: Watching) -> None:
    line = {"rule": "line_crossed", "line": MIDDLE}
    events = watch([rule("all", line, {"rule": "loitering", "seconds": 2})], Script(walks=[crossing()], seconds=8))
    assert told(events) == [("start", 4.4), ("end", 4.4)]
    assert watch([rule("all", line, {"rule": "loitering", "seconds": 6})], Script(walks=[crossing()], seconds=8)) == []


def test_any_is_one_event_as_long_as_some_part_holds(watch: Watching) -> None:
    parts = inside(LEFT), {"rule": "loitering", "zone": [[0.0, 0.0], [0.6, 0.0], [0.6, 1.0], [0.0, 1.0]], "seconds": 2}
    events = watch([rule("any", *parts)], Script(walks=[crossing()], seconds=12))
    assert [event.type for event in events] == ["start", "end"]
    assert events[0].media_time == 0.5
    assert events[1].media_time > 5.0, "it went on with the second part when the first was over"


def test_then_starts_when_the_last_part_begins(watch: Watching) -> None:
    events = watch([rule("then", inside(LEFT), inside(RIGHT), within_s=6)], Script(walks=[crossing()], seconds=8))
    assert told(events) == [("start", 5.3), ("end", 8.0)]
    assert events[0].reason == "person 1 is in zone 'in_field', then person 1 is in zone 'in_field'"
    entry = next(entry for entry in events[0].why if entry["predicate"] == "parts_in_order")
    assert [part["time"] for part in entry["parts"]] == [0.5, 5.3]
    assert (entry["parts"][1]["after_s"], entry["parts"][1]["within_s"]) == (4.8, 6.0)


@pytest.mark.parametrize(("within_s", "count"), [(4.8, 1), (4.7, 0)])
def test_then_counts_from_beginning_to_beginning(watch: Watching, within_s: float, count: int) -> None:
    events = watch(
        [rule("then", inside(LEFT), inside(RIGHT), within_s=within_s)], Script(walks=[crossing()], seconds=8)
    )
    assert [event.type for event in events].count("start") == count


def test_then_wants_its_parts_in_order(watch: Watching) -> None:
    assert watch([rule("then", inside(RIGHT), inside(LEFT), within_s=60)], Script(walks=[crossing()], seconds=8)) == []


def test_then_of_one_object_is_not_of_two(watch: Watching) -> None:
    script = Script(walks=[STANDING, Walk(stops=[(3, 0.8, 0.5), (6, 0.8, 0.5)], track=2)], seconds=8)
    assert watch([rule("then", inside(LEFT), inside(RIGHT), within_s=60)], script) == []
    events = watch([rule("then", inside(LEFT), inside(RIGHT), within_s=60, about="camera")], script)
    assert [event.media_time for event in events if event.type == "start"] == [3.5]


def test_three_in_a_row_and_a_rule_made_of_rules_within_another(watch: Watching) -> None:
    line = {"rule": "line_crossed", "line": MIDDLE, "direction": "left"}
    late = {"rule": "all", "of": [inside(RIGHT), {"rule": "loitering", "seconds": 1}]}
    events = watch([rule("then", inside(LEFT), line, late, within_s=5)], Script(walks=[crossing()], seconds=8))
    assert told(events)[0] == ("start", 5.3)
    assert watch([rule("then", line, inside(LEFT), late, within_s=5)], Script(walks=[crossing()], seconds=8)) == []


def test_an_object_that_comes_back_is_remembered_for_the_next_part(watch: Watching) -> None:
    walk = crossing(missed=[(3.5, 4.5)], switches=[(4.0, 7)], pace=0.1, width=0.4)
    events = watch([rule("then", inside(LEFT), inside(RIGHT), within_s=6)], Script(walks=[walk], seconds=8))
    assert told(events)[0] == ("start", 5.3)


def test_classes_and_confidence_are_those_of_each_part(watch: Watching) -> None:
    parts = inside(LEFT, classes=["car"]), inside(RIGHT, classes=["person"])
    car = Walk(stops=[(0, 0.2, 0.5), (5, 0.2, 0.5)], track=1, class_id=1)
    person = Walk(stops=[(0, 0.8, 0.5), (5, 0.8, 0.5)], track=2)
    both = rule("all", *parts, about="camera")
    assert told(watch([both], Script(walks=[car, person], seconds=5)))[0] == ("start", 0.5)
    unsure = Walk(stops=[(0, 0.8, 0.5), (5, 0.8, 0.5)], track=2, confidence=0.3)
    assert watch([both], Script(walks=[car, unsure], seconds=5)) == []
    with pytest.raises(UsageError, match=r"rule 'all': the detector of camera gate knows no class 'cra'"):
        watch([rule("all", inside(LEFT, classes=["cra"]), inside(RIGHT))], Script(walks=[car], seconds=1))


def test_what_the_parts_need_is_measured_and_remembered() -> None:
    made = rule("then", inside(LEFT, lost_s=40), inside(RIGHT), within_s=60).options
    assert made.needs == frozenset()
    assert made.memory_s == 60
    assert rule("all", inside(LEFT, lost_s=40), inside(RIGHT)).options.memory_s == 40


@pytest.mark.parametrize(("about", "remembered_s"), [("same_object", 120), ("camera", 3)])
def test_a_day_between_two_parts_does_not_have_everybody_remembered_for_a_day(about: str, remembered_s: float) -> None:
    made = rule("then", inside(LEFT), inside(RIGHT), within_s=86400, about=about)
    assert made.options.memory_s == remembered_s


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ([inside(LEFT)], "at least 2 items"),
        ([inside(LEFT), {"rule": "crowding", "limit": 3}], "of.1: crowding is not about a tracked object"),
        ([inside(LEFT), inside(LEFT, severity="high")], "severity belongs to the whole rule"),
        ([inside(LEFT), {"zone": LEFT}], "each part is a rule, such as"),
        ([inside(LEFT), {"rule": "speeding", "limit_mps": 2}], "limit_mps needs a calibration"),
    ],
)
def test_parts_that_cannot_be_put_together_are_refused(parts: list[dict[str, Any]], line: str) -> None:
    with pytest.raises(ValidationError, match=line):
        rule("all", *parts)


@pytest.mark.parametrize("kind", ["all", "any", "then"])
@pytest.mark.parametrize("about", ["same_object", "camera"])
def test_their_state_survives_any_frame(resumed: Resuming, kind: str, about: str) -> None:
    more = {"within_s": 5} if kind == "then" else {}
    inner = {"rule": "any", "of": [inside(RIGHT), {"rule": "line_crossed", "line": MIDDLE}]}
    parts: list[dict[str, Any]] = [{"rule": "loitering", "seconds": 1}, inner]
    walks = [crossing(jitter=0.01, switches=[(3, 7)]), crossing(track=2, start=1, missed=[(2, 4)])]
    script = Script(walks=walks, seconds=9, fps=8)
    resumed(lambda: [rule(kind, *parts, about=about, **more)], script)


def test_a_part_is_over_when_the_camera_was_away_for_long(watch: Watching) -> None:
    """Somebody stood on the left, the camera was away for a minute, and now somebody else stands on the right."""
    left = Walk(stops=[(0, 0.2, 0.5), (5, 0.2, 0.5)], track=1)
    right = Walk(stops=[(65, 0.8, 0.5), (70, 0.8, 0.5)], track=2)
    script = Script(walks=[left, right], seconds=70, dropped=[(5.05, 65)])
    assert watch([rule("all", inside(LEFT), inside(RIGHT, lost_s=120), about="camera")], script) == []


def test_of_several_the_event_names_one_who_is_there(watch: Watching) -> None:
    gone = Walk(stops=[(0, 0.2, 0.5), (3, 0.2, 0.5)], track=1)
    script = Script(walks=[gone, Walk(stops=[(2, 0.3, 0.5), (9, 0.3, 0.5)], track=2), crossing(track=3)], seconds=9)
    start = watch([rule("all", inside(LEFT), inside(RIGHT), about="camera")], script)[0]
    assert (start.media_time, start.reason.partition(" is ")[0]) == (5.3, "person 2")


def test_cameras_that_take_turns_say_what_each_says_alone(watch: Watching) -> None:
    made = rule("then", inside(LEFT), inside(RIGHT), within_s=6)
    scripts = [
        Script(walks=[crossing(start=start)], seconds=9, camera=camera) for start, camera in ((0, "a"), (1, "b"))
    ]
    stage = AlertStage(AlertOptions(), rules=[made], trackers=ScriptedTracker)
    told: dict[str, list[Event]] = {"a": [], "b": []}
    for turn in zip(*(script.records() for script in scripts), strict=True):
        for camera, record in zip("ab", turn, strict=True):
            told[camera] += stage.process(camera, [record]).events
    assert told == {script.camera: watch([made], script) for script in scripts}


FILE = """
cameras:
  gate: {source: a.mp4}
rules:
  - rule: then
    name: intruder
    within_s: 30s
    of:
      - {rule: line_crossed, line: [[0.1, 0.5], [0.9, 0.5]]}
      - rule: all
        of:
          - {rule: in_field, zone: [[0, 0], [1, 0], [1, 1]]}
          - {rule: speeding, over_s: 1500ms}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").touch()
    return Path("x.yml")


def test_parts_are_written_as_rules_are_and_survive_the_way_to_a_child_process(file: Path) -> None:
    file.write_text(FILE)
    config = load_config(file)
    made: Any = config.rules[0].options
    assert made.of[1].of[1].over_s == 1.5
    assert PipelineConfig.from_spec(config.to_spec()).rules == config.rules


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("over_s", "ovr_s", "x.yml:12:30: rules.0.of.1.of.1.ovr_s: unknown key, did you mean 'over_s'?"),
        (
            "rule: speeding",
            "rule: speding",
            "x.yml:12:20: rules.0.of.1.of.1.rule: unknown kind 'speding', did you mean",
        ),
        ("[1, 1]]", "[2, 1]]", "x.yml:11:36: rules.0.of.1.of.0.zone: point 3 is (2, 1)"),
        ("1500ms", "1500ms, attributes: {colour: red}", "rules.0.of.1.of.1.attributes.colour: there is no classifier"),
        ("within_s: 30s", "within_s: -1", "x.yml:6:15: rules.0.within_s: must be more than 0"),
    ],
)
def test_what_is_wrong_in_a_part_is_told_where_it_stands(file: Path, old: str, new: str, line: str) -> None:
    file.write_text(FILE.strip().replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert [line in each for each in str(caught.value).splitlines()] == [True], str(caught.value)


def test_a_calibration_is_of_one_camera(file: Path) -> None:
    scale = "{scale: {height_m: 1.75, near: [0.95, 0.45], far: [0.5, 0.35], view_deg: 70}}"
    text = FILE.strip().replace("1500ms", f"1500ms, limit_mps: 3, calibration: {scale}")
    file.write_text(text)
    assert load_config(file)
    file.write_text(text.replace("a.mp4}", "a.mp4}\n  yard: {source: a.mp4}"))
    with pytest.raises(
        UsageError, match=r"of\.1\.of\.1\.calibration: is of one camera, but the rule watches gate, yard"
    ):
        load_config(file)

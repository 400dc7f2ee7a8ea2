"""A rule that is online goes by the generation that the camera's log names, from the frame on at which it names it."""

import gc
import logging
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from lab.normal.keeping import keep, use
from pipeline.clock import SECOND
from pipeline.configuration.analysis import rules_of
from pipeline.configuration.config import RuleConfig
from pipeline.errors import CannotStart
from pipeline.messages import ChangeRecord, Event, LogHeader, Record
from pipeline.testing import ScriptedTracker
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.observed import Observed
from stages.alert.normal.store import BANK, CURRENT, GENERATIONS, read
from stages.alert.normal.taught import MOST_READ
from stages.alert.options import AlertOptions
from stages.alert.rule import News, Rule
from stages.alert.rules.anomaly import Anomaly, AnomalyOptions
from stages.alert.rules.together import AnyOf
from stages.alert.rules.unseen_class import UnseenClass, UnseenClassOptions
from stages.alert.stage import AlertStage
from tests.stages.alert.normal.conftest import Thing, records

Staged = Callable[..., list[Observed]]
ODD = range(60, 100)
AT = 62
"""Where in the log, among its frames, the second generation is named."""


@pytest.fixture(scope="module")
def two(folder: Path, tmp_path_factory: pytest.TempPathFactory, normal: list[list[Observed]]) -> Path:
    """A folder with two generations, the second in use."""
    copy = Path(shutil.copytree(folder, tmp_path_factory.mktemp("two") / "gate"))
    first = read(copy)
    model = fit(normal[::-1], names=("person", "bicycle"), detector="d" * 64)
    keep(copy, "gate", model, first.calibration, first.manifest.footage)
    return copy


@pytest.fixture
def gate(two: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(two, tmp_path / "gate"))


def said(gate: Path, generation: int) -> bytes:
    """What ``current.json`` holds while this generation is in use."""
    use(gate, generation)
    return (gate / CURRENT).read_bytes()


def rule(gate: Path, **options: Any) -> Anomaly:
    return Anomaly(AnomalyOptions.model_validate({"normal": gate, "threshold": 12.0, "online": True, **options}))


def stage(one: Rule, *, exact: bool = False) -> AlertStage:
    return AlertStage(AlertOptions(), rules=[one], trackers=ScriptedTracker, exact=exact)


def runner(index: int) -> Thing:
    return Thing(x=0.1 + 0.02 * (index - ODD[0]), y=0.6, height=0.15, speed=80.0, subject=99)


def live_log(seen: list[Observed], gate: Path, changes: dict[int, bytes], **options: Any) -> list[Record]:
    """A live camera's log in which ``current.json`` holds this before these frames; -1: before the engine."""
    log = records(seen, **options)
    header = log[0]
    assert isinstance(header, LogHeader)
    log[0] = msgspec.structs.replace(header, live=True)
    for at in sorted(changes, reverse=True):
        log.insert(at + 2, ChangeRecord(str(gate), changes[at]))
    return log


def starts(events: list[Event]) -> list[Event]:
    return [event for event in events if event.type == "start"]


def generation(event: Event) -> int:
    number: int = next(entry["normal"]["generation"] for entry in event.why if "normal" in entry)
    return number


def told(one: Rule, log: list[Record]) -> list[Event]:
    return stage(one).process("gate", log).events


@pytest.mark.parametrize(("at", "judge"), [(75, 1), (52, 2)])
def test_the_generation_that_the_log_named_last_judges(gate: Path, staged: Staged, at: int, judge: int) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), at: said(gate, 2)})
    assert [generation(event) for event in starts(told(rule(gate), log))] == [judge]


def test_what_is_in_use_on_the_disk_does_not_count(gate: Path, staged: Staged) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1)})
    use(gate, 2)
    assert [generation(event) for event in starts(told(rule(gate), log))] == [1]


def test_an_open_event_and_what_is_remembered_of_its_object_outlive_a_switch(gate: Path, staged: Staged) -> None:
    seen = staged(runner, at=ODD)
    log = live_log(seen, gate, {-1: said(gate, 1), 80: said(gate, 2)})
    without = live_log(seen, gate, {-1: said(gate, 1)})
    events, usual = told(rule(gate), log), told(rule(gate), without)
    assert [event.type for event in events] == ["start", "end"]
    assert [event.media_time for event in events] == [event.media_time for event in usual]


@pytest.mark.parametrize("cut", [0, 1, 2, AT, AT + 1, AT + 2, AT + 3, AT + 4, 75, 99])
def test_saved_and_restored_at_any_record_it_goes_on_by_the_same_generation(
    gate: Path, staged: Staged, cut: int
) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), AT: said(gate, 2)})
    use(gate, 1)
    whole = stage(rule(gate))
    expected = whole.process("gate", log).events
    one, other = stage(rule(gate)), stage(rule(gate))
    found = one.process("gate", log[:cut]).events
    other.restore("gate", one.state("gate"))
    assert found + other.process("gate", log[cut:]).events == expected != []
    assert other.state("gate") == whole.state("gate")


def test_without_a_generation_it_is_learning_says_so_once_and_raises_nothing(
    gate: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    empty = gate.parent / "later"
    assert told(rule(empty), live_log(staged(runner, at=ODD), empty, {-1: b""})) == []
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.startswith(f"camera gate: rule 'anomaly' is learning: there is no model of normal in {empty} yet")
    assert f"bartizan learn RESULTS --camera gate --out {empty}" in line


def test_the_first_generation_may_come_while_it_runs(gate: Path, staged: Staged) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: b"", 40: said(gate, 2)})
    assert [generation(event) for event in starts(told(rule(gate), log))] == [2]


def damaged(gate: Path) -> None:
    (gate / GENERATIONS / "2" / BANK).write_bytes(b"PK")


def deleted(gate: Path) -> None:
    shutil.rmtree(gate / GENERATIONS / "2")


def learned_anew(gate: Path) -> None:
    """Under the same number another one, as after a reset."""
    shutil.rmtree(gate / GENERATIONS / "2")
    shutil.copytree(gate / GENERATIONS / "1", gate / GENERATIONS / "2")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(damaged, "digest differs"), (deleted, "generation 2 is gone; there: 1"), (learned_anew, "is not the one")],
)
def test_a_generation_that_cannot_be_read_is_one_line_and_the_one_before_stays(
    gate: Path,
    staged: Staged,
    spoil: Callable[[Path], None],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), 40: said(gate, 2)})
    spoil(gate)
    assert [generation(event) for event in starts(told(rule(gate), log))] == [1]
    (line,) = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.startswith("camera gate: rule 'anomaly' goes on by what it had: ")
    assert words in line
    assert "\n" not in line
    with pytest.raises(CannotStart, match="camera gate follows what cannot be read: model of normal"):
        stage(rule(gate), exact=True).process("gate", log)


def test_what_is_gone_when_a_killed_process_comes_back_is_one_line_and_the_next_generation_is_taken_up(
    gate: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), 50: said(gate, 2)})
    first, second = stage(rule(gate)), stage(rule(gate))
    first.process("gate", log[:30])
    (gate / GENERATIONS / "1").rename(gate / "away")
    second.restore("gate", first.state("gate"))
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.startswith("camera gate: rule 'anomaly' raises nothing: model of normal ")
    assert [generation(event) for event in starts(second.process("gate", log[30:]).events)] == [2]
    exact = stage(rule(gate), exact=True)
    with pytest.raises(CannotStart, match="generation 1 is gone"):
        exact.restore("gate", first.state("gate"))


def test_content_that_names_no_generation_changes_nothing(
    gate: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), 20: b"{", 30: b"", 40: b'{"generation": "x"}'})
    assert [generation(event) for event in starts(told(rule(gate), log))] == [1]
    lines = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(lines) == 3
    assert "is gone; its rules go on with what they have read" in lines[1]


def test_a_generation_of_another_detector_does_not_judge(
    gate: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), 40: said(gate, 2)}, sha256="e" * 64)
    assert told(rule(gate), log) == []
    assert stage(rule(gate), exact=True).process("gate", log).events == [], "the same when it is told again"
    assert "raises nothing: model of normal" in caplog.text
    assert "another detector" in caplog.text


def test_a_recording_whose_generation_cannot_be_read_does_not_start(gate: Path, staged: Staged) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 2)})
    assert isinstance(log[0], LogHeader)
    log[0] = msgspec.structs.replace(log[0], live=False)
    damaged(gate)
    with pytest.raises(CannotStart, match="digest differs"):
        told(rule(gate), log)


def test_as_a_part_of_another_rule_it_is_online_too(gate: Path, staged: Staged) -> None:
    part = {"rule": "anomaly", "normal": gate, "threshold": 12.0, "online": True}
    whole = AnyOf(AnyOf.Options.model_validate({"of": [part, {"rule": "unseen_class", "normal": gate}]}))
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1), 40: said(gate, 2)})
    (event,) = starts(told(whole, log))
    (entry,) = [each for each in event.why if "parts" in each]
    assert [part["normal"]["generation"] for part in entry["parts"]] == [2]


def test_a_kind_that_is_rare_is_told_by_the_generation_in_use(gate: Path, staged: Staged) -> None:
    def bicycle(index: int) -> Thing:
        return Thing(x=0.1 + 0.02 * (index - ODD[0]), y=0.6, class_id=1, subject=99)

    one = UnseenClass(UnseenClassOptions(normal=gate, share=0.9, online=True))
    log = live_log(staged(bicycle, at=ODD), gate, {-1: b"", 20: said(gate, 1), 50: said(gate, 2)})
    assert [generation(event) for event in starts(told(one, log))] == [2]


def test_the_generation_is_no_part_of_the_analysis_but_the_folder_is(gate: Path) -> None:
    def analysis(folder: Path, **options: Any) -> list[dict[str, Any]]:
        return rules_of([RuleConfig("anomaly", "anomaly", ("gate",), rule(folder, **options).options)])

    before = analysis(gate)
    use(gate, 1)
    assert analysis(gate) == before
    assert analysis(gate.parent / "yard") != before
    assert analysis(gate, online=False) != before


def test_what_it_follows_is_named_only_where_it_is_online(gate: Path) -> None:
    assert rule(gate).options.follows == {str(gate): gate / CURRENT}
    assert rule(gate, online=False).options.follows == {}
    assert rule(gate, online=False, mode="auto").options.follows == {str(gate): gate / CURRENT}
    assert rule(gate, mode="learning").options.follows == {}


def test_one_generation_or_a_file_cannot_be_followed(gate: Path) -> None:
    with pytest.raises(ValidationError, match="is one generation: to follow a model of normal, name"):
        rule(gate / GENERATIONS / "1")
    with pytest.raises(ValidationError, match=r"current\.json is no folder"):
        rule(gate / CURRENT)


# ---- learning, shadow, armed


def test_auto_goes_from_learning_to_shadow_to_armed_and_says_each_once(
    gate: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seen = staged(runner, at=ODD)
    changes = {-1: b"", 30: said(gate, 1)}
    few = rule(gate, threshold=None, mode="auto", online=False, false_alarms_per_day=2)
    assert told(few, live_log(seen, gate, changes)) == []
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == 3
    assert "(shadow): would have raised an event" in lines.pop()
    assert "rule 'anomaly' is learning" in lines[0]
    assert "rule 'anomaly' is shadow (threshold" in lines[1]
    assert lines[1].endswith(f"by generation 1 of {gate}")
    caplog.clear()
    many = rule(gate, threshold=None, mode="auto", online=False, false_alarms_per_day=5000)
    assert starts(told(many, live_log(seen, gate, {**changes, 40: said(gate, 2)})))
    lines = [each.getMessage() for each in caplog.records]
    assert [" is armed (threshold" in line for line in lines] == [False, True, True]
    assert lines[-1].endswith("no longer by generation 1")


def hours_of(number: float) -> Calibration:
    """Of so many hours with a score a second; generated."""
    rows = round(number * 3600)
    scores = np.random.default_rng(0).exponential(1.0, rows)
    return Calibration.of([Segment((np.arange(rows) * SECOND).astype(np.int64), scores)])


@pytest.fixture
def unequal(gate: Path) -> dict[int, bytes]:
    """What names a generation that can promise 20 a day, and then two that cannot; the first before the first frame."""
    first = read(gate)
    for hours in (2.0, 0.25, 0.3):
        keep(gate, "gate", first.model, hours_of(hours), first.manifest.footage)
    return {-1: said(gate, 3), 30: said(gate, 4), 50: said(gate, 5)}


def test_what_auto_has_armed_stays_armed_by_a_generation_that_promises_less_and_that_is_said(
    gate: Path, staged: Staged, unequal: dict[int, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    options = {"threshold": None, "mode": "auto", "online": False, "false_alarms_per_day": 20}
    log = live_log(staged(runner, at=ODD), gate, unequal)
    (event,) = starts(told(rule(gate, **options), log))
    assert generation(event) == 5
    assert next(entry for entry in event.why if "normal" in entry)["extrapolated"]
    lines = [each.getMessage() for each in caplog.records]
    assert [" is armed (threshold" in each for each in lines] == [True] * 3
    assert [", extrapolated: its own footage does not promise the budget" in each for each in lines] == [
        False,
        True,
        True,
    ]
    del unequal[-1]
    assert not starts(told(rule(gate, **options), live_log(staged(runner, at=ODD), gate, {-1: b"", **unequal})))


@pytest.mark.parametrize("cut", [2, 3, 30, 33, 40, 54, 75])
def test_that_it_is_armed_outlives_its_process(gate: Path, staged: Staged, unequal: dict[int, bytes], cut: int) -> None:
    options = {"threshold": None, "mode": "auto", "online": False, "false_alarms_per_day": 20}
    log = live_log(staged(runner, at=ODD), gate, unequal)
    expected = told(rule(gate, **options), log)
    one, other = stage(rule(gate, **options)), stage(rule(gate, **options))
    found = one.process("gate", log[:cut]).events
    other.restore("gate", one.state("gate"))
    assert found + other.process("gate", log[cut:]).events == expected != []


def test_a_rule_forgets_the_generations_that_it_has_read(gate: Path) -> None:
    first = read(gate)
    one, before, seen = rule(gate, threshold=None), None, []
    for _ in range(2 * MOST_READ):
        keep(gate, "gate", first.model, first.calibration, first.manifest.footage)
        value = (gate / CURRENT).read_bytes()
        assert one.heed("gate", News(str(gate), value, before, "d" * 64)) == ""
        seen.append(weakref.ref(one._taught.named(value)))
        before = value
    gc.collect()
    assert sum(each() is not None for each in seen) == MOST_READ


def test_with_a_threshold_of_the_users_own_auto_is_armed_at_once(gate: Path, staged: Staged) -> None:
    log = live_log(staged(runner, at=ODD), gate, {-1: said(gate, 1)})
    assert starts(told(rule(gate, mode="auto", online=False), log))


def test_learning_needs_no_folder_measures_motion_and_says_that_it_raises_nothing(
    tmp_path: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = rule(tmp_path / "later", mode="learning", online=False)
    assert one.options.needs == {"flow"}
    assert told(one, records(staged(runner, at=ODD))) == []
    assert [each.getMessage() for each in caplog.records] == [
        "camera gate: rule 'anomaly' is learning, as `mode` says: it raises nothing"
    ]

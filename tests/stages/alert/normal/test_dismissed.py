"""What is like an example that is of no interest raises nothing; what is faster, larger, elsewhere or else does."""

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.normal.effect import generation_with
from lab.normal.showing import shown_by
from lab.normal.witness import Witness, WitnessOptions
from pipeline.messages import Event
from pipeline.rehearsal.difference import alarms
from stages.alert.normal.dismissed import Dismissed, Seen
from stages.alert.normal.feedback import Feedback, Given, Shown, Spot
from stages.alert.normal.observed import Observed
from stages.alert.normal.store import read
from stages.alert.rules.anomaly import Anomaly, AnomalyOptions
from stages.alert.stage import AlertStage
from tests.stages.alert.normal.conftest import Thing, records
from tests.stages.alert.normal.test_anomaly import ODD, runner, stage, starts

Staged = Callable[..., list[Observed]]
OPTIONS: dict[str, Any] = {"threshold": 12.0}


def dismissed_by(folder: Path, seen: Sequence[Observed], tmp_path: Path, *, threshold: float = 12.0) -> Path:
    """A folder in which the only event of this footage is of no interest."""
    witness = Witness(WitnessOptions.beside(AnomalyOptions(normal=folder, threshold=threshold), since=0, until=1e9))
    events = stage(witness).process("gate", records(seen)).events
    (alarm,) = alarms(events)
    assert isinstance(witness.options, WitnessOptions)
    book = witness.options.book
    shown = shown_by(alarm, book, held_s=0.3)
    given = Given("e" * 32, "not_of_interest", "anomaly", alarm.started, "", 20.0, 1, "", book.width, book.height)
    given = Given(**{name: getattr(given, name) for name in given.__struct_fields__} | {"shown": shown})
    with generation_with(read(folder), Feedback(given=[given])) as made:
        return Path(shutil.copytree(made, tmp_path / "generations" / "2"))


def watch(folder: Path, seen: Sequence[Observed], **options: Any) -> list[Event]:
    rule = Anomaly(AnomalyOptions.model_validate({"normal": folder, **OPTIONS, **options}))
    return starts(stage(rule).process("gate", records(seen)).events)


@pytest.fixture
def told(folder: Path, staged: Staged, tmp_path: Path) -> Path:
    """Somebody who runs through is of no interest."""
    return dismissed_by(folder, staged(runner, at=ODD), tmp_path)


def test_the_example_itself_raises_nothing_any_more(told: Path, staged: Staged) -> None:
    assert watch(told, staged(runner, at=ODD)) == []


def test_another_like_it_later_raises_nothing_either(told: Path, staged: Staged) -> None:
    def again(index: int) -> Thing:
        return Thing(x=0.88 - 0.02 * (index - 70), y=0.62, height=0.15, speed=70.0, subject=77)

    assert watch(told, staged(again, at=range(70, 108), seed=5)) == []


@pytest.mark.parametrize(
    "change",
    [{"speed": 160.0}, {"y": 0.92}, {"class_id": 1}, {"width": 0.3, "height": 0.45}, {"named": False, "speed": 150.0}],
    ids=["faster", "elsewhere", "another class", "larger", "not named by the detector"],
)
def test_what_is_not_like_it_is_told(told: Path, staged: Staged, change: dict[str, Any]) -> None:
    def other(index: int) -> Thing:
        place = {"x": 0.1 + 0.02 * (index - ODD[0]), "y": 0.6, "height": 0.15, "speed": 80.0, "subject": 99}
        return Thing(**place | change)

    assert watch(told, staged(other, at=ODD))


def test_where_nobody_is_dismissed_not_a_byte_differs(folder: Path, told: Path, staged: Staged) -> None:
    empty = told.with_name("3")
    with generation_with(read(folder), Feedback()) as made:
        shutil.copytree(made, empty)
    seen = staged(runner, at=ODD)
    one, other = watch(folder, seen), watch(empty, seen)
    assert [event.id for event in one] == [event.id for event in other]
    assert [event.reason for event in one] == [event.reason for event in other]


def test_what_was_dismissed_is_logged_once(told: Path, staged: Staged, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watch(told, staged(runner, at=ODD))
    said = [each.message for each in caplog.records if "dismissed" in each.message]
    assert len(said) == 1
    assert said[0].startswith(
        "camera gate: rule 'anomaly' (dismissed by feedback on eeeeeeee): would have raised an event at 6.4 s: it is un"
    )


def test_in_shadow_what_was_dismissed_is_not_said_to_be_an_event(
    told: Path, staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch(told, staged(runner, at=ODD), mode="shadow")
    assert [each.message for each in caplog.records if "(shadow)" in each.message] == []


@pytest.mark.parametrize("cut", [63, 75, 99])
def test_saved_and_restored_at_any_frame_it_stays_silent_alike(told: Path, staged: Staged, cut: int) -> None:
    log = records(staged(runner, at=ODD))

    def made() -> AlertStage:
        return stage(Anomaly(AnomalyOptions(normal=told, **OPTIONS)))

    whole, one, other = made(), made(), made()
    whole.process("gate", log)
    one.process("gate", log[: cut + 2])
    other.restore("gate", one.state("gate"))
    assert other.process("gate", log[cut + 2 :]).events == []
    assert other.state("gate") == whole.state("gate")


def test_one_that_the_detector_loses_for_a_moment_stays_silent(folder: Path, staged: Staged, tmp_path: Path) -> None:
    def flickering(index: int) -> Thing:
        return runner(index, speed=150, named=index not in range(75, 85))

    seen = staged(flickering, at=ODD)
    assert len(watch(folder, seen, threshold=40.0)) == 1
    told = dismissed_by(folder, seen, tmp_path, threshold=40.0)
    assert watch(told, seen, threshold=40.0) == []


def test_what_lay_on_the_example_is_silent_only_with_it() -> None:
    """The rider on the bicycle; not somebody who runs there without one."""
    box = (0.4, 0.4, 0.5, 0.6)
    path = [Spot(1.0, box, {"speed": 10.0})]
    shown = [Shown(True, ["bicycle"], {"speed": 5.0}, {}, path), Shown(False, ["person"], {"speed": 5.0}, {}, path)]
    given = Given("a", "not_of_interest", "anomaly", 1.0, "", 20.0, 1, shown=shown, width=100, height=100)
    example = Dismissed(Feedback(given=[given]))
    fast = [{"feature": "speed", "value": 55.0, "p": 0.001}]
    rider, bicycle = Seen("person", box, fast), Seen("bicycle", box, fast)
    assert example.like([rider, bicycle]) == ["a", "a"]
    assert example.like([rider]) == [""]
    assert example.like([rider, Seen("bicycle", (0.4, 0.0, 0.5, 0.1), fast)]) == ["", ""]


def test_a_feature_of_which_the_example_says_nothing_must_be_usual() -> None:
    box = (0.4, 0.4, 0.5, 0.6)
    shown = [Shown(True, ["person"], {"speed": 5.0}, {"heading": 3.0}, [Spot(1.0, box, {"speed": 10.0})])]
    example = Dismissed(Feedback(given=[Given("a", "not_of_interest", "anomaly", 1.0, "", 20.0, 1, shown=shown)]))

    def like(**features: float) -> bool:
        entries = [{"feature": name, "value": 1e6, "p": p} for name, p in features.items()]
        return example.like([Seen("person", box, entries)]) == ["a"]

    assert like(appearance=0.06)
    assert not like(appearance=0.04)
    assert like(heading=0.05), "as rare as the example's"
    assert not like(heading=0.01)
    assert not like(speed=0.01), "a magnitude is held against its value"


def test_examples_of_other_verdicts_dismiss_nothing() -> None:
    box = (0.4, 0.4, 0.5, 0.6)
    shown = [Shown(True, ["person"], {"speed": 5.0}, {}, [Spot(1.0, box, {"speed": 10.0})])]
    feedback = Feedback(given=[Given("a", "true_alarm", "anomaly", 1.0, "", 20.0, 1, shown=shown)])
    assert not Dismissed(feedback)
    assert Dismissed(feedback).like([Seen("person", box, [])]) == [""]


def test_near_is_measured_along_the_path_and_in_heights_of_the_example() -> None:
    spots = [Spot(1.0, (0.1, 0.4, 0.2, 0.5), {}), Spot(2.0, (0.7, 0.4, 0.8, 0.6), {})]
    given = Given("a", "not_of_interest", "anomaly", 1.0, "", 20.0, 1, width=200, height=100)
    given = Given(
        **{n: getattr(given, n) for n in given.__struct_fields__} | {"shown": [Shown(True, ["x"], {}, {}, spots)]}
    )
    example = Dismissed(Feedback(given=[given]))

    def near(x: float, y: float) -> bool:
        return example.like([Seen("x", (x - 0.01, y - 0.1, x + 0.01, y), [])]) == ["a"]

    assert near(0.45, 0.55)
    assert near(0.45, 0.68), "halfway the example was 0.15 high"
    assert not near(0.45, 0.72)
    assert near(0.15, 0.59)
    assert not near(0.15, 0.61)
    assert near(0.15 - 0.04, 0.5)
    assert not near(0.15 - 0.06, 0.5), "the picture is twice as wide as it is high"

from pathlib import Path
from typing import Any

import pytest

from lab.normal.keeping import keep
from lab.normal.learning import learn
from pipeline.errors import CannotStart
from pipeline.messages import Event
from pipeline.testing import ScriptedTracker
from stages.alert.normal.observed import Observed
from stages.alert.options import AlertOptions
from stages.alert.rules.together import All
from stages.alert.rules.unseen_class import UnseenClass
from stages.alert.stage import AlertStage
from tests.stages.alert.normal.conftest import Thing, frame, records

PAVEMENT, ROAD, CORNER = (0.2, 0.55), (0.8, 0.9), (0.95, 0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hundred people on the pavement and as many bicycles on the road, one every second of each."""
    seen = [frame(index, _there(index // 2), fps=2) for index in range(800)]
    learned = learn([seen[:400], seen[400:]], names=("person", "bicycle"), detector="d" * 64)
    where = tmp_path_factory.mktemp("normal") / "gate"
    keep(where, "gate", learned.model, learned.calibration, learned.footage)
    return where


def _there(number: int) -> list[Thing]:
    person = Thing(x=PAVEMENT[0], y=PAVEMENT[1], subject=2 * number + 1, class_id=0)
    return [person, Thing(x=ROAD[0], y=ROAD[1], subject=2 * number + 2, class_id=1)]


def standing(where: tuple[float, float], class_id: int) -> list[Observed]:
    return [frame(index, [Thing(x=where[0], y=where[1], class_id=class_id)]) for index in range(40)]


def starts(folder: Path, seen: list[Observed], *, sha256: str = "d" * 64, **options: Any) -> list[Event]:
    rule = UnseenClass(UnseenClass.Options.model_validate({"normal": folder, **options}))
    stage = AlertStage(AlertOptions(), rules=[rule], trackers=ScriptedTracker)
    events = stage.process("gate", records(seen, sha256=sha256)).events
    return [event for event in events if event.type == "start"]


def test_a_bicycle_on_the_pavement_is_told_and_one_on_the_road_is_not(folder: Path) -> None:
    (event,) = starts(folder, standing(PAVEMENT, 1))
    assert event.media_time == 1.0
    assert event.reason.startswith("bicycle 1 is of a kind that is hardly ever there (0 of 400 seen: at most 1 in 134,")
    assert starts(folder, standing(ROAD, 1)) == []
    assert starts(folder, standing(PAVEMENT, 0)) == []


def test_the_trace_says_how_many_were_seen_there(folder: Path) -> None:
    (event,) = starts(folder, standing(PAVEMENT, 1))
    entry = next(each for each in event.why if each["predicate"] == "share_of_class")
    assert entry["value"] == pytest.approx(2.99573 / 400, abs=1e-6)
    assert (entry["comparison"], entry["threshold"], entry["option"]) == ("<", 0.01, "share")
    assert (entry["of_class_there"], entry["seen_there"]) == (0, 400)


def test_where_nobody_was_seen_nothing_is_rare(folder: Path) -> None:
    assert starts(folder, standing(CORNER, 1)) == []


def test_with_a_smaller_share_fewer_are_rare(folder: Path) -> None:
    assert starts(folder, standing(PAVEMENT, 1), share=0.001) == []


def test_nothing_is_known_to_be_rarer_than_three_in_as_many_as_were_seen(folder: Path) -> None:
    assert starts(folder, standing(PAVEMENT, 1), share=0.0075)
    assert starts(folder, standing(PAVEMENT, 1), share=0.0074) == []


def test_outside_the_zone_nothing_is_told(folder: Path) -> None:
    assert starts(folder, standing(PAVEMENT, 1), zone=[(0.5, 0), (1, 0), (1, 1)]) == []


def test_the_classes_of_another_detector_are_refused(folder: Path) -> None:
    with pytest.raises(CannotStart, match="another detector"):
        starts(folder, standing(PAVEMENT, 1), sha256="e" * 64)


def test_a_part_of_a_rule_meets_the_detector_as_well(folder: Path) -> None:
    parts = [{"rule": "unseen_class", "normal": folder}, {"rule": "in_field"}]
    whole = All(All.Options.model_validate({"of": parts}))
    stage = AlertStage(AlertOptions(), rules=[whole], trackers=ScriptedTracker)
    seen = standing(PAVEMENT, 1)
    assert [event.type for event in stage.process("gate", records(seen)).events] == ["start", "end"]
    with pytest.raises(CannotStart, match="another detector"):
        stage.process("yard", records(seen, sha256="e" * 64, camera="yard"))

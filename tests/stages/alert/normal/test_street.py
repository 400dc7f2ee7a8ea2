"""The real rule on a street where all walk from left to right: who differs in one way alone is found by that."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.normal.keeping import keep
from lab.normal.learning import learn
from pipeline.messages import Event
from pipeline.testing import ScriptedTracker
from stages.alert.normal.observed import Observed
from stages.alert.normal.reasons import RARE
from stages.alert.options import AlertOptions
from stages.alert.rules.anomaly import Anomaly
from stages.alert.stage import AlertStage
from tests.stages.alert.normal.conftest import Thing, records
from tests.stages.alert.normal.street import CROSSING_S, Script, street, walker

ONCE_A_MINUTE = 1440.0
"""As often as minutes of footage can say anything about."""
COMES_S = 10.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the street, learned from four minutes."""
    learned = learn([street(seed, 60) for seed in range(4)], names=("person",), detector="d" * 64)
    where = tmp_path_factory.mktemp("normal") / "street"
    keep(where, "gate", learned.model, learned.calibration, learned.footage)
    return where


def starts(folder: Path, seen: Sequence[Observed]) -> list[Event]:
    rule = Anomaly(Anomaly.Options.model_validate({"normal": folder, "false_alarms_per_day": ONCE_A_MINUTE}))
    stage = AlertStage(AlertOptions(), rules=[rule], trackers=ScriptedTracker)
    return [event for event in stage.process("gate", records(seen)).events if event.type == "start"]


def of_him(folder: Path, him: Script) -> dict[str, dict[str, Any]]:
    """What the first event that is about him says of each feature."""
    found = [each for each in starts(folder, street(77, 60, him)) if each.object and each.object.track_id == 999]
    assert found, "he was not found"
    entry = next(each for each in found[0].why if each["predicate"] == "surprise")
    return {each["feature"]: each for each in entry["features"]}


def odd(features: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, each in features.items() if each["p"] <= RARE}


def against(now_s: float) -> Thing | None:
    x = 0.95 - (now_s - COMES_S) / CROSSING_S
    return walker(x, 0.6, 999) if 0 <= x <= 0.95 else None


def stays(now_s: float) -> Thing | None:
    x = min((now_s - COMES_S) / CROSSING_S, 0.5)
    return walker(x, 0.6, 999, speed=10.0 if x < 0.5 else 0.2) if x >= 0 else None


def leaves(now_s: float) -> Thing | None:
    x = (now_s - COMES_S) / CROSSING_S
    return walker(x, 0.6 + min(max(x - 0.3, 0), 0.25), 999) if 0 <= x <= 1 else None


def with_all(now_s: float) -> Thing | None:
    x = (now_s - COMES_S) / CROSSING_S
    return walker(x, 0.6, 999) if 0 <= x <= 1 else None


def test_one_who_walks_against_all_others_is_found_by_his_heading_alone(folder: Path) -> None:
    features = of_him(folder, against)
    assert odd(features) == {"heading"}
    assert features["heading"]["value"] == pytest.approx(180, abs=20)


def test_one_who_stays_where_people_only_pass_is_found_by_dwell_alone(folder: Path) -> None:
    features = of_him(folder, stays)
    assert odd(features) == {"dwell"}
    assert features["dwell"]["value"] > CROSSING_S
    assert features["dwell"]["normal"] == pytest.approx(CROSSING_S, rel=0.1)
    assert features["dwell"]["extrapolated"]


def test_one_who_leaves_the_path_is_found_by_that(folder: Path) -> None:
    features = of_him(folder, leaves)
    assert "path" in odd(features)
    assert odd(features) <= {"path", "heading"}, "over the kerb he walks as nobody does"
    assert features["path"]["value"] > 0.25


def test_one_who_does_as_all_do_is_not_found(folder: Path) -> None:
    assert [
        each for each in starts(folder, street(77, 60, with_all)) if each.object and each.object.track_id == 999
    ] == []


def test_ordinary_walkers_stay_within_the_budget(folder: Path) -> None:
    alarms = sum(len(starts(folder, street(100 + seed, 60))) for seed in range(3))
    assert alarms <= 8, "three in three minutes are wanted; more than 8 have less than one chance in a hundred"


def test_the_manifest_names_the_features(folder: Path) -> None:
    manifest = (folder / "generations" / "1" / "manifest.json").read_text()
    for name in ("heading", "dwell", "path"):
        assert f'"{name}":' in manifest

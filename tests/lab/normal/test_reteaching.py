"""From a sample to a model: what alarmed teaches nothing and is not forgotten, hours count by their share."""

from pathlib import Path

import pytest

from lab.normal.alarms import Alarm
from lab.normal.reservoir import Followed, Reservoir, Terms
from lab.normal.reteaching import Retaught, parts_of, teach
from lab.normal.stretch import Stretch, pack, unpack
from pipeline.clock import SECOND
from stages.alert.normal.calibration import DAY_S
from tests.lab.normal.minutes import minute, with_object

CYCLIST = 900
BOX = (0.4, 0.3, 0.55, 0.8)


def taught(
    folder: Path,
    stretches: list[Stretch],
    alarms: list[Alarm] | None = None,
    *,
    expected_per_day: float = 0.0,
    threshold: float | None = None,
) -> Retaught:
    reservoir = Reservoir.open(folder, "gate", Terms())
    reservoir.offer(stretches)
    reservoir.index.logs["o"] = Followed(alarms=alarms or [], expected_per_day=expected_per_day, threshold=threshold)
    return teach(reservoir, reservoir.index.entries)


def cycled(number: int, *, hour: float = 8.0) -> Stretch:
    """A minute with something that is faster than anything else, for four seconds."""
    quiet = minute(number, hour=hour)
    frames = with_object(quiet.frames, CYCLIST + number, at=range(40, 48), box=BOX, speed=400.0)
    return unpack(pack(Stretch(quiet.header, frames)))


def alarm(number: int, *, threshold: float = 9.0) -> Alarm:
    start = (number * 60 + 21) * SECOND
    return Alarm("anomaly", f"e{number}", start, start + SECOND, [CYCLIST + number], placed=False, threshold=threshold)


@pytest.fixture(scope="module")
def day() -> list[Stretch]:
    return [minute(number, hour=8) for number in range(3)] + [cycled(3)]


@pytest.fixture(scope="module")
def clean(day: list[Stretch], tmp_path_factory: pytest.TempPathFactory) -> Retaught:
    return taught(tmp_path_factory.mktemp("clean"), day, [alarm(3)])


def test_what_alarmed_is_not_learned_and_what_is_learned_is_no_longer_unusual(
    day: list[Stretch], clean: Retaught, tmp_path: Path
) -> None:
    from lab.normal.suspicion import suspicion

    learned = taught(tmp_path, day)
    frames = cycled(9).frames
    apart, known = (suspicion(each.learned.model, frames).score.max() for each in (clean, learned))
    assert apart > known + 3
    assert (clean.left.objects, clean.left.rules, clean.left.of) == (1, ("anomaly",), 1)
    assert learned.left.objects == 0


def test_a_threshold_keeps_its_rate_when_what_reached_it_is_left_out(
    day: list[Stretch], clean: Retaught, tmp_path: Path
) -> None:
    """Nothing else is known above it: one alarm, or none, is no sign that it is reached more or less often."""
    forgotten = clean.learned.calibration
    budget, threshold = 2 * DAY_S / forgotten.seconds, float(forgotten.level[0]) + 1
    one = taught(tmp_path / "one", day, [alarm(3)], expected_per_day=budget, threshold=threshold)
    none = taught(tmp_path / "none", [minute(3, hour=8), *day[:3]], expected_per_day=budget, threshold=threshold)
    for each in (one, none):
        assert each.learned.calibration.threshold(budget) == pytest.approx(threshold, rel=1e-3)
        assert each.learned.calibration.expected_per_day(threshold) == pytest.approx(budget, rel=1e-3)
    assert one.left.of == 1
    assert one.left.counted == pytest.approx(2.0, abs=0.1)
    assert (clean.left.of, clean.left.counted) == (1, 0)
    assert forgotten.threshold(budget) < threshold


def test_an_alarm_that_is_usual_by_now_counts_with_what_it_is(day: list[Stretch], tmp_path: Path) -> None:
    everyday = [cycled(number) for number in range(4)]
    rate = DAY_S / sum(each.header.seconds for each in everyday)
    found = taught(tmp_path, everyday, [alarm(3, threshold=60.0)], expected_per_day=rate, threshold=60.0)
    calibration = found.learned.calibration
    assert calibration.expected_per_day(59.9) < 0.6 * rate
    assert calibration.alarms_at(1.0) >= 1


def test_quarters_of_the_day_count_alike_however_long_they_were_observed(tmp_path: Path) -> None:
    stretches = [minute(number, hour=8) for number in range(2)] + [minute(2, hour=14)]
    found = taught(tmp_path, stretches)
    assert found.hours == pytest.approx({1: 2 / 60, 2: 1 / 60}, rel=0.02)
    assert found.learned.calibration.heaviest == pytest.approx(1.5, rel=0.02)


def test_minutes_that_follow_one_another_are_one_clip(tmp_path: Path) -> None:
    reservoir = Reservoir.open(tmp_path, "gate", Terms())
    reservoir.offer([minute(number, lasts=60) for number in (0, 1, 2, 4)])
    reservoir.offer([minute(5, origin="another")])
    parts = list(parts_of(reservoir, reservoir.index.entries))
    assert [len(each.frames) for each in parts] == [120, 360, 120]


def test_the_same_sample_teaches_the_same(day: list[Stretch], clean: Retaught, tmp_path: Path) -> None:
    again = taught(tmp_path, list(reversed(day)), [alarm(3)])
    assert again.learned.footage.digest == clean.learned.footage.digest
    assert again.learned.calibration.threshold(2.0) == clean.learned.calibration.threshold(2.0)

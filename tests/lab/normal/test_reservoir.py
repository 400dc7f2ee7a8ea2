"""The sample is bounded, decays, is the same whatever the order, and survives damage and death."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lab.normal.reservoir import Reservoir, Terms, bucket, key
from lab.normal.stretch import Header, Stretch
from pipeline.errors import UsageError
from tests.lab.normal.conftest import DETECTOR, film
from tests.lab.normal.minutes import DAY_NS, MONDAY_NS, minute

FEW = Terms(most=3)


def opened(folder: Path, terms: Terms = FEW) -> Reservoir:
    folder.mkdir(exist_ok=True)
    return Reservoir.open(folder, "gate", terms)


def ids(reservoir: Reservoir) -> list[str]:
    return [each.id for each in reservoir.index.entries]


@pytest.fixture(scope="module")
def week() -> list[Stretch]:
    """Four minutes of each of seven days, one of each quarter of the day."""
    frames = film(6, 0)
    return [
        Stretch(
            Header("o", number, DETECTOR, (), number * 60, number * 60 + 6, MONDAY_NS + number * DAY_NS // 4), frames
        )
        for number in range(28)
    ]


def test_each_quarter_of_the_day_has_its_own_bounded_sample(tmp_path: Path, week: Sequence[Stretch]) -> None:
    reservoir = opened(tmp_path)
    reservoir.offer(week)
    numbers = [reservoir.bucket(each.header) for each in reservoir.index.entries]
    assert sorted(numbers) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_the_sample_is_the_same_whatever_the_order_and_the_number_of_updates(
    tmp_path: Path, week: Sequence[Stretch]
) -> None:
    once = opened(tmp_path / "once")
    once.offer(week)
    backwards = opened(tmp_path / "backwards")
    for each in reversed(week):
        backwards.offer([each])
        backwards.commit()
        backwards = opened(tmp_path / "backwards")
    assert ids(once) == ids(backwards)
    assert once.content == backwards.content


def test_what_is_offered_again_changes_nothing(tmp_path: Path, week: Sequence[Stretch]) -> None:
    reservoir = opened(tmp_path)
    reservoir.offer(week)
    before = ids(reservoir)
    assert reservoir.offer(week) == 0
    assert ids(reservoir) == before


def test_a_half_life_ago_counts_half() -> None:
    """Of two stretches a half-life apart the younger one is drawn first two times in three."""
    first = 0
    for number in range(3000):
        old = key(f"old {number}", MONDAY_NS, 7.0)
        young = key(f"young {number}", MONDAY_NS + 7 * DAY_NS, 7.0)
        first += young > old
    assert first / 3000 == pytest.approx(2 / 3, abs=0.03)


def test_hours_are_those_of_the_clock_on_the_wall_in_its_time_zone() -> None:
    assert [bucket(MONDAY_NS + hour * DAY_NS // 24, "UTC") for hour in (0, 5, 6, 17, 23)] == [0, 0, 1, 2, 3]
    assert bucket(MONDAY_NS + 23 * DAY_NS // 24, "Europe/Berlin") == 0
    assert bucket(None, "UTC") == 4


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    reservoir = opened(tmp_path)
    reservoir.offer([minute(number, hour=8) for number in range(2)])
    reservoir.commit()
    again = opened(tmp_path)
    assert again.check() == []
    assert [again.read(each).header.number for each in again.index.entries] == [0, 1]
    assert np.allclose(again.read(again.index.entries[1]).frames[40].box, minute(1, hour=8).frames[40].box)


def test_a_damaged_stretch_is_dropped_in_one_line_and_the_others_stay(tmp_path: Path) -> None:
    reservoir = opened(tmp_path)
    reservoir.offer([minute(number, hour=8) for number in range(3)])
    reservoir.commit()
    files = sorted((tmp_path / "reservoir" / "stretches").iterdir())
    content = bytearray(files[0].read_bytes())
    content[100] ^= 1
    files[0].write_bytes(content)
    files[1].unlink()
    again = opened(tmp_path)
    dropped = again.check()
    assert len(again.index.entries) == 1
    assert sorted(line.split(": dropped: ")[1] for line in dropped) == [
        "No such file or directory",
        "is not what was written: its digest differs",
    ]
    again.commit()
    assert opened(tmp_path).check() == []


def test_a_damaged_index_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    reservoir = opened(tmp_path)
    reservoir.commit()
    file = tmp_path / "reservoir" / "index.msgpack"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(UsageError, match=r"its digest differs; delete the folder .*reservoir: the next update starts"):
        opened(tmp_path)


def test_another_cameras_sample_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).commit()
    with pytest.raises(UsageError, match="is of camera 'gate', not of 'yard'"):
        Reservoir.open(tmp_path, "yard")


def test_an_update_that_dies_before_the_index_leaves_what_was_there(tmp_path: Path) -> None:
    reservoir = opened(tmp_path)
    reservoir.offer([minute(0, hour=8)])
    reservoir.commit()
    before = ids(reservoir)
    (tmp_path / "reservoir" / "stretches" / "fffff.xz").write_bytes(b"half")
    again = opened(tmp_path)
    assert ids(again) == before
    again.offer([minute(1, hour=8)])
    again.commit()
    assert len(list((tmp_path / "reservoir" / "stretches").iterdir())) == 2


def test_fewer_are_kept_from_the_moment_that_fewer_are_asked_for(tmp_path: Path, week: Sequence[Stretch]) -> None:
    reservoir = opened(tmp_path)
    reservoir.offer(week)
    reservoir.commit()
    fewer = opened(tmp_path, Terms(most=1))
    assert len(fewer.index.entries) == 4
    assert set(ids(fewer)) < set(ids(reservoir))

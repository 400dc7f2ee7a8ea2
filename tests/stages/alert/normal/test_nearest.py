"""The three normal examples that are most like something."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pytest

from pipeline.errors import CannotStart
from stages.alert.normal.nearest import Example, Examples, vectors

BOX = (0.4, 0.3, 0.5, 0.6)
SAME: Mapping[str, Any] = MappingProxyType({"class_name": "person", "media_time": 1.0, "box": BOX})


def examples() -> Examples:
    """Of rising speed, and of one size but for the last."""
    told = [Example(crop=f"{n:02}.jpg", features={"speed": 2.0**n, "size": 0.1}, **SAME) for n in range(6)]
    return Examples([*told, Example(crop="large.jpg", features={"speed": 8.0, "size": 0.4}, **SAME)])


def test_the_nearest_come_first_and_say_how_they_differ() -> None:
    found = examples().nearest({"speed": 8.0, "size": 0.1}, BOX)
    assert [each["crop"] for each in found] == ["03.jpg", "02.jpg", "04.jpg"]
    assert found[0] == {"crop": "03.jpg", "class": "person", "distance": 0.0, "size": 0.1, "speed": 8.0}
    assert found[1]["distance"] == found[2]["distance"] > 0


def test_what_stands_elsewhere_is_less_like_it() -> None:
    away = Example(
        crop="away.jpg", class_name="person", media_time=1.0, box=(0.8, 0.7, 0.9, 1.0), features={"speed": 8.0}
    )
    near = Example(crop="near.jpg", features={"speed": 7.0}, **SAME)
    slow = Example(crop="slow.jpg", features={"speed": 1.0}, **SAME)
    found = Examples([away, slow, near]).nearest({"speed": 8.0}, BOX)
    assert [each["crop"] for each in found] == ["near.jpg", "slow.jpg", "away.jpg"]


@pytest.mark.parametrize("features", [{}, {"heading": 3.0}])
def test_nothing_is_like_what_the_examples_do_not_tell(features: dict[str, float]) -> None:
    assert examples().nearest(features, BOX) == []


def test_without_examples_there_are_none() -> None:
    assert Examples([]).nearest({"speed": 1.0}, BOX) == []


def test_a_standstill_has_a_place_among_the_vectors() -> None:
    assert np.isfinite(vectors([{"speed": 0.0}, {"speed": 3.0}], [BOX, BOX])).all()


class _Stored:
    """As much of ``Stored`` as is asked."""

    path = Path("generation")

    def __init__(self, content: bytes | None) -> None:
        self.content = content

    def exemplar(self, name: str) -> bytes | None:
        assert name == "examples.json"
        return self.content


def test_examples_that_were_deleted_are_none_and_damaged_ones_are_refused() -> None:
    told: Any = _Stored(None)
    assert Examples.of(told).nearest({"speed": 1.0}, BOX) == []
    damaged: Any = _Stored(b'[{"crop": 1}]')
    with pytest.raises(CannotStart, match=r"examples\.json: cannot be read"):
        Examples.of(damaged)
    whole: Any = _Stored(msgspec.json.encode([Example(crop="a.jpg", features={"speed": 1.0}, **SAME)]))
    assert len(Examples.of(whole).nearest({"speed": 1.0}, BOX)) == 1


def seen(crop: str, look: list[float], *, speed: float = 8.0) -> Example:
    return Example(crop=crop, features={"speed": speed}, look=np.array(look, np.float16).tobytes(), **SAME)


LOOKING = [
    seen("same.jpg", [1, 0, 0]),
    seen("turned.jpg", [0.6, 0.8, 0]),
    seen("other.jpg", [0, 1, 0]),
    seen("fast.jpg", [1, 0, 0], speed=400.0),
]


def test_of_examples_that_move_alike_those_that_look_alike_come_first() -> None:
    found = Examples(LOOKING).nearest({"speed": 8.0}, BOX, np.array([2, 0, 0], np.float16))
    assert [each["crop"] for each in found] == ["same.jpg", "turned.jpg", "other.jpg"]
    assert [each["appearance"] for each in found] == pytest.approx([0, 0.4, 1], abs=1e-3)
    assert found[0]["distance"] == 0 < found[1]["distance"] < found[2]["distance"]


def test_examples_without_a_look_do_not_count_beside_those_with_one_unless_there_are_too_few() -> None:
    plain = Example(crop="plain.jpg", features={"speed": 8.0}, **SAME)
    look = np.array([0, 1, 0], np.float16)
    assert "plain.jpg" not in [each["crop"] for each in Examples([plain, *LOOKING]).nearest({"speed": 8.0}, BOX, look)]
    few = Examples([plain, *LOOKING[:2]]).nearest({"speed": 8.0}, BOX, look)
    assert [each["crop"] for each in few] == ["plain.jpg", "same.jpg", "turned.jpg"]
    assert not any("appearance" in each for each in few)
    foreign = Examples(LOOKING).nearest({"speed": 8.0}, BOX, np.zeros(7, np.float16))
    assert not any("appearance" in each for each in foreign), "vectors of another width cannot be compared"

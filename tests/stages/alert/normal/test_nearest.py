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

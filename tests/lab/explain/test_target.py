"""Choosing what is to be explained."""

import numpy as np
import pytest

from lab.explain.target import Target, Window, chosen
from pipeline.errors import UsageError


def target(name: str, *xyxy: float) -> Target:
    return Target(np.array(xyxy, np.float32), 0, name, 0.5)


TARGETS = [target("bus", 0, 0, 100, 80), target("person", 10, 10, 30, 60)]


def test_a_number_a_point_or_all() -> None:
    assert chosen(TARGETS, "1") == TARGETS[1:]
    assert chosen(TARGETS, "all") == TARGETS
    assert chosen(TARGETS, "20,20")[0].name == "person"  # the smaller box around that point
    assert chosen(TARGETS, "90,20")[0].name == "bus"


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("2", "there are: 0: bus 0.50 at 0,0 to 100,80; 1: person"),
        ("500,500", "no box holds that point"),
        ("dog", "a number, a point x,y, or all is wanted"),
        ("1,2,3", "there are"),
    ],
)
def test_what_is_not_there_is_met_with_what_is(which: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(TARGETS, which)


def test_without_detections_there_is_nothing_to_explain() -> None:
    with pytest.raises(UsageError, match="nothing was detected"):
        chosen([], "0")


def test_a_window_keeps_within_the_picture_and_is_never_tiny() -> None:
    assert Window.around(TARGETS[1].xyxy, 2, within=(200, 300)) == Window(0, 0, 44, 85)
    tiny = Window.around(np.array([100, 100, 104, 104], np.float32), 2, within=(200, 300))
    assert tiny.shape == (48, 48)

"""A street without any picture: all walk from left to right along a path, at the same speed, over a lawn's edge."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from stages.alert.normal.observed import Observed
from tests.stages.alert.normal.conftest import Thing, frame

FPS = 2.5
CROSSING_S = 20.0
PATH = 0.56, 0.65
"""Rows between which their feet are."""
Script = Callable[[float], Thing | None]
"""Where somebody is at a time in s; None while he is not there."""


def passer(start_s: float, row: float, subject: int, random: np.random.Generator) -> Script:
    """One who walks past. Boxes wobble, as a detector's do."""
    pace, size = random.uniform(0.95, 1.05) / CROSSING_S, random.uniform(0.92, 1.08)

    def at(now_s: float) -> Thing | None:
        x = (now_s - start_s) * pace
        if not 0 <= x <= 1:
            return None
        return walker(x, row, subject, size=size * random.normal(1, 0.02), speed=10 * random.normal(1, 0.1))

    return at


def walker(x: float, row: float, subject: int, *, size: float = 1.0, speed: float = 10.0) -> Thing:
    """An ordinary one, at a place."""
    return Thing(x=x, y=row, speed=speed, width=0.04 * size, height=0.14 * size, subject=subject)


def passers(seed: int, seconds: float) -> Iterator[Script]:
    """One every other second."""
    random = np.random.default_rng(seed)
    for number in range(int((seconds + CROSSING_S) / 2)):
        start_s = 2 * number - CROSSING_S + random.uniform(-0.5, 0.5)
        yield passer(start_s, random.uniform(*PATH), number + 1, random)


def street(seed: int, seconds: float, *others: Script) -> list[Observed]:
    """Passers, and others beside them."""
    scripts = [*passers(seed, seconds), *others]
    return [frame(index, _there(scripts, index / FPS), fps=FPS) for index in range(int(seconds * FPS))]


def _there(scripts: Sequence[Script], now_s: float) -> list[Thing]:
    return [thing for each in scripts if (thing := each(now_s)) is not None]

"""What is there to be seen, without noise: who is where at each frame."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.evaluate.events.plane import Point
from pipeline.clock import SECOND
from pipeline.testing import Walk
from stages.alert.options import Anchor

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the picture."""


@dataclass(frozen=True, slots=True)
class Path:
    """One object of the truth."""

    who: int
    class_name: str
    boxes: Sequence[Box | None]
    """At each frame; None where it is not there."""

    def points(self, anchor: Anchor) -> list[Point | None]:
        """At each frame where it stands, by an anchor of its box."""
        height = {"bottom_centre": 1.0, "centre": 0.5, "top_centre": 0.0}[anchor]
        return [
            None if box is None else ((box[0] + box[2]) / 2, box[1] + height * (box[3] - box[1])) for box in self.boxes
        ]


@dataclass(frozen=True, slots=True)
class Standing:
    """A thing that stands somewhere for a while."""

    box: Box
    from_s: float
    until_s: float

    def blob(self, seconds: float) -> list[float]:
        """What capture's measurement ``still`` tells of it at a time: its box, how long it has stood, how much it
        stands out from its surroundings now and what was there did before, and how much of its box it fills."""
        return [*self.box, seconds - self.from_s, 30.0, 10.0, 0.8]


@dataclass(frozen=True, slots=True)
class View:
    """The frames of one camera, and all objects."""

    times_ns: Sequence[int]
    paths: Sequence[Path]
    width: int
    height: int
    things: Sequence[Standing] = ()

    def of(self, classes: Sequence[str]) -> list[Path]:
        """The objects of these classes; none named: all."""
        return [path for path in self.paths if not classes or path.class_name in classes]


def view_of(
    walks: Sequence[Walk],
    times: Sequence[float],
    *,
    width: int,
    height: int,
    names: Sequence[str],
    things: Sequence[Standing] = (),
) -> View:
    """The scene of scripted walks as it is, whatever its detector misses, as far as the picture shows it; walks of one
    track are one object."""
    paths = []
    for track in dict.fromkeys(walk.track for walk in walks):
        own = [walk for walk in walks if walk.track == track]
        boxes = [next((box for walk in own if (box := _box(walk, seconds)) is not None), None) for seconds in times]
        paths.append(Path(track, names[own[0].class_id], boxes))
    return View([round(seconds * SECOND) for seconds in times], paths, width, height, things)


def _box(walk: Walk, seconds: float) -> Box | None:
    feet = walk.feet(seconds)
    if feet is None:
        return None
    x, y = feet
    left, top, right, bottom = (
        min(max(side, 0.0), 1.0) for side in (x - walk.width / 2, y - walk.height, x + walk.width / 2, y)
    )
    return left, top, right, bottom

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
class View:
    """The frames of one camera, and all objects."""

    times_ns: Sequence[int]
    paths: Sequence[Path]
    width: int
    height: int

    def of(self, classes: Sequence[str]) -> list[Path]:
        """The objects of these classes; none named: all."""
        return [path for path in self.paths if not classes or path.class_name in classes]


def view_of(walks: Sequence[Walk], times: Sequence[float], *, width: int, height: int, names: Sequence[str]) -> View:
    """The scene of scripted walks as it is, whatever its detector misses."""
    paths = []
    for number, walk in enumerate(walks, start=1):
        boxes: list[Box | None] = []
        for seconds in times:
            feet = walk.feet(seconds)
            if feet is None:
                boxes.append(None)
                continue
            x, y = feet
            boxes.append((x - walk.width / 2, y - walk.height, x + walk.width / 2, y))
        paths.append(Path(number, names[walk.class_id], boxes))
    return View([round(seconds * SECOND) for seconds in times], paths, width, height)

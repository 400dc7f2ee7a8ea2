"""Which features a model of normal can have, and in which units they are told."""

from stages.alert.normal.appearance import Appearance
from stages.alert.normal.behaviour import Behaviour
from stages.alert.normal.dwell import Dwell
from stages.alert.normal.feature import Feature
from stages.alert.normal.heading import Heading
from stages.alert.normal.kind import Kind
from stages.alert.normal.magnitude import Size, Speed
from stages.alert.normal.magnitudes import MAGNITUDES, SPEED
from stages.alert.normal.path import Path

FEATURES: dict[str, type[Feature]] = {
    each.name: each for each in (Speed, Size, Kind, Heading, Dwell, Path, Appearance, Behaviour)
}
"""Of an object, by name; the order is that in which they are learned, told and added."""
WINDOW, OBJECT_SUM = "window", "object"
UNITS = {name: each.unit for name, each in FEATURES.items()} | {
    WINDOW: SPEED,
    OBJECT_SUM: "sum of -ln p of the parts",
}
OBJECT = MAGNITUDES
"""What examples of what is normal are compared by."""

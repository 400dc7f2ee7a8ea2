"""What is wrong with a data set, one finding at a time."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a model trained or measured on it would be wrong, or may be worse."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of finding, and what to do about it."""

    name: str
    severity: Severity
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``where`` names a picture (or two, or a class); ``box`` counts its boxes from 0.

    ``beside``: the picture that it resembles. ``spot``: left, top, right, bottom in pixels of what is meant.
    """

    kind: Kind
    where: str
    what: str
    box: int | None = None
    beside: str = ""
    spot: tuple[float, ...] = ()


_E, _W = Severity.ERROR, Severity.WARNING
UNREADABLE = Kind("unreadable file", _E, "repair the picture or the label file, or delete both")
SIZE = Kind("wrong size", _E, "the picture is not the one that was labelled; find the right file")
OUTSIDE = Kind("box outside", _E, "clip it to the picture, or check that width and height were not swapped")
NO_AREA = Kind("box without area", _E, "delete it or draw it again")
UNKNOWN = Kind("unknown class", _E, "add the name to data.yaml, or map the number to a class")
SAME_BOX = Kind("same box twice", _E, "delete one of the two")
LEAK = Kind("same scene in two splits", _E, "make the splits anew: bartizan dataset split --by camera")
EMPTY_SPLIT = Kind("empty split", _E, "move pictures into it, or leave it out")
TINY = Kind("tiny box", _W, "delete boxes too small to recognise, or label at a higher resolution")
HUGE = Kind("huge box", _W, "look whether it is one object; a box around a whole scene teaches nothing")
TWO_NAMES = Kind("one object, two classes", _W, "keep the right one")
COPY = Kind("same file twice", _W, "keep one: copies count double in training")
ORPHAN = Kind("label without picture", _W, "find the picture, or delete the label")
NEAR_COPY = Kind("near-duplicates", _W, "keep one of each group; capture picks frames that differ")
SAME_CAMERA = Kind("recording in two splits", _W, "bartizan dataset split --by camera, unless the name misleads")
RARE = Kind("rare class", _W, "label more of it (capture with --teacher), or leave the class out")
ABSENT = Kind("class without boxes", _W, "remove the name, or label some; in val, its figures will be missing")
UNLABELLED = Kind("object without label", _W, "draw it, or bartizan dataset label --complete CLASS")
UNSEEN = Kind("label that no teacher sees", _W, "look at it: wrong, hidden, or just hard")
EMPTY = Kind(
    "mostly empty", _W, "pictures without objects are useful up to about a tenth; check that labels were found"
)

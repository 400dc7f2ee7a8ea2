"""What else was seen in a frame."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a frame shows."""

    class_name: str
    track_id: int
    """0: a detection, of a track or of none."""
    box_px: tuple[float, float, float, float]
    held: bool = False
    """A track that no detection supports at this frame: where it is taken to be."""


@dataclass(frozen=True, slots=True)
class Around:
    """Everything that was seen in a frame, the object of the event included, most of it twice."""

    names: tuple[str, ...] = ()
    """Class names that the detector knows."""
    seen: tuple[Seen, ...] = ()


NOBODY = Around()
"""Where there is nothing else."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was seen at one time of a clip."""

    at_ns: int
    """From the beginning of the clip; may be negative, and beyond its end."""
    size: tuple[int, int]
    """Width and height of the frame that was analysed."""
    around: Around

"""What the camera saw when the event was raised: the snapshot, with the numbers of the moments along the path."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np

from lab.why.course import Course
from lab.why.finding import Results
from lab.why.moment import Moment
from pipeline.messages import Event
from pipeline.stage import Picture

LEAST_PX = 960
"""A smaller snapshot is enlarged to this width, so that numbers can be read."""
_BLANK = (56, 50, 46)
_BLANK_PX = (720, 1280)
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class View:
    """A picture for people, uint8 (height, width, 3) BGR."""

    pixels: Picture
    missing: str
    """Why it is a drawing and no photograph; empty for a photograph."""


def view(results: Results, course: Course, moments: list[Moment]) -> View:
    """The snapshot of the start, or a drawing of its record where there is none."""
    event = course.start
    photograph, missing = _snapshot(results, event)
    pixels = _drawing(event) if photograph is None else photograph
    return View(_numbered(_large(pixels), moments), missing)


def _snapshot(results: Results, event: Event) -> tuple[Picture | None, str]:
    import cv2

    name = event.evidence.get("snapshot", "")
    if not name:
        return None, "the record names no snapshot"
    try:
        path = _below(results.folder, Path(name))
        note = _below(results.folder, Path(name).with_suffix(".missing"))
        if path is None or note is None:
            return None, f"its snapshot lies outside the results ({name!r})"
        if note.is_file():
            return None, f"there is no snapshot: {note.read_text(errors='replace').strip()}"
        if not path.is_file():
            return None, f"its snapshot is not beside {results.source.name} ({name})"
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except (OSError, ValueError):  # a null byte, no name at all, a name that is too long, a file that may not be read
        return None, f"the snapshot {shorten(repr(name), 60)} cannot be read"
    pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if pixels is None:
        return None, f"the snapshot {name} cannot be read as a picture"
    height = _frame_height(event) or pixels.shape[0]
    return np.asarray(pixels[:height], np.uint8), ""


def _below(folder: Path, name: Path) -> Path | None:
    """The file that a record names, links followed; None if it does not lie in the folder."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def _frame_height(event: Event) -> int | None:
    """Pixels of the frame without the caption below it, as the two forms of the box tell."""
    if event.object is None or event.object.box[3] <= 0:
        return None
    return round(event.object.box_px[3] / event.object.box[3])


def _drawing(event: Event) -> Picture:
    """Zone or line, path and box on an empty ground of the camera's shape."""
    import cv2

    from stages.evidence.options import SnapshotOptions
    from stages.evidence.snapshot import SnapshotStage

    height, width = _BLANK_PX
    seen = event.object
    if seen is not None and seen.box[2] > 0 and seen.box[3] > 0:
        shape = (seen.box_px[3] / seen.box[3]) / (seen.box_px[2] / seen.box[2])
        height = max(round(width * shape), 1)
    ground = np.full((height, width, 3), _BLANK, np.uint8)
    content = SnapshotStage(SnapshotOptions(caption=False, jpeg_quality=95)).process(event, ground)
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _large(pixels: Picture) -> Picture:
    import cv2

    height, width = pixels.shape[:2]
    if width >= LEAST_PX:
        return pixels.copy()
    size = LEAST_PX, round(height * LEAST_PX / width)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _numbered(pixels: Picture, moments: list[Moment]) -> Picture:
    """A disc with its number for each moment whose place is known; those that would cover another move up."""
    import cv2

    height, width = pixels.shape[:2]
    radius = max(round(width / 72), 8)
    taken: list[tuple[int, int]] = []
    for moment in moments:
        if moment.place is None:
            continue
        point = round(moment.place[0] * (width - 1)), round(moment.place[1] * (height - 1))
        spot = _free(point, taken, radius, (width, height))
        taken.append(spot)
        cv2.line(pixels, point, spot, _INK, max(radius // 5, 2), cv2.LINE_AA)
        cv2.circle(pixels, point, max(radius // 4, 2), _INK, -1, cv2.LINE_AA)
        cv2.circle(pixels, spot, radius, _INK, -1, cv2.LINE_AA)
        cv2.circle(pixels, spot, radius - max(radius // 6, 1), _PAPER, -1, cv2.LINE_AA)
        _digit(pixels, str(moment.number), spot, radius)
    return pixels


def _free(point: tuple[int, int], taken: list[tuple[int, int]], radius: int, size: tuple[int, int]) -> tuple[int, int]:
    """The nearest place to a point, below and around it, that covers no other number and lies in the picture."""
    for away in (2.2, 3.6, 5.0, 6.4):
        for turn in (90, 45, 135, 0, 180, 270):
            x = point[0] + round(away * radius * np.cos(np.radians(turn)))
            y = point[1] + round(away * radius * np.sin(np.radians(turn)))
            within = radius <= x < size[0] - radius and radius <= y < size[1] - radius
            if within and all(np.hypot(x - other[0], y - other[1]) > 2.1 * radius for other in taken):
                return x, y
    return point


def _digit(pixels: Picture, text: str, centre: tuple[int, int], radius: int) -> None:
    import cv2

    font, size = cv2.FontFace("sans"), round(radius * 1.3)
    _left, _top, wide, _high = cv2.getTextSize((0, 0), text, (0, 0), font, size, 700)
    cv2.putText(pixels, text, (centre[0] - wide // 2, centre[1] + round(size * 0.36)), _INK, font, size, 700)

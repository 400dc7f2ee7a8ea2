"""Pictures of mistakes: the surroundings of one box, with what is there and what was found."""

import numpy as np
import numpy.typing as npt

from lab.detector import read_picture
from lab.evaluate.mistakes import MISSED, Mistake
from lab.evaluate.observation import Change, Observation
from pipeline.stage import Picture

TRUE, FOUND, WRONG = (115, 158, 0), (178, 114, 0), (0, 94, 213)
"""BGR: green what is there, blue what was found and right, orange the mistake in question."""
LEGEND = "Green: labelled. Blue: found and right. Orange, thick: the mistake."
SURROUNDINGS = 1.2
"""Times the box's longer side that is shown around it, on each side."""
LEAST_PX = 120
"""Pixels shown around a box at least."""
SHOWN_PX = 560
"""Longer side of the picture that comes out."""


def draw(
    observation: Observation, mistake: Mistake, *, threshold: float, change: Change | None = None
) -> tuple[Picture, str]:
    """The picture around a mistake, uint8 (height, width, 3) BGR, and its caption. Raises ``UsageError``."""
    image = observation.images[mistake.picture]
    picture = read_picture(image.path)
    if change is not None:
        picture = change(picture, mistake.picture)
    left, top, right, bottom = _window(mistake.xyxy, picture.shape[:2])
    scale = SHOWN_PX / max(right - left, bottom - top)
    canvas = _resized(picture[top:bottom, left:right], scale)
    found = observation.found[mistake.picture]
    xyxy, _ = observation.vocabulary.truth(image)
    shift = np.array([left, top, left, top], np.float32)
    for box in (xyxy - shift) * scale:
        _box(canvas, box, TRUE, 1)
    hits = observation.tallies[mistake.picture].hit[:, 0]
    order = np.argsort(-found.confidence, kind="stable")
    for row, hit in zip(order, hits, strict=True):
        if hit and found.confidence[row] >= threshold:
            _box(canvas, (found.xyxy[row] - shift) * scale, FOUND, 1)
    _box(canvas, (np.array(mistake.xyxy, np.float32) - shift) * scale, WRONG, 3)
    return canvas, f"{caption_of(mistake, observation.vocabulary.names)} ({image.path.name})"


def caption_of(mistake: Mistake, names: tuple[str, ...]) -> str:
    """One line about a mistake."""
    name, (left, top, right, bottom) = names[mistake.class_id], mistake.xyxy
    size = f"{right - left:.0f} x {bottom - top:.0f} px"
    if mistake.kind == MISSED:
        below = f", best box only {mistake.confidence:.2f} sure" if mistake.confidence > 0.01 else ", no box near"
        return f"missed {name}, {size}{below}"
    over = f", a {names[mistake.other]}" if mistake.other >= 0 else ""
    return f"{name} {mistake.confidence:.2f}: {mistake.kind}{over}, {size}"


def _window(box: tuple[float, float, float, float], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    height, width = shape
    left, top, right, bottom = box
    around = max(max(right - left, bottom - top) * SURROUNDINGS, LEAST_PX)
    return (
        int(max(left - around, 0)),
        int(max(top - around, 0)),
        int(min(np.ceil(right + around), width)),
        int(min(np.ceil(bottom + around), height)),
    )


def _resized(picture: Picture, scale: float) -> Picture:
    import cv2

    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized: Picture = cv2.resize(picture, size, interpolation=method)  # type: ignore[assignment]  # any dtype to cv2
    return resized


def _box(canvas: Picture, box: npt.NDArray[np.float32], colour: tuple[int, int, int], thickness: int) -> None:
    import cv2

    left, top, right, bottom = (round(float(value)) for value in box)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)

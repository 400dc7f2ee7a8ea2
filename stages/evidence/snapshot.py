"""Snapshots: the deciding frame of an event with the object's box, its path, and the zone or line of the rule."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.messages import Event
from pipeline.stage import NOBODY, Around, Picture
from stages.evidence.blur import Box, bystanders, hidden, kept
from stages.evidence.caption import caption
from stages.evidence.cutout import cut_out, sharpness
from stages.evidence.options import SnapshotOptions

Color = tuple[int, int, int]
"""Blue, green, red."""

_SEVERITY: dict[str, Color] = {
    "low": (214, 180, 60),
    "medium": (40, 190, 250),
    "high": (40, 90, 255),
    "critical": (150, 40, 255),
}
_REGION: Color = (255, 220, 110)
_PATH: Color = (90, 255, 255)
_DARK: Color = (20, 20, 20)
_FILL = 0.18
_PICTURE_PER_STROKE = 300
_ORIGINAL_QUALITY = 95


class SnapshotStage:
    """Draws snapshots. Equal events and pixels give equal bytes (one machine, one version of OpenCV)."""

    Options = SnapshotOptions

    def __init__(self, options: SnapshotOptions) -> None:
        self._options = options

    def process(self, event: Event, pixels: Picture, around: Around | None = NOBODY) -> bytes:
        """The snapshot as JPEG: the picture, at its own size, and the caption below it.

        ``pixels``: uint8 (height, width, 3) BGR, read only; it is copied before anything is drawn. ``around``: what
        else is there, of which people are hidden; None: nobody knows, so everything but the object is hidden.
        Raises ``ValueError`` for another shape or dtype.
        """
        _check(pixels)
        picture = self._without_bystanders(event, pixels, around)
        pen = _Pen(picture)
        color = _SEVERITY.get(event.severity, _SEVERITY["high"])
        if self._options.region:
            _draw_region(pen, event.region)
        if event.object is not None:
            if self._options.path:
                pen.path([(x, y) for x, y, _time in event.object.path])
            pen.box(event.object.box, color)
        if self._options.caption:
            height, width = picture.shape[:2]
            picture = np.vstack([picture, caption(event, width, height, color)])
        return _jpeg(picture, self._options.jpeg_quality)

    def crop(self, event: Event, pixels: Picture, around: Around | None = NOBODY) -> bytes:
        """The object of the event alone, with some ground around it, as JPEG; arguments and errors as ``process``."""
        _check(pixels)
        if event.object is None:
            raise ValueError(f"event {event.message_id} has no object that could be cut out")
        picture = self._without_bystanders(event, pixels, around)
        return _jpeg(cut_out(picture, event.object.box_px), self._options.jpeg_quality)

    def sharpness(self, pixels: Picture, box_px: Box) -> float:
        """How sharp what lies in a box is; more is sharper."""
        _check(pixels)
        return sharpness(pixels, box_px)

    def original(self, pixels: Picture) -> bytes | None:
        """The picture as it was, nothing drawn and nobody hidden; None where it is not to be kept."""
        return self.pack(pixels) if self._options.original else None

    def pack(self, pixels: Picture) -> bytes:
        """The picture as it was, for ``unpack``."""
        _check(pixels)
        return _jpeg(np.ascontiguousarray(pixels), _ORIGINAL_QUALITY)

    def unpack(self, packed: bytes) -> Picture:
        """The pixels of a packed picture, nearly as they were. Raises ``ValueError`` if it is none."""
        import cv2

        pixels = cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ValueError(f"{len(packed)} bytes are no picture")
        return np.asarray(pixels, np.uint8)

    def _without_bystanders(self, event: Event, pixels: Picture, around: Around | None) -> Picture:
        """A copy that shows nobody but those whom the event is about."""
        if self._options.blur == "none":
            return pixels.copy()
        height, width = pixels.shape[:2]
        others = [(0.0, 0.0, width, height)] if around is None else bystanders(event, around, self._options.people)
        return hidden(pixels, others, keep=kept(event, around))


def _check(pixels: Picture) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels must be uint8 (h, w, 3), got {pixels.dtype} {pixels.shape}")


class _Pen:
    """Draws on one picture in normalised coordinates, each stroke with a dark rim, so that it shows on any ground."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._stroke = max(1, round(min(picture.shape[:2]) / _PICTURE_PER_STROKE))
        self._rim = self._stroke + 2 * max(1, self._stroke // 2)

    def zone(self, points: list[tuple[float, float]], color: Color) -> None:
        """A polygon, lightly filled."""
        import cv2

        corners = self._pixels(points)
        x, y, w, h = cv2.boundingRect(corners)
        y1, y2, x1, x2 = max(y, 0), max(y + h, 0), max(x, 0), max(x + w, 0)
        part = self._picture[y1:y2, x1:x2]
        if part.size:
            filled = part.copy()
            cv2.fillPoly(filled, [corners - np.array([x1, y1], np.int32)], color)
            cv2.addWeighted(filled, _FILL, part, 1 - _FILL, 0, dst=part)
        self._lines(corners, color, closed=True)

    def line(self, points: list[tuple[float, float]], color: Color) -> None:
        """A line with a dot at each end."""
        corners = self._pixels(points)
        self._lines(corners, color, closed=False)
        for corner in corners:
            self._dot(corner, color)

    def path(self, points: list[tuple[float, float]]) -> None:
        """Where something went; the dot is where it is now."""
        if not points:
            return
        corners = self._pixels(points)
        self._lines(corners, _PATH, closed=False)
        self._dot(corners[-1], _PATH)

    def box(self, box: tuple[float, float, float, float], color: Color) -> None:
        """A rectangle: left, top, right, bottom."""
        import cv2

        (left, top), (right, bottom) = self._pixels([(box[0], box[1]), (box[2], box[3])]).tolist()
        for ink, thick in ((_DARK, self._rim + 1), (color, self._stroke + 1)):
            cv2.rectangle(self._picture, (left, top), (right, bottom), ink, thick, cv2.LINE_8)

    def _lines(self, corners: npt.NDArray[np.int32], color: Color, *, closed: bool) -> None:
        import cv2

        for ink, thick in ((_DARK, self._rim), (color, self._stroke)):
            cv2.polylines(self._picture, [corners], closed, ink, thick, cv2.LINE_AA)

    def _dot(self, corner: npt.NDArray[np.int32], color: Color) -> None:
        import cv2

        center = (int(corner[0]), int(corner[1]))
        cv2.circle(self._picture, center, 2 * self._stroke + self._rim - self._stroke, _DARK, -1, cv2.LINE_AA)
        cv2.circle(self._picture, center, 2 * self._stroke, color, -1, cv2.LINE_AA)

    def _pixels(self, points: list[tuple[float, float]]) -> npt.NDArray[np.int32]:
        height, width = self._picture.shape[:2]
        near = np.clip(np.array(points, np.float64).reshape(-1, 2), -4, 5)
        pixels: npt.NDArray[np.int32] = np.rint(near * (width - 1, height - 1)).astype(np.int32)
        return pixels


def _draw_region(pen: _Pen, region: dict[str, Any]) -> None:
    for kind, points in region.items():
        if kind == "zone" and len(points) > 2:
            pen.zone(points, _REGION)
        if kind == "line" and len(points) > 1:
            pen.line(points, _REGION)


def _jpeg(picture: Picture, quality: int) -> bytes:
    import cv2

    fits, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not fits:
        raise ValueError(f"a picture of {picture.shape} cannot be written as JPEG")
    return data.tobytes()

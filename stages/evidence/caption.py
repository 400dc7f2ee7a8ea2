"""The bar below a snapshot: what happened, to whom, where and when. It hides nothing of the picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.messages import Event
from pipeline.stage import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

_BACKGROUND = (28, 24, 22)
_BRIGHT = (255, 255, 255)
_SOFT = (205, 200, 196)
_LEAST_TEXT_PX = 12
_PICTURE_PER_TEXT = 30
_BOLD, _REGULAR = 700, 400
_BETWEEN = "   "


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    weight: int
    color: tuple[int, int, int]


def caption(event: Event, width: int, height: int, color: tuple[int, int, int]) -> Picture:
    """A bar, uint8 (h, ``width``, 3) BGR, for a picture of that size; ``color`` marks the severity.

    Letters grow with the picture and are never smaller than 12 pixels; what does not fit goes to the next line.
    """
    import cv2

    size = max(_LEAST_TEXT_PX, round(min(width, height) / _PICTURE_PER_TEXT))
    font, edge = cv2.FontFace("sans"), max(3, size // 3)
    left = edge + size // 2
    lines = _lines(event, font, size, width - left - edge)
    step = round(size * 1.45)
    bar = np.full((step * len(lines) + 2 * edge, width, 3), _BACKGROUND, np.uint8)
    bar[:, :edge] = color
    for row, line in enumerate(lines):
        baseline = edge + row * step + round(size * 1.05)
        cv2.putText(bar, line.text, (left, baseline), line.color, font, size, line.weight)
    return bar


def _lines(event: Event, font: Any, size: int, room: int) -> list[_Line]:
    title = event.name if event.name == event.rule else f"{event.name} ({event.rule})"
    head = [title, event.severity.upper(), event.type]
    facts = [_object(event), f"camera {event.camera}", _media_time(event.media_time), event.wall_time or ""]
    lines = [_Line(text, _BOLD, _BRIGHT) for text in _wrapped(head, font, size, _BOLD, room)]
    lines += [_Line(text, _REGULAR, _BRIGHT) for text in _wrapped(facts, font, size, _REGULAR, room)]
    if event.reason:
        lines += [_Line(text, _REGULAR, _SOFT) for text in _reason(event.reason, font, size, room)]
    return lines


def _object(event: Event) -> str:
    seen = event.object
    if seen is None:
        return ""
    return f"{seen.class_name} #{seen.track_id} {seen.confidence:.0%}" if seen.track_id else seen.class_name


def _media_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}:{rest:05.2f}"


def _reason(reason: str, font: Any, size: int, room: int) -> list[str]:
    lines = _wrapped(reason.split(), font, size, _REGULAR, room, between=" ")
    return lines if len(lines) <= 2 else [lines[0], _cut(f"{lines[1]} …", font, size, _REGULAR, room)]


def _wrapped(
    parts: "Sequence[str]", font: Any, size: int, weight: int, room: int, *, between: str = _BETWEEN
) -> list[str]:
    """The parts in as few lines as hold them, in order."""
    lines: list[str] = []
    for part in filter(None, (_plain(part) for part in parts)):
        longer = f"{lines[-1]}{between}{part}" if lines else part
        if lines and _width(longer, font, size, weight) <= room:
            lines[-1] = longer
        else:
            lines.append(_cut(part, font, size, weight, room))
    return lines


def _cut(text: str, font: Any, size: int, weight: int, room: int) -> str:
    """The text, shortened with an ellipsis until it fits."""
    if _width(text, font, size, weight) <= room:
        return text
    kept = text
    while kept and _width(f"{kept}…", font, size, weight) > room:
        kept = kept[:-1]
    return f"{kept.rstrip(' …')}…"


def _width(text: str, font: Any, size: int, weight: int) -> int:
    import cv2

    _left, _top, wide, _high = cv2.getTextSize((0, 0), text, (0, 0), font, size, weight)
    return int(wide)


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).strip()

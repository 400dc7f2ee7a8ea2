"""The synthetic picture: boxes that move on a textured ground, exactly known, with the frame's number as a barcode.

``synthetic:640x360@10?frames=100&boxes=2`` is a source; tests draw the same pictures into clips of their own, send
them through real encoders and servers, and read back which frame arrived.
"""

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.clock import SECOND
from pipeline.stage import Picture

CELLS = 28
"""Cells of the barcode: 20 bits of the number, then 8 of its checksum; most significant first, white is 1."""
_BITS = 20
_HEAD = re.compile(r"synthetic:(\d+)x(\d+)@(\d+(?:\.\d+)?)(?:\?(.*))?", re.IGNORECASE)
_COLOURS = ((40, 40, 220), (220, 60, 40), (40, 200, 40), (40, 210, 230), (210, 60, 200), (230, 220, 60))
"""BGR, one for each box in turn."""


def _numbers(text: Any) -> Any:
    """``3,7-9`` is {3, 7, 8, 9}."""
    if not isinstance(text, str):
        return text
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise ValueError(f"expected frame numbers such as 3,7-9, got {text!r}")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def _at_frames(text: Any) -> Any:
    """``50:3,80:1.5`` is {50: 3, 80: 1.5}."""
    if not isinstance(text, str):
        return text
    pairs = [part.partition(":") for part in text.split(",")]
    if not all(number.isdecimal() and value for number, _, value in pairs):
        raise ValueError(f"expected FRAME:VALUE, got {text!r}")
    return {int(number): value for number, _, value in pairs}


Numbers = Annotated[frozenset[int], BeforeValidator(_numbers)]


class Pattern(BaseModel):
    """What the synthetic source shows, and its faults, by frame number from 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=112, le=8192, description="Pixels.")
    height: int = Field(ge=48, le=8192, description="Pixels.")
    rate: float = Field(gt=0, le=1000, description="Frames a second.")
    frames: int | None = Field(default=None, ge=1, lt=2**_BITS, description="How many; empty: without end.")
    boxes: int = Field(default=2, ge=0, le=len(_COLOURS), description="Moving boxes.")
    recording: bool = Field(default=False, description="Waits for its reader, as a file does; else live.")
    freeze: Numbers = Field(default=frozenset(), description="Frames that repeat the picture before them.")
    black: Numbers = Field(default=frozenset(), description="Frames without a picture.")
    corrupt: Numbers = Field(default=frozenset(), description="Frames reported as damaged.")
    stall: Annotated[dict[int, float], BeforeValidator(_at_frames)] = Field(
        default={}, description="Seconds that nothing comes before this frame: 50:3."
    )
    gap: Annotated[dict[int, float], BeforeValidator(_at_frames)] = Field(
        default={}, description="Seconds that media time jumps before this frame: 50:3."
    )
    size: Annotated[dict[int, str], BeforeValidator(_at_frames)] = Field(
        default={}, description="Another picture size from this frame on: 70:320x240."
    )
    fail: Numbers = Field(default=frozenset(), description="The connection breaks in place of these frames.")

    @classmethod
    def parse(cls, source: str) -> "Pattern":
        """The pattern that ``synthetic:WIDTHxHEIGHT@FPS?key=value&...`` names. Raises ``ValueError``."""
        match = _HEAD.fullmatch(source)
        if match is None:
            raise ValueError(f"{source!r}: write synthetic:WIDTHxHEIGHT@FPS?frames=N, such as synthetic:640x360@10")
        width, height, rate, query = match.groups()
        try:
            values: dict[str, Any] = dict(parse_qsl(query or "", strict_parsing=bool(query)))
            pattern = cls(**{**values, "width": width, "height": height, "rate": rate})
            for text in pattern.size.values():
                _size(text)
        except ValueError as error:
            raise ValueError(f"{source!r}: {_lines(error)}") from None
        return pattern

    def size_at(self, number: int) -> tuple[int, int]:
        """Width and height of frame ``number``."""
        changes = [frame for frame in self.size if frame <= number]
        return _size(self.size[max(changes)]) if changes else (self.width, self.height)

    def media_ns(self, number: int) -> int:
        """Presentation time of frame ``number``, from 0."""
        jumps = sum(seconds for frame, seconds in self.gap.items() if frame <= number)
        return round(number * SECOND / self.rate) + round(jumps * SECOND)

    def shown(self, number: int) -> int:
        """The frame whose picture frame ``number`` shows: itself unless frozen."""
        while number in self.freeze and number > 0:
            number -= 1
        return number

    def boxes_at(self, number: int) -> list[tuple[int, int, int, int]]:
        """Left, top, right, bottom (exclusive) of each box in frame ``number``, in pixels; all wholly visible."""
        width, height = self.size_at(number)
        top, bottom = _band(height), height
        across, tall = max(8, width // 10), max(8, (bottom - top) // 4)
        return [
            _box(order, number, (width - across, across), (top, bottom - top - tall, tall), self.boxes)
            for order in range(self.boxes)
        ]

    def draw(self, number: int, canvas: Picture | None = None) -> Picture:
        """Frame ``number`` in ``canvas`` if it has the right shape, else in a new array."""
        width, height = self.size_at(number)
        if canvas is None or canvas.shape != (height, width, 3):
            canvas = np.empty((height, width, 3), np.uint8)
        if number in self.black:
            canvas[:] = 0
            return canvas
        shown = self.shown(number)
        canvas[:] = _ground(height, width)
        for (left, top, right, bottom), colour in zip(self.boxes_at(shown), _COLOURS, strict=False):
            canvas[top:bottom, left:right] = colour
        _write_barcode(canvas, shown)
        return canvas


def read_barcode(pixels: Picture) -> int | None:
    """The number that the picture's barcode says, or None where there is none or its checksum fails."""
    height, width = pixels.shape[:2]
    rows = slice(_band(height) // 4, max(_band(height) * 3 // 4, 1))
    bits = [
        int(pixels[rows, width * (4 * order + 1) // (4 * CELLS) : width * (4 * order + 3) // (4 * CELLS)].mean() > 127)
        for order in range(CELLS)
    ]
    value = int("".join(map(str, bits)), 2)
    number, checksum = value >> 8, value & 255
    return number if _checksum(number) == checksum else None


def _write_barcode(canvas: Picture, number: int) -> None:
    height, width = canvas.shape[:2]
    value = (number % 2**_BITS) << 8 | _checksum(number % 2**_BITS)
    for order in range(CELLS):
        white = value >> (CELLS - 1 - order) & 1
        canvas[: _band(height), width * order // CELLS : width * (order + 1) // CELLS] = 255 if white else 0


def _checksum(number: int) -> int:
    """Never 0 for 0, so that a black picture has no valid barcode."""
    return (165 + sum((number >> shift & 15) * (7 * shift + 13) for shift in range(0, _BITS, 4))) % 256


def _band(height: int) -> int:
    """Rows of the barcode."""
    return max(8, height // 12)


def _ground(height: int, width: int) -> Picture:
    """Soft stripes both ways: texture that an encoder keeps, the same in every frame."""
    rows = 16 * np.sin(np.arange(height) / 7)[:, None]
    columns = 16 * np.sin(np.arange(width) / 11)[None, :]
    ground: Picture = (112 + rows + columns).astype(np.uint8)[..., None]
    return ground


def _box(
    order: int, number: int, across: tuple[int, int], down: tuple[int, int, int], count: int
) -> tuple[int, int, int, int]:
    (run, width), (top, fall, height) = across, down
    step = max(1, run // 60) * (1 + order % 3)
    left = _bounce(number * step + order * run // max(count, 1), run)
    upper = top + fall * order // max(count - 1, 1) if count > 1 else top + fall // 2
    return left, upper, left + width, upper + height


def _bounce(way: int, run: int) -> int:
    """Position after ``way`` pixels to and fro between 0 and ``run``."""
    return run - abs(way % (2 * run) - run) if run > 0 else 0


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None or int(match[1]) < 112 or int(match[2]) < 48:
        raise ValueError(f"expected a size of at least 112x48, such as 320x240, got {text!r}")
    return int(match[1]), int(match[2])


def _lines(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())

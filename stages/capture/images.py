"""A folder of pictures as a recording, in natural order: ``frame2`` before ``frame10``."""

import logging
import re
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from pipeline.clock import SECOND, Clock
from pipeline.errors import SourceEnded, SourceError, SourceRefused
from pipeline.stage import Grab, Picture
from stages.capture.address import path_of
from stages.capture.options import CameraOptions
from stages.capture.reasons import no_file

logger = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
DEFAULT_RATE = 10.0
"""Pictures a second where the source does not say ``?fps=N``."""


class ImageFolderSource:
    """Fulfils ``Source``: one frame for each picture file of a folder; ``FOLDER?fps=5`` says their rate.

    A file that is no picture gives a black frame marked corrupt, so that the numbering of the others stands.
    """

    Options = CameraOptions

    def __init__(self, options: CameraOptions, clock: Clock) -> None:
        self.live = options.live
        self.frames: int | None = None
        self._source = options.source
        self._folder, self._rate = folder_of(options.source)
        self._files: list[Path] = []
        self._next = 0
        self._shape: tuple[int, ...] | None = None

    def open(self) -> None:
        """List the folder and decode until the picture size is known. Raises ``SourceRefused``."""
        if not self._folder.is_dir():
            raise no_file(self._source)
        self._files = sorted((file for file in self._folder.iterdir() if _is_picture(file)), key=_natural)
        self.frames = len(self._files)
        self._next = 0
        first = next((pixels for file in self._files if (pixels := _decode(file, None)) is not None), None)
        if first is None:
            raise SourceRefused(f"{self._folder}: no picture in this folder; allowed: {', '.join(sorted(SUFFIXES))}")
        self._shape = first.shape

    def read(self, canvas: Picture | None) -> Grab:
        """Decode the next picture."""
        if self._shape is None:
            raise SourceError(f"{self._folder}: not open")
        if self._next >= len(self._files):
            raise SourceEnded(f"{self._folder}: over after {len(self._files)} pictures")
        number, file = self._next, self._files[self._next]
        self._next += 1
        pts_ns = round(number * SECOND / self._rate)
        pixels = _decode(file, canvas)
        if pixels is None:
            logger.warning("%s: not a readable picture; its frame %d counts as corrupt", file, number)
            return Grab(np.zeros(self._shape, np.uint8), pts_ns, key_frame=True, corrupt=True)
        self._shape = pixels.shape
        return Grab(pixels, pts_ns, key_frame=True)

    def close(self) -> None:
        """Nothing to let go of."""


def folder_of(source: str) -> tuple[Path, float]:
    """Folder and rate of ``FOLDER`` or ``FOLDER?fps=N``. Raises ``SourceRefused`` for any other parameter."""
    whole = Path(path_of(source))
    if whole.is_dir() or "?" not in source:
        return whole, DEFAULT_RATE
    text, _, query = source.rpartition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    match = re.fullmatch(r"\d+(\.\d+)?", parameters.pop("fps", ""))
    if match is None or not 0 < float(match[0]) <= 1000 or parameters:
        raise SourceRefused(f"{source}: write FOLDER?fps=N with N above 0 and at most 1000")
    return Path(path_of(text)), float(match[0])


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()


def _natural(file: Path) -> list[tuple[int, str]]:
    """Numbers by value, the rest as text; then the name itself, so that the order is total."""
    parts = re.findall(r"\d+|\D+", file.name)
    return [*((int(part), part) if part.isdecimal() else (-1, part) for part in parts), (-2, file.name)]


def _decode(file: Path, canvas: Picture | None) -> Picture | None:
    import cv2

    data = np.fromfile(file, np.uint8)
    if not data.size:
        return None
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if pixels is None or canvas is None or canvas.shape != pixels.shape:
        return pixels  # type: ignore[return-value]  # cv2's stub allows any dtype
    canvas[:] = pixels
    return canvas

"""What cameras, weather and night do to a picture, for training. Boxes stay where they are.

Kept apart from the corruptions of ``bartizan evaluate``: a network must not be proved on what it was trained with.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Draw = np.random.Generator


def blur(picture: Picture, draw: Draw) -> Picture:
    """Out of focus, or moving in one direction."""
    import cv2

    if draw.random() < 0.5:
        return _picture(cv2.GaussianBlur(picture, (0, 0), float(draw.uniform(0.6, 2.2))))
    length = int(draw.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0 / length
    turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), float(draw.uniform(0, 180)), 1.0)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return _picture(cv2.filter2D(picture, -1, kernel / max(float(kernel.sum()), 1e-6)))


def night(picture: Picture, draw: Draw) -> Picture:
    """Little light: dark, pale, noisy, often without colour (infrared lamps)."""
    values = (picture.astype(np.float32) / 255) ** draw.uniform(1.4, 2.6) * draw.uniform(0.35, 0.8)
    grey = values.mean(axis=2, keepdims=True)
    values += (grey - values) * (1.0 if draw.random() < 0.4 else draw.uniform(0.1, 0.6))
    values += draw.normal(0, draw.uniform(0.01, 0.05), picture.shape).astype(np.float32)
    return _bytes(values * 255)


def rain(picture: Picture, draw: Draw) -> Picture:
    """Bright streaks of one slant, and a veil."""
    import cv2

    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    slant, length = draw.uniform(-0.4, 0.4), draw.uniform(0.02, 0.06) * height
    count = int(draw.uniform(0.0006, 0.003) * height * width / 8)
    for x, y in zip(draw.integers(0, width, count), draw.integers(0, height, count), strict=True):
        end = (int(x + slant * length), int(y + length))
        cv2.line(streaks, (int(x), int(y)), end, int(draw.integers(120, 230)), 1)
    veil = draw.uniform(0.0, 0.25)
    values = picture.astype(np.float32) * (1 - veil) + 180 * veil
    return _bytes(values + cv2.GaussianBlur(streaks, (0, 0), 0.8).astype(np.float32)[..., None] * 0.6)


def salt_and_pepper(picture: Picture, draw: Draw) -> Picture:
    """Single pixels black or white, as of a failing sensor or analogue line."""
    noisy = picture.copy()
    marks = draw.random(picture.shape[:2])
    share = draw.uniform(0.002, 0.02)
    noisy[marks < share / 2] = 0
    noisy[marks > 1 - share / 2] = 255
    return noisy


def compress(picture: Picture, draw: Draw) -> Picture:
    """JPEG of low quality."""
    import cv2

    done, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(12, 60))])
    return _picture(cv2.imdecode(packed, cv2.IMREAD_COLOR)) if done else picture


def low_resolution(picture: Picture, draw: Draw) -> Picture:
    """A small picture, enlarged."""
    import cv2

    height, width = picture.shape[:2]
    share = draw.uniform(0.3, 0.7)
    small = cv2.resize(picture, (max(int(width * share), 8), max(int(height * share), 8)), interpolation=cv2.INTER_AREA)
    return _picture(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


KINDS: tuple[Callable[[Picture, Draw], Picture], ...] = (
    blur,
    night,
    rain,
    salt_and_pepper,
    compress,
    low_resolution,
)


class Degrade:
    """One or two kinds of degradation, at random, for a share of the samples; a step of ultralytics' transforms."""

    def __init__(self, share: float) -> None:
        self._share = share

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Change ``labels["img"]`` (uint8 (h, w, 3)); everything else stays."""
        draw = np.random.default_rng(np.random.randint(2**31))  # ultralytics' workers seed this one
        if draw.random() < self._share:
            for number in draw.choice(len(KINDS), size=int(draw.integers(1, 3)), replace=False):
                labels["img"] = np.ascontiguousarray(KINDS[number](labels["img"], draw))
        return labels


def _bytes(values: npt.NDArray[Any]) -> Picture:
    clipped: Picture = np.clip(values, 0, 255).astype(np.uint8)
    return clipped


def _picture(array: Any) -> Picture:
    return np.asarray(array, np.uint8)

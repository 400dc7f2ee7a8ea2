"""What cameras and weather do to a picture, in five severities, after Hendrycks and Dietterich (2019, ICLR).

An implementation of our own, for pictures of any size: lengths grow with the picture, and equal seeds give equal
pixels. The weather is a stand-in, drawn rather than filmed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import UsageError
from pipeline.stage import Picture

Floats = npt.NDArray[Any]
"""Float32 (height, width, 3), BGR, 0 to 1 (not clipped until the end)."""
SEVERITIES = (1, 2, 3, 4, 5)
REFERENCE_PX = 640
"""Longer side at which lengths are as written here."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """One kind: what it does with a picture, its five strengths, and the family it is shown with."""

    family: str
    strengths: tuple[float, ...]
    apply: Callable[[Any, float, np.random.Generator], Any]


def corrupt(picture: Picture, name: str, severity: int, *, seed: int = 0) -> Picture:
    """The picture (uint8 (height, width, 3), BGR) as it would look; a new array.

    ``severity``: 1 to 5. Raises ``UsageError`` for an unknown name or severity.
    """
    if name not in CORRUPTIONS:
        raise UsageError(f"no corruption is named {name!r}; known: {', '.join(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise UsageError(f"severity must be 1 to 5, got {severity}")
    kind = CORRUPTIONS[name]
    random = np.random.default_rng([seed, severity, *name.encode()])
    changed = kind.apply(picture.astype(np.float32) / 255, kind.strengths[severity - 1], random)
    clipped: Picture = np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8)
    return clipped


def _gaussian_noise(x: Floats, sigma: float, random: np.random.Generator) -> Floats:
    made: Floats = x + random.standard_normal(x.shape, np.float32) * np.float32(sigma)
    return made


def _shot_noise(x: Floats, photons: float, random: np.random.Generator) -> Floats:
    return _counted(x * np.float32(photons), random) / np.float32(photons)


def _salt_and_pepper(x: Floats, share: float, random: np.random.Generator) -> Floats:
    chance = random.random(x.shape[:2], np.float32)[..., None]
    return np.where(chance < share / 2, np.float32(0), np.where(chance > 1 - share / 2, np.float32(1), x))


def _defocus_blur(x: Floats, radius: float, random: np.random.Generator) -> Floats:
    reach = max(_scaled(x, radius), 0.6)
    half = int(np.ceil(reach))
    down, across = np.mgrid[-half : half + 1, -half : half + 1]
    disc = np.clip(reach + 0.5 - np.hypot(down, across), 0, 1)
    return _filtered(x, disc)


def _motion_blur(x: Floats, length: float, random: np.random.Generator) -> Floats:
    import cv2

    reach = max(_scaled(x, length), 2.0)
    side = int(np.ceil(reach)) | 1
    line = np.zeros((side, side), np.float32)
    line[side // 2] = 1
    turn = cv2.getRotationMatrix2D((side // 2, side // 2), float(random.uniform(-45, 45)), 1.0)
    return _filtered(x, cv2.warpAffine(line, turn, (side, side)))


def _fog(x: Floats, density: float, random: np.random.Generator) -> Floats:
    """Denser towards the top, where a camera sees farthest; uneven."""
    height, width = x.shape[:2]
    far = np.linspace(1.15, 0.75, height, dtype=np.float32)[:, None]
    seen = np.exp(-np.float32(density) * far * (0.7 + 0.6 * _clouds((height, width), random)))[..., None]
    return x * seen + np.float32(0.82) * (1 - seen)


def _rain(x: Floats, amount: float, random: np.random.Generator) -> Floats:
    """Bright streaks of one slant, on a picture that the wet air makes duller."""
    streaks = _scattered(x.shape, 0.012 * amount, random)
    length = max(int(_scaled(x, 10 + 14 * amount)), 3) | 1
    line = np.zeros((length, length), np.float32)
    slant = float(random.uniform(-0.25, 0.25))
    rows = np.arange(length)
    line[rows, np.clip(np.rint(length / 2 + slant * (rows - length / 2)), 0, length - 1).astype(int)] = 1
    drops = np.clip(_filtered(streaks, line, gain=length * 0.55), 0, 1)[..., None]
    dull = x * (1 - 0.25 * amount) + 0.12 * amount
    made: Floats = dull + (0.9 - dull) * drops * (0.45 + 0.35 * amount)
    return made


def _snow(x: Floats, amount: float, random: np.random.Generator) -> Floats:
    """Flakes near and far, and a whiter ground."""
    flakes = np.zeros(x.shape[:2], np.float32)
    for size, share in ((0.8, 0.02), (1.6, 0.006), (3.2, 0.0016)):
        radius = max(_scaled(x, size), 0.6)
        half = int(np.ceil(radius)) + 1
        down, across = np.mgrid[-half : half + 1, -half : half + 1]
        disc = np.clip(radius + 0.5 - np.hypot(down, across), 0, 1).astype(np.float32)
        flakes += np.clip(_filtered(_scattered(x.shape, share * amount, random), disc, gain=float(disc.sum())), 0, 1)
    grey = x.mean(axis=2, keepdims=True)
    whiter = x + (np.maximum(x, grey * 0.4 + 0.55) - x) * np.float32(0.55 * amount)
    made: Floats = whiter + (1 - whiter) * np.clip(flakes, 0, 1)[..., None] * 0.9
    return made


def _low_light(x: Floats, light: float, random: np.random.Generator) -> Floats:
    """Less light, amplified part of the way back: photon and read noise come up with it (Wei et al. 2020)."""
    linear = np.clip(x, 0, 1) ** np.float32(2.2) * np.float32(light)
    photons, read = np.float32(900), np.float32(0.004)
    noisy = _counted(linear * photons, random) / photons + random.standard_normal(x.shape, np.float32) * read
    brighter: Floats = np.clip(noisy * np.float32(min(1 / light, 3.0)), 0, 1) ** np.float32(1 / 2.2)
    return brighter


def _jpeg(x: Floats, quality: float, random: np.random.Generator) -> Floats:
    import cv2

    pixels = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    decoded: Floats = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.float32) / np.float32(255)
    return decoded


def _video(x: Floats, parameter: float, random: np.random.Generator) -> Floats:
    """As H.264 at a large quantisation parameter: blocks of 8 with one flat step, half the colour, edges smoothed."""
    import cv2

    step = 0.625 * 2 ** (parameter / 6) * 1.6  # doubles every six, as the standard has it
    colours = cv2.cvtColor(np.clip(x, 0, 1), cv2.COLOR_BGR2YCrCb) * np.float32(255)
    height, width = x.shape[:2]
    planes = [_quantised(colours[..., 0], step)]
    for plane in (colours[..., 1], colours[..., 2]):
        half = cv2.resize(plane, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
        planes.append(cv2.resize(_quantised(half, step), (width, height), interpolation=cv2.INTER_LINEAR))
    back: Floats = cv2.cvtColor(np.stack(planes, axis=2).astype(np.float32) / 255, cv2.COLOR_YCrCb2BGR)
    return back


def _low_resolution(x: Floats, scale: float, random: np.random.Generator) -> Floats:
    import cv2

    height, width = x.shape[:2]
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(x, size, interpolation=cv2.INTER_AREA)
    large: Floats = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return large


def _contrast(x: Floats, share: float, random: np.random.Generator) -> Floats:
    mean = x.mean(axis=(0, 1), keepdims=True)
    made: Floats = (x - mean) * np.float32(share) + mean
    return made


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption("noise", (0.04, 0.07, 0.11, 0.17, 0.25), _gaussian_noise),
    "shot_noise": Corruption("noise", (120.0, 50.0, 25.0, 12.0, 6.0), _shot_noise),
    "salt_and_pepper": Corruption("noise", (0.01, 0.03, 0.06, 0.11, 0.18), _salt_and_pepper),
    "defocus_blur": Corruption("blur", (1.5, 2.5, 4.0, 6.0, 8.0), _defocus_blur),
    "motion_blur": Corruption("blur", (6.0, 10.0, 15.0, 22.0, 32.0), _motion_blur),
    "low_resolution": Corruption("blur", (0.5, 0.35, 0.25, 0.18, 0.125), _low_resolution),
    "fog": Corruption("weather", (0.5, 0.9, 1.3, 1.8, 2.4), _fog),
    "rain": Corruption("weather", (0.2, 0.4, 0.6, 0.8, 1.0), _rain),
    "snow": Corruption("weather", (0.2, 0.4, 0.6, 0.8, 1.0), _snow),
    "low_light": Corruption("light and coding", (0.35, 0.2, 0.1, 0.05, 0.025), _low_light),
    "contrast": Corruption("light and coding", (0.5, 0.35, 0.25, 0.15, 0.08), _contrast),
    "jpeg": Corruption("light and coding", (30, 18, 12, 8, 5), _jpeg),
    "video": Corruption("light and coding", (32, 36, 40, 44, 48), _video),
}
"""By name. Strengths grow from severity 1, seen by a careful eye, to 5, hard for people too."""


def _counted(expected: Floats, random: np.random.Generator) -> Floats:
    """Photons counted where so many are expected: Poisson's law by its normal approximation, ten times quicker."""
    drawn = expected + np.sqrt(expected) * random.standard_normal(expected.shape, np.float32)
    counted: Floats = np.maximum(np.rint(drawn), 0).astype(np.float32)
    return counted


def _scaled(x: Floats, length: float) -> float:
    return float(length * max(x.shape[:2]) / REFERENCE_PX)


def _filtered(x: Floats, kernel: npt.NDArray[Any], *, gain: float = 1.0) -> Floats:
    """Convolution with a kernel made to sum to ``gain``."""
    import cv2

    even = (kernel / max(float(kernel.sum()), 1e-9) * gain).astype(np.float32)
    filtered: Floats = cv2.filter2D(x, -1, even, borderType=cv2.BORDER_REFLECT)
    return filtered


def _scattered(shape: tuple[int, ...], share: float, random: np.random.Generator) -> Floats:
    """Ones at a share of the places, zeros elsewhere: (height, width)."""
    return (random.random(shape[:2], np.float32) < share).astype(np.float32)


def _clouds(shape: tuple[int, int], random: np.random.Generator) -> Floats:
    """Smooth noise of several scales, 0 to 1: (height, width)."""
    import cv2

    total = np.zeros(shape, np.float32)
    for cells, weight in ((3, 0.5), (6, 0.3), (12, 0.2)):
        coarse = random.random((cells, cells)).astype(np.float32)
        total += weight * np.clip(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
    return total


def _quantised(plane: npt.NDArray[Any], step: float, *, block: int = 8) -> Floats:
    """A plane 0 to 255 through a block cosine transform whose coefficients are rounded to multiples of ``step``."""
    import cv2

    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % block), (0, -width % block)), mode="edge").astype(np.float32)
    rows, columns = padded.shape[0] // block, padded.shape[1] // block
    blocks = padded.reshape(rows, block, columns, block).transpose(0, 2, 1, 3)
    basis = _cosines(block)
    coefficients = np.rint(basis @ (blocks - 128) @ basis.T / step) * step
    coded = (basis.T @ coefficients @ basis + 128).transpose(0, 2, 1, 3).reshape(padded.shape).astype(np.float32)
    smooth = cv2.blur(coded, (3, 3))
    at_edge = np.zeros(padded.shape, np.bool_)
    for shift in (0, block - 1):
        at_edge[shift::block] = at_edge[:, shift::block] = True
    # Only faint edges are blocks' own; strong ones belong to the picture.
    deblocked = np.where(at_edge & (np.abs(smooth - coded) < step / 3), smooth, coded)
    whole: Floats = deblocked[:height, :width].astype(np.float32)
    return whole


def _cosines(block: int) -> Floats:
    """Orthonormal cosine transform (type II): (block, block)."""
    places = np.arange(block)
    basis = np.sqrt(2 / block) * np.cos(np.pi * (2 * places[None] + 1) * places[:, None] / (2 * block))
    basis[0] /= np.sqrt(2)
    made: Floats = basis.astype(np.float32)
    return made

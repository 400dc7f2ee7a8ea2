"""Altered copies of a clip: other light, another crop, mirrored, grainy; all of its pictures in the same way."""

import numpy as np
import numpy.typing as npt

from stages.classify.behaviour import GREY

Pixels = npt.NDArray[np.uint8]


def altered(pixels: Pixels, *, variant: int, seed: int) -> Pixels:
    """The ``variant``-th copy of uint8 (t, height, width, 3); variant 0 is the original. The same for the same seed."""
    if variant == 0:
        return pixels
    random = np.random.default_rng((seed, variant))
    picked = pixels[:, :, ::-1] if random.random() < 0.5 else pixels
    picked = _placed(picked, random)
    picked = _lit(picked, random)
    if random.random() < 0.3:
        picked = _blurred(picked, random)
    if random.random() < 0.4:
        # Drawn for each picture anew, as a sensor does.
        noise = random.normal(0, random.uniform(2, 10), picked.shape).astype(np.float32)
        picked = np.clip(picked + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(picked)


def _placed(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Enlarged or shrunk, and shifted."""
    import cv2

    height, width = pixels.shape[1:3]
    gain = random.uniform(0.85, 1.25)
    across, down = random.uniform(-0.08, 0.08, 2) * (width, height)
    matrix = np.array(
        [[gain, 0, (1 - gain) * width / 2 + across], [0, gain, (1 - gain) * height / 2 + down]], np.float64
    )
    border = (GREY, GREY, GREY)
    return np.stack(
        [cv2.warpAffine(picture, matrix, (width, height), borderValue=border) for picture in pixels]
    ).astype(np.uint8)


def _lit(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Gamma, contrast and brightness by a table; sometimes without colour, as at night."""
    levels = np.linspace(0, 1, 256) ** random.uniform(0.7, 1.5)
    levels = (levels - 0.5) * random.uniform(0.75, 1.25) + 0.5 + random.uniform(-0.1, 0.1)
    table = np.clip(levels * 255, 0, 255).astype(np.uint8)
    lit: Pixels = table[pixels]
    if random.random() < 0.2:
        lit = np.repeat(lit.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)
    return lit


def _blurred(pixels: Pixels, random: np.random.Generator) -> Pixels:
    import cv2

    sigma = random.uniform(0.5, 1.5)
    return np.stack([cv2.GaussianBlur(np.ascontiguousarray(p), (0, 0), sigma) for p in pixels]).astype(np.uint8)

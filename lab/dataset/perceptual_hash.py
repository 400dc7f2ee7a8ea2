"""Fingerprints by which pictures that look alike are found: signs of the lowest frequencies (Zauner 2010, "pHash")."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.stage import Picture

SIDE = 16
"""Frequencies in each direction: 256 bits."""
Hash = npt.NDArray[np.uint8]
"""uint8 (32,): 256 bits."""
BLOCK = 512


def perceptual_hash(picture: Picture) -> Hash:
    """256 bits of a picture (uint8 (height, width, 3), BGR); pictures that look alike differ in few of them."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (SIDE * 4, SIDE * 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:SIDE, :SIDE].ravel()
    return np.packbits(low > np.median(low[1:]))


def alike(hashes: npt.NDArray[np.uint8], *, bits: int) -> Iterator[tuple[int, int, int]]:
    """Pairs (i, j, differing bits), i < j, of hashes uint8 (n, 32) that differ in at most ``bits``."""
    words = np.ascontiguousarray(hashes).view(np.uint64)
    for start in range(0, len(words), BLOCK):
        block = words[start : start + BLOCK]
        distance = np.zeros((len(block), len(words) - start), np.uint16)
        for column in range(words.shape[1]):
            distance += np.bitwise_count(block[:, None, column] ^ words[None, start:, column])
        for row, other in np.argwhere(distance <= bits):
            if other > row:
                yield start + int(row), start + int(other), int(distance[row, other])

"""Pixels, as arrays."""

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""uint8 (height, width, 3), BGR."""

Plane = npt.NDArray[np.uint8]
"""uint8 (height, width)."""

"""Class activation maps from the features of a network, and the gradient of a score with respect to them.

Our own, because the library for it cannot be a dependency: see docs/decisions/0010-own-class-activation-maps.md.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]
"""float32 (channels, height, width)."""
Plane = npt.NDArray[np.float32]
"""float32 (height, width), not negative."""
Method = Literal["eigencam", "gradcam", "layercam"]


def eigencam(features: Features, _gradient: Features | None = None) -> Plane:
    """The features projected on their first principal component (Muhammad and Yeasin, IJCNN 2020).

    Asks no class: it shows what the network sees at all. The component's sign is arbitrary, and is taken so that
    strong features count as seen.
    """
    channels, height, width = features.shape
    flat = features.reshape(channels, -1).T.astype(np.float64)
    centred = flat - flat.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    plane = centred @ directions[:, -1]
    if np.dot(plane, np.linalg.norm(flat, axis=1) - np.linalg.norm(flat, axis=1).mean()) < 0:
        plane = -plane
    seen: Plane = np.maximum(plane, 0).reshape(height, width).astype(np.float32)
    return seen


def gradcam(features: Features, gradient: Features) -> Plane:
    """Channels weighted by their mean gradient, and what speaks for the score kept (Selvaraju et al., ICCV 2017)."""
    weights = gradient.mean(axis=(1, 2))
    plane: Plane = np.maximum(np.tensordot(weights, features, axes=1), 0).astype(np.float32)
    return plane


def layercam(features: Features, gradient: Features) -> Plane:
    """Each place weighted by its own positive gradient (Jiang et al., LayerCAM, TIP 2021): finer, and local."""
    plane: Plane = np.maximum((np.maximum(gradient, 0) * features).sum(axis=0), 0).astype(np.float32)
    return plane


METHODS: dict[Method, Callable[[Features, Features], Plane]] = {
    "eigencam": eigencam,
    "gradcam": gradcam,
    "layercam": layercam,
}


def combined(planes: list[Plane], shape: tuple[int, int]) -> Plane:
    """Maps of several layers as one of ``shape``: enlarged and added, each with the weight it has by itself."""
    import cv2

    total = np.zeros(shape, np.float32)
    for plane in planes:
        total += cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.maximum(total, 0)

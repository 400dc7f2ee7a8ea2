"""Where boxes are and where they will be: one Kalman filter for all tracks of a camera, on a continuous time axis.

Each of the four coordinates of a box (centre x and y, width, height) moves by itself as an integrated
Ornstein-Uhlenbeck process: a speed that random pushes change and that dies down over ``MEMORY_S``. So an object is
expected further along its way, then to have stopped, and never to have walked out of the world (Uhlenbeck and
Ornstein 1930; in tracking the model of Singer 1970). The coordinates are independent, so a filter is five numbers for
each and everything is elementwise. Noise is measured in heights of the box, so near and far objects and all
resolutions behave alike; times are seconds, so the frame rate does not matter.
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PLACE, SPEED, VAR_PLACE, COV, VAR_SPEED = range(5)
"""What the middle axis of a state (n, 5, 4) holds; the last axis is centre x, centre y, width, height."""

MEMORY_S = 2.0
"""How long an object keeps its speed."""
PUSH = np.array([0.3, 0.1, 0.01, 0.01])
"""Spectral density of the random pushes, heights squared a second cubed."""
ERROR = np.array([0.05, 0.04, 0.06, 0.06])
"""Standard deviation of a sure detection, heights."""
START_SPEED = np.array([0.3, 0.15, 0.05, 0.05])
"""Standard deviation of the speed of an object seen once, heights a second."""
DOUBT = 3.0
"""A detection of confidence 0 has 1 + DOUBT times the error variance of a sure one."""


def to_centre(xyxy: Floats) -> Floats:
    """Left, top, right, bottom (n, 4) to centre x, centre y, width, height; sides are at least 1 pixel."""
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, size], axis=1)


def to_corners(centre: Floats) -> Floats:
    """Centre x, centre y, width, height (..., 4) to left, top, right, bottom."""
    half = centre[..., 2:] / 2
    return np.concatenate([centre[..., :2] - half, centre[..., :2] + half], axis=-1)


def variance(boxes: Floats, confidence: Floats) -> Floats:
    """Error variance of detections (n, 4): the less sure one is, the less it counts (as in Du et al. 2023)."""
    doubt = 1.0 + DOUBT * (1.0 - confidence) ** 2
    return doubt[:, None] * (ERROR * boxes[:, 3:]) ** 2


def begin(boxes: Floats, error: Floats) -> Floats:
    """States (n, 5, 4) of objects seen for the first time at ``boxes`` (n, 4), with error variance (n, 4)."""
    state = np.zeros((len(boxes), 5, 4))
    state[:, PLACE] = boxes
    state[:, VAR_PLACE] = error
    state[:, VAR_SPEED] = (START_SPEED * boxes[:, 3:]) ** 2
    return state


def predict(state: Floats, seconds: float) -> Floats:
    """The states ``seconds`` later."""
    tau, fade = MEMORY_S, math.exp(-seconds / MEMORY_S)
    reach = tau * (1.0 - fade)
    push = PUSH * state[:, PLACE, 3:] ** 2
    growth = max(tau**3 / 2 * (2 * seconds / tau - 3 + 4 * fade - fade**2), 0.0)
    speed, cov, var_speed = state[:, SPEED], state[:, COV], state[:, VAR_SPEED]
    later = np.empty_like(state)
    later[:, PLACE] = state[:, PLACE] + reach * speed
    later[:, SPEED] = fade * speed
    later[:, VAR_PLACE] = state[:, VAR_PLACE] + 2 * reach * cov + reach**2 * var_speed + growth * push
    later[:, COV] = fade * (cov + reach * var_speed) + (reach**2 / 2) * push
    later[:, VAR_SPEED] = fade**2 * var_speed + (tau / 2 * (1 - fade**2)) * push
    np.maximum(later[:, PLACE, 2:], 1.0, out=later[:, PLACE, 2:])
    return later


def update(state: Floats, boxes: Floats, error: Floats) -> Floats:
    """The states (n, 5, 4) after seeing ``boxes`` (n, 4) with error variances ``error`` (n, 4)."""
    total = state[:, VAR_PLACE] + error
    gain, speed_gain = state[:, VAR_PLACE] / total, state[:, COV] / total
    surprise = boxes - state[:, PLACE]
    better = np.empty_like(state)
    better[:, PLACE] = state[:, PLACE] + gain * surprise
    better[:, SPEED] = state[:, SPEED] + speed_gain * surprise
    better[:, VAR_PLACE] = gain * error
    better[:, COV] = (1 - gain) * state[:, COV]
    better[:, VAR_SPEED] = state[:, VAR_SPEED] - speed_gain * state[:, COV]
    np.maximum(better[:, PLACE, 2:], 1.0, out=better[:, PLACE, 2:])
    return better

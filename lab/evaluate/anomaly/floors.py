"""Floors: scores that know nothing of what is normal. A method that does not beat them has learned nothing.

On UCSD Ped2 the fastest window of a frame alone reaches more than several published networks.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.evaluate.anomaly.clip import pictures
from lab.statistics import FloatArray
from pipeline.stage import Picture

if TYPE_CHECKING:
    from stages.alert.normal.observed import Observed

WIDTH = 360
"""Pictures are brought to this width for the flow."""
WINDOW = (20 / 360, 36 / 240)
"""Of the picture's width and height: about a person of UCSD Ped2."""
FLOW = "max window flow"
"""The floor that counts: the strongest one where it was measured."""


def floors_of(observed: "Sequence[Observed]", frames: int, flow: FloatArray, *, seed: int) -> dict[str, FloatArray]:
    """One score for each frame of a clip, by floor. ``flow``: what ``window_flow`` says; ``seed`` of the clip."""
    count, widest = np.zeros(frames), np.zeros(frames)
    for each in observed:
        count[each.index] = len(each)
        widest[each.index] = (each.box[:, 2] - each.box[:, 0]).max(initial=0.0)
    return {
        "random": np.random.default_rng(seed).random(frames),
        "frame number": np.arange(frames, dtype=np.float64),
        "number of boxes": count,
        "widest box": widest,
        FLOW: flow,
    }


def window_flow(clip: Path, *, fps: float) -> FloatArray:
    """For each frame the largest mean speed of a window, in pixels a frame at a width of 360; the first has 0."""
    return flow_of(pictures(clip, fps=fps))


def flow_of(pictures: Iterable[Picture]) -> FloatArray:
    """The same of pictures: dense inverse search flow, preset medium (Kroeger et al. 2016)."""
    import cv2

    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found: list[float] = []
    before: Any = None
    for picture in pictures:
        height = max(round(picture.shape[0] * WIDTH / picture.shape[1]), 16)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        if grey.shape != (height, WIDTH):
            grey = cv2.resize(grey, (WIDTH, height), interpolation=cv2.INTER_AREA)
        speed = 0.0
        if before is not None and before.shape == grey.shape:
            flow = search.calc(before, grey, None)
            wide, high = max(round(WINDOW[0] * WIDTH), 1), max(round(WINDOW[1] * height), 1)
            mean = cv2.blur(np.hypot(flow[..., 0], flow[..., 1]), (wide, high))
            whole = mean[high // 2 : height - (high - 1) // 2, wide // 2 : WIDTH - (wide - 1) // 2]
            speed = float(whole.max())
        found.append(speed)
        before = grey
    return np.array(found, np.float64)

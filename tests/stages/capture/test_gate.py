from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.capture.gate import Glance, MotionGate
from stages.capture.options import GateOptions


def scene(seed: int = 0) -> Picture:
    rough = np.random.default_rng(seed).integers(40, 200, (18, 24, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, (384, 288), interpolation=cv2.INTER_CUBIC), np.uint8)


def noisy(picture: Picture, rng: np.random.Generator, sigma: float) -> Picture:
    return np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def glances(frames: list[Picture], options: GateOptions | None = None, fps: int = 25) -> list[Glance]:
    gate = MotionGate(options or GateOptions())
    return [gate.look(frame, i * SECOND // fps) for i, frame in enumerate(frames)]


@pytest.mark.parametrize("sigma", [0, 2, 5])
def test_a_still_scene_is_analysed_only_to_recheck_it_whatever_its_noise(sigma: float) -> None:
    rng = np.random.default_rng(1)
    seen = glances([noisy(scene(), rng, sigma) for _ in range(250)])
    analysed = [i for i, glance in enumerate(seen) if not glance.still][13:]
    assert analysed == list(range(analysed[0], 250, 50))
    assert 3 <= len(analysed) <= 5


def test_a_small_thing_that_crosses_slowly_is_never_left_out_for_more_than_its_own_width() -> None:
    frames = []
    for i in range(150):
        frame = scene().copy()
        frame[100:130, 40 + i : 52 + i] = 250
        frames.append(frame)
    seen = glances(frames, GateOptions(linger_s=0, recheck_s=60))
    analysed = [i for i, glance in enumerate(seen) if not glance.still]
    assert max(b - a for a, b in pairwise(analysed)) <= 6
    assert max(glance.motion for glance in seen) < 0.02


def test_a_change_of_light_is_analysed_but_is_not_motion() -> None:
    dark = cv2.convertScaleAbs(scene(), alpha=0.7, beta=5)
    seen = glances([scene()] * 40 + [np.asarray(dark, np.uint8)] * 5)
    assert not seen[40].still
    assert seen[40].motion < 0.02
    assert seen[40].light < -20


def test_somebody_who_comes_with_the_light_is_motion() -> None:
    dark = np.asarray(cv2.convertScaleAbs(scene(), alpha=0.7), np.uint8)
    dark[100:200, 100:140] = 255
    assert glances([scene()] * 40 + [dark])[40].motion > 0.03


def test_a_disabled_gate_leaves_nothing_out() -> None:
    assert not any(glance.still for glance in glances([scene()] * 100, GateOptions(enabled=False)))


@pytest.mark.parametrize("size", [(1, 1), (8, 6), (48, 48), (2160, 3840)])
def test_pictures_of_any_size_are_judged(size: tuple[int, int]) -> None:
    seen = glances([np.zeros((*size, 3), np.uint8)] * 20 + [np.full((*size, 3), 255, np.uint8)])
    assert [seen[0].still, seen[19].still, seen[20].still] == [False, True, False]


@pytest.mark.footage
@pytest.mark.parametrize("clip", ["PETS09-S2L1/vtest.avi", "TUD-Stadtmitte/TUD-Stadtmitte.mp4"])
def test_no_frame_with_people_in_it_is_called_still(footage: Path, clip: str) -> None:
    video = cv2.VideoCapture(str(footage / "videos/mot15" / clip))
    frames = [video.read()[1] for _ in range(170)]
    assert sum(glance.still for glance in glances([np.asarray(f, np.uint8) for f in frames], fps=10)) == 0

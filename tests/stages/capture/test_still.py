"""Static foreground on synthetic pictures: a street of coarse grey blocks, and what is put there."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.capture.options import CameraOptions
from stages.capture.still import StaticForeground

FPS = 5
BAG = (100, 140, 130, 170)
"""Left, top, right, bottom in pixels of 320x240."""


def street(seed: int = 0) -> Picture:
    rough = np.random.default_rng(seed).integers(90, 170, (24, 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)


def put(picture: Picture, box: tuple[int, int, int, int] = BAG, colour: tuple[int, int, int] = (20, 20, 60)) -> Picture:
    left, top, right, bottom = box
    changed = picture.copy()
    changed[top:bottom, max(0, left) : right] = colour
    return changed


def noisy(picture: Picture, number: int, deviation: float = 4.0) -> Picture:
    noise = np.random.default_rng(number).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def said(scene: Callable[[float], Picture], seconds: float, *, fps: int = FPS) -> list[dict[str, Any]]:
    """What is said of each frame of a scene, given as pictures by seconds."""
    model = StaticForeground(CameraOptions(source="clip.mp4"))
    return [
        model.measure(noisy(scene(number / fps), number), round(number / fps * SECOND))
        for number in range(int(seconds * fps) + 1)
    ]


def boxes(blobs: list[list[float]]) -> list[tuple[int, ...]]:
    """In pixels."""
    return [tuple(round(side * size) for side, size in zip(blob, (320, 240, 320, 240), strict=False)) for blob in blobs]


def test_while_it_learns_the_background_it_says_nothing() -> None:
    answers = said(lambda _: street(), 4)
    assert [each["learning"] for each in answers] == [True] * 16 + [False] * 5
    assert all(each["blobs"] == [] for each in answers)


def test_pictures_that_change_their_shape_while_it_learns_are_learned_anew() -> None:
    tall = np.ascontiguousarray(np.rot90(street()))
    answers = said(lambda seconds: street() if seconds < 2 else tall, 6)
    assert [each["learning"] for each in answers] == [True] * 26 + [False] * 5


def test_what_is_put_down_is_one_blob_with_its_box_and_its_time() -> None:
    answers = said(lambda seconds: put(street()) if seconds >= 6 else street(), 16)
    (blob,) = answers[-1]["blobs"]
    assert np.abs(np.array(boxes([blob])[0]) - BAG).max() <= 2
    assert blob[4] == pytest.approx(16 - 6 - 1.5, abs=0.5), "a colour must stay for 1.5 s first"
    assert blob[5] > 1.5 * blob[6], "it stands out more than what was there before"
    assert blob[7] > 0.9


def test_what_is_taken_away_stood_out_more_than_what_is_there_now() -> None:
    answers = said(lambda seconds: put(street()) if seconds < 6 else street(), 16)
    (blob,) = answers[-1]["blobs"]
    assert blob[6] > 1.5 * blob[5]


def test_what_is_gone_again_is_no_blob() -> None:
    answers = said(lambda seconds: put(street()) if 6 <= seconds < 12 else street(), 16)
    assert answers[int(11 * FPS)]["blobs"]
    assert answers[-1]["blobs"] == []


def test_who_walks_past_is_no_blob_and_does_not_hide_one() -> None:
    def scene(seconds: float) -> Picture:
        picture = put(street()) if seconds >= 6 else street()
        return put(picture, (int(20 * seconds), 60, int(20 * seconds) + 30, 200), (200, 60, 60))

    answers = said(scene, 14)
    assert all(each["blobs"] == [] for each in answers[: 6 * FPS])
    assert all(len(each["blobs"]) == 1 for each in answers[10 * FPS :])


def test_noise_light_and_a_passing_cloud_are_no_blobs() -> None:
    def scene(seconds: float) -> Picture:
        lit = street() * (1 + 0.25 * float(np.sin(seconds / 3)))
        return np.asarray(np.clip(lit, 0, 255), np.uint8)

    assert all(each["blobs"] == [] for each in said(scene, 30))


def test_a_lamp_that_lights_part_of_a_textured_street_puts_nothing_down() -> None:
    def scene(seconds: float) -> Picture:
        picture = street().astype(np.float32)
        if seconds >= 6:
            picture[100:180, 60:160] *= 1.4
        return np.clip(picture, 0, 255).astype(np.uint8)

    assert all(each["blobs"] == [] for each in said(scene, 14))


def test_leaves_that_wave_put_nothing_down() -> None:
    def scene(seconds: float) -> Picture:
        swing = np.random.default_rng(int(seconds * FPS)).integers(-3, 4, 2)
        picture = street()
        leaves = street(9)[60:140, 60:160]
        picture[60 + swing[0] : 140 + swing[0], 60 + swing[1] : 160 + swing[1]] = leaves
        return picture

    assert all(each["blobs"] == [] for each in said(scene, 30))


def test_another_picture_is_learned_anew() -> None:
    answers = said(lambda seconds: street() if seconds < 6 else street(5), 14)
    assert [number for number, each in enumerate(answers) if each["learning"]][-1] > 7 * FPS
    assert answers[-1] == {"learning": False, "blobs": []}


def test_between_two_looks_the_last_answer_holds() -> None:
    model = StaticForeground(CameraOptions(source="clip.mp4"))
    first = model.measure(street(), 0)
    assert model.measure(street(), SECOND // 10) is first


def test_equal_frames_at_equal_times_give_equal_values() -> None:
    def scene(seconds: float) -> Picture:
        return put(street()) if seconds >= 6 else street()

    assert said(scene, 10) == said(scene, 10)


def test_a_stream_that_comes_back_knows_its_scene() -> None:
    model = StaticForeground(CameraOptions(source="clip.mp4"))
    for number in range(6 * FPS):
        model.measure(noisy(street(), number), number * SECOND // FPS)
    model.reset()
    for number in range(6 * FPS, 12 * FPS):
        answer = model.measure(noisy(put(street()), number), (number + 1000) * SECOND // FPS)
    assert len(answer["blobs"]) == 1


@pytest.mark.parametrize("size", [(8, 8), (17, 9), (48, 48), (9, 400)])
def test_tiny_and_odd_pictures_can_be_measured(size: tuple[int, int]) -> None:
    model = StaticForeground(CameraOptions(source="clip.mp4"))
    dark, bright = np.zeros((*size, 3), np.uint8), np.full((*size, 3), 200, np.uint8)
    answers = [model.measure(dark if number < 30 else bright, number * SECOND // FPS) for number in range(60)]
    assert answers[20] == {"learning": False, "blobs": []}
    assert answers[-1]["blobs"] == []

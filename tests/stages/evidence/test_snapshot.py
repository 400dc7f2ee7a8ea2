"""Snapshots: the picture as it was, the object marked, the caption below and inside the width."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stage import Picture
from pipeline.store.sample_event import sample_event
from stages.evidence.options import SnapshotOptions
from stages.evidence.snapshot import SnapshotStage

SIZES = [(320, 240), (768, 576), (1920, 1080), (1080, 1920)]
BACKGROUND = np.array([28, 24, 22])


def scene(width: int, height: int) -> Picture:
    """Grey noise, fine enough to tell where something was drawn."""
    noise = np.random.default_rng(3).integers(90, 130, (height // 8 + 1, width // 8 + 1, 1), np.uint8)
    picture = np.kron(noise, np.ones((8, 8, 3), np.uint8))[:height, :width]
    return np.ascontiguousarray(picture)


def snapshot(pixels: Picture, *, options: dict[str, Any] | None = None, **changes: Any) -> Picture:
    stage = SnapshotStage(SnapshotOptions.model_validate({"jpeg_quality": 100, **(options or {})}))
    decoded = cv2.imdecode(np.frombuffer(stage.process(sample_event(**changes), pixels), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_picture_keeps_its_place_and_the_caption_is_below(width: int, height: int) -> None:
    drawn = snapshot(scene(width, height))
    assert drawn.shape[1] == width
    bar = drawn.shape[0] - height
    assert 36 <= bar <= 0.4 * height
    assert np.abs(drawn[-3:, width // 2 :].astype(int) - BACKGROUND).max() < 12


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_caption_has_strong_contrast_and_ends_before_the_edge(width: int, height: int) -> None:
    bar = snapshot(scene(width, height))[height + 2 :].astype(int)
    assert bar.max() > 240
    assert np.abs(bar[:, -3:] - BACKGROUND).max() < 12


def test_the_box_surrounds_the_object_and_leaves_it_unpainted() -> None:
    pixels = scene(768, 576)
    drawn = snapshot(pixels, options={"region": False, "path": False}, severity="high")
    left, top, right, bottom = (int(v) for v in (0.41667 * 767, 0.41667 * 575, 0.46875 * 767, 0.59028 * 575))
    edge = drawn[(top + bottom) // 2, left].astype(int)
    assert edge[2] > 200 > 140 > edge[0]
    inside = (slice(top + 12, bottom - 12), slice(left + 12, right - 12))
    assert np.abs(drawn[inside].astype(int) - pixels[inside]).max() < 12
    assert np.abs(drawn[:200].astype(int) - pixels[:200]).max() < 12


def test_the_input_is_not_touched_and_may_be_read_only() -> None:
    pixels = scene(320, 240)
    before = pixels.copy()
    pixels.flags.writeable = False
    snapshot(pixels)
    assert np.array_equal(pixels, before)


def test_equal_events_and_pixels_give_equal_bytes() -> None:
    pixels = scene(320, 240)
    assert len({SnapshotStage(SnapshotOptions()).process(sample_event(), pixels) for _ in range(3)}) == 1


@pytest.mark.parametrize("option", ["path", "region", "caption"])
def test_each_part_can_be_left_out(option: str) -> None:
    pixels = scene(320, 240)
    less = snapshot(pixels, options={option: False})
    full = snapshot(pixels)
    assert less.shape != full.shape or not np.array_equal(less, full)


def test_a_line_is_drawn_where_it_lies() -> None:
    drawn = snapshot(scene(768, 576), region={"line": [[0.1, 0.9], [0.9, 0.9]]}, object=None)
    blue, green, red = drawn[round(0.9 * 575), 384].astype(int)
    assert blue > 200
    assert green > 180
    assert red < 170


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 700), st.integers(1, 500)),
    st.tuples(*[st.floats(-3, 4)] * 4),
    st.text(max_size=80),
    st.lists(st.tuples(st.floats(-3, 4), st.floats(-3, 4)), max_size=5),
)
def test_no_event_is_too_odd_to_be_drawn(
    size: tuple[int, int], box: tuple[float, float, float, float], name: str, zone: list[tuple[float, float]]
) -> None:
    seen = sample_event().object
    assert seen is not None
    odd = type(seen)(class_name=name, track_id=1, confidence=0.5, box_px=(0, 0, 0, 0), box=box, path=[])
    drawn = snapshot(scene(*size), name=name, reason=name * 9, object=odd, region={"zone": zone, "other": []})
    assert drawn.shape[1] == size[0]


def test_letters_that_the_font_lacks_do_not_stop_it() -> None:
    assert snapshot(scene(320, 240), name="倉庫 \U0001f6a8 склад").shape[1] == 320


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_picture_is_refused_with_its_shape(wrong: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got {wrong.dtype} {wrong.shape}")):
        SnapshotStage(SnapshotOptions()).process(sample_event(), wrong)


def test_importing_the_stage_does_not_import_opencv(root: Path) -> None:
    code = "import sys, stages.evidence.snapshot; sys.exit('cv2' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)

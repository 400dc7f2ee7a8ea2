from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.normal.observe import observe, observe_records
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.stage import Picture, View
from pipeline.testing import Script, Walk
from stages.alert.normal.fitting import fit
from stages.alert.normal.scorer import Scorer
from stages.capture.options import CameraOptions

WIDE, HIGH, SIDE = 240, 160, 24
PACE = 1.5
"""Pixels that a normal thing moves from picture to picture, ten a second."""


class BrightThings:
    """Fulfils ``Detector``: bright things on a dark ground are persons, unless they are blue."""

    engine = "bright"
    model = {"name": "bright", "sha256": "b" * 64}  # noqa: RUF012  # as the protocol has it
    names = ["person"]  # noqa: RUF012
    capacity = 1

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """Boxes of what is bright in red."""
        return [self._find(view.pixels) for view in batch]

    def _find(self, pixels: Picture) -> Detections:
        mask = cv2.dilate((pixels[..., 2] > 110).astype(np.uint8), np.ones((5, 5), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        boxes = [stats[n, :4].tolist() for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] > SIDE * SIDE / 2]
        xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes], np.float32).reshape(-1, 4)
        n = len(xyxy)
        return Detections(xyxy, np.full(n, 0.9, np.float32), np.zeros(n, np.int32))


def film(folder: Path, *, pictures: int, seed: int, fast: range = range(0), blue: bool = False) -> Path:
    """Two bright things go to and fro on a textured ground; in ``fast`` a third shoots across."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    ground = _texture(random, HIGH, WIDE, 20, 60)
    things = [_texture(random, SIDE, SIDE, 150, 255) for _ in range(3)]
    for number in range(pictures):
        picture = ground.copy()
        for thing, row, start in zip(things, (40, 100), (20, 90), strict=False):
            x = round(10 + abs((start + number * PACE) % 360 - 180))
            picture[row : row + SIDE, x : x + SIDE] = thing
        if number in fast:
            x = 5 + 9 * (number - fast[0])
            picture[70 : 70 + SIDE, x : x + SIDE] = things[2] * np.array([1, 0.3, 0.3 if blue else 1])
        cv2.imwrite(str(folder / f"{number:03}.png"), picture)
    return folder


def _texture(random: np.random.Generator, high: int, wide: int, low: int, top: int) -> Picture:
    soft = cv2.GaussianBlur(random.integers(0, 256, (high, wide), dtype=np.uint8), (0, 0), 1.5)
    scaled = cv2.normalize(soft, None, low, top, cv2.NORM_MINMAX)  # type: ignore[call-overload]  # None is allowed
    return np.repeat(np.asarray(scaled, np.uint8)[..., None], 3, axis=2)


def test_footage_is_seen_as_the_pipeline_would_see_it(tmp_path: Path) -> None:
    seen = observe(film(tmp_path / "clip", pictures=12, seed=0), detector=BrightThings())
    assert [each.index for each in seen] == list(range(12))
    assert seen[1].media_ns == 100_000_000
    assert seen[0].flow is None
    assert seen[1].flow is not None
    assert len(seen[-1]) == 2
    speeds = seen[-1].flow.quantile(seen[-1].box, 0.8) if seen[-1].flow else np.zeros(2)
    assert speeds == pytest.approx([PACE * 10 * 360 / WIDE] * 2, rel=0.4)


def test_a_cameras_masks_and_rate_count(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip", pictures=20, seed=0)
    half = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5))
    seen = observe(CameraOptions(source=f"{clip}?fps=10", fps=5, masks=(half,)), detector=BrightThings())
    assert [each.index for each in seen] == list(range(0, 20, 2))
    assert len(seen[-1]) == 1


def test_missing_footage_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such video or folder"):
        observe(tmp_path / "nowhere", detector=BrightThings())


@pytest.mark.parametrize("blue", [False, True])
def test_what_shoots_across_is_found_whether_the_detector_names_it_or_not(tmp_path: Path, blue: bool) -> None:
    fast = range(40, 60)
    normal = [observe(film(tmp_path / f"{n}", pictures=80, seed=n), detector=BrightThings()) for n in (1, 2)]
    scorer = Scorer(fit(normal, names=["person"]))
    seen = observe(film(tmp_path / "odd", pictures=80, seed=3, fast=fast, blue=blue), detector=BrightThings())
    total = {each.index: scorer.score(each).total for each in seen}
    quiet = max(score for index, score in total.items() if index < fast[0])
    assert min(total[index] for index in fast[2:-1]) > quiet


def test_what_an_object_looks_like_is_kept_about_once_a_second_and_only_where_it_is_seen_well() -> None:
    walks = [
        Walk(stops=[(0, 0.1, 0.5), (10, 0.9, 0.5)], track=5),
        Walk(stops=[(0, 0.1, 0.9), (10, 0.9, 0.9)], track=6, height=0.02),
        Walk(stops=[(0, 0.1, 1.0), (10, 0.9, 1.0)], track=7),
    ]
    seen = observe_records(Script(walks=walks, seconds=10, fps=10).records())
    looked = [(frame.media_ns / 1e9, frame.looks) for frame in seen if frame.looks is not None]
    assert len(looked) in (10, 11)
    assert np.diff([when for when, _ in looked]) == pytest.approx(1.0, abs=0.11)
    assert {float(looks.vector[row, 0]) for _, looks in looked for row in range(len(looks))} == {5.0}
    assert all(looks.vector.dtype == np.float16 for _, looks in looked)

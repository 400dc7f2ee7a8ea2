"""Clips made on the spot: a square that drifts, and one that shakes; no footage needed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

SOURCES = 6
FRAMES = 14
SIDE = 64


def square_clip(*, shaking: bool, seed: int, frames: int = FRAMES) -> npt.NDArray[np.uint8]:
    """uint8 (frames, 64, 64, 3): a bright square on a dim, grainy ground that differs from seed to seed."""
    random = np.random.default_rng(seed)
    ground = random.integers(20, 90, (SIDE // 8, SIDE // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    clip = np.repeat(ground[None], frames, 0)
    top, left = random.integers(16, 32, 2)
    for number, picture in enumerate(clip):
        down, across = random.integers(-6, 7, 2) if shaking else (0, number // 2)
        picture[top + down : top + down + 16, left + across : left + across + 16] = 220
    return clip


def write_clips(root: Path) -> Path:
    """Folders ``still`` and ``shaking`` of clips as folders of pictures, and ``groups.csv``; each source has both."""
    import cv2

    lines = ["clip,group,split"]
    for source in range(SOURCES):
        for name in ("still", "shaking"):
            for take in range(2):
                clip = f"{name}{source}{take}"
                folder = root / name / clip
                folder.mkdir(parents=True)
                seed = 100 * source + take
                for number, picture in enumerate(square_clip(shaking=name == "shaking", seed=seed)):
                    cv2.imwrite(str(folder / f"{number:03d}.png"), picture)
                lines.append(f"{clip},source{source},")
    (root / "groups.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own, as a user would set it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of synthetic clips."""
    return write_clips(tmp_path_factory.mktemp("clips"))

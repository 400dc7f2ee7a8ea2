"""Crops of coloured shapes from several recordings, and settings that learn them in seconds."""

from pathlib import Path

import cv2
import numpy as np

from lab.train.classify.settings import ClassifySettings
from pipeline.stage import Picture

NAMES = ("disc", "square")


def shape(name: str, random: np.random.Generator) -> Picture:
    """A reddish disc or a bluish square on dark noise."""
    height, width = (int(side) for side in random.integers(36, 60, 2))
    picture = random.integers(0, 60, (height, width, 3), np.uint8)
    strong, weak = int(random.integers(180, 256)), int(random.integers(60, 120))
    colour = (weak, weak, strong) if name == "disc" else (strong, weak, weak)
    reach = int(random.integers(8, 15))
    across, down = width // 2, height // 2
    if name == "disc":
        cv2.circle(picture, (across, down), reach, colour, -1)
    else:
        cv2.rectangle(picture, (across - reach, down - reach), (across + reach, down + reach), colour, -1)
    return picture


def write_shapes(folder: Path, *, each: int, recordings: int = 6, seed: int = 1) -> Path:
    """``each`` crops of each class, in ``folder/CLASS/camN_K.png``."""
    random = np.random.default_rng(seed)
    for name in NAMES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            cv2.imwrite(str(folder / name / f"cam{number % recordings}_{number:03d}.png"), shape(name, random))
    return folder


def settings_of(crops: Path, **changes: object) -> ClassifySettings:
    """A quick run of the small network on these crops."""
    quick: dict[str, object] = {
        "attribute": "shape",
        "data": {"sources": [{"crops": str(crops), "group": "^(cam[0-9])"}]},
        "network": "small",
        "size": [32, 32],
        "epochs": 4,
        "batch": 16,
        "lr": 0.01,
        "device": "cpu",
        "threads": 1,
        "augmentation": {"low_resolution": 0, "blur": 0, "jpeg": 0, "noise": 0, "erasing": 0},
    }
    return ClassifySettings.model_validate(quick | changes)

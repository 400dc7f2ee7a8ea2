"""True regions from pixel masks: what hangs together in a frame is a region, what overlaps between frames a track."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.evaluate.anomaly.clip import pictures_in
from lab.evaluate.anomaly.regions import Region
from pipeline.errors import UsageError

Mask = npt.NDArray[np.uint8]
LEAST_PX = 4
"""Smaller specks are none."""


def mask_folders(folder: Path, clips: Iterable[str]) -> dict[str, Path]:
    """The folder of masks of each clip that has one: ``CLIP``, or ``CLIP_gt`` as in UCSD, which has masks for some.

    Raises ``UsageError`` where there is none at all.
    """
    names = list(clips)
    found: dict[str, Path] = {}
    for ending in ("_gt", ""):  # beside the clips themselves, a folder CLIP holds no masks
        found = found or {name: here for name in names if (here := folder / f"{name}{ending}").is_dir()}
    if not found:
        raise UsageError(f"{folder}: holds no folder of masks for clip {', '.join(names)}")
    return found


def read_masks(folder: Path, *, frames: int) -> list[Mask]:
    """One mask for each frame of a clip, uint8 (height, width), nonzero where something is anomalous; in the order of
    the files' names. Raises ``UsageError`` where there is not one for each frame."""
    import cv2

    files = pictures_in(folder) if folder.is_dir() else []
    if len(files) != frames:
        raise UsageError(
            f"{folder}: holds {len(files)} masks, but the clip has {frames} frames; one is needed for each"
        )
    masks = []
    for file in files:
        mask = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise UsageError(f"{file}: cannot be read as a picture")
        masks.append(np.asarray(mask, np.uint8))
    return masks


def regions_of(masks: list[Mask]) -> list[Region]:
    """The regions of a clip. One goes on with the track of the region before it that it shares most pixels with; no
    track goes on twice."""
    import cv2

    found: list[Region] = []
    tracks = 0
    before: npt.NDArray[np.int32] = np.zeros((0, 0), np.int32)
    """Track at each pixel of the frame before, 0: none."""
    for frame, mask in enumerate(masks):
        count, parts, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
        tall, broad = mask.shape
        now = np.zeros((tall, broad), np.int32)
        shared: list[tuple[int, int, int]] = []
        kept = [part for part in range(1, count) if stats[part, cv2.CC_STAT_AREA] >= LEAST_PX]
        for part in kept:
            under = before[parts == part] if before.shape == mask.shape else np.zeros(0, np.int32)
            names, times = np.unique(under[under > 0], return_counts=True)
            shared += [(int(n), int(name), part) for name, n in zip(names, times, strict=True)]
        track_of: dict[int, int] = {}
        for _, track, part in sorted(shared, reverse=True):
            if part not in track_of and track not in track_of.values():
                track_of[part] = track
        for part in kept:
            if part not in track_of:
                tracks += 1
                track_of[part] = tracks
            left, top, wide, high = (int(value) for value in stats[part, :4])
            box = (left / broad, top / tall, (left + wide) / broad, (top + high) / tall)
            found.append(Region(frame, track_of[part], box))
            now[parts == part] = track_of[part]
        before = now
    return found

"""Frames worth labelling, chosen from cameras, streams, recordings and folders."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from lab.dataset.candidate import Candidate, Eyes, candidates
from lab.dataset.class_mapping import remapped
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.perceptual_hash import alike
from lab.dataset.progress import progress
from lab.dataset.scene_descriptor import Vector, descriptors, layout
from lab.dataset.selection import Pick, select
from lab.dataset.yolo_format import write
from lab.detector import read_picture
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.redaction import redact
from pipeline.whole_file import write_whole

BLURRED = 0.4
"""A frame less sharp than this share of its source's median is blurred, damaged or dark."""
ALIKE_BITS = 4
DOUBT_WEIGHT = 1.0
"""The frame with the most doubt counts for this much more distance than one without any."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was captured: the YAML of the data set, its manifest, and how many frames were looked at."""

    yaml: Path
    manifest: list[dict[str, Any]]
    looked_at: int
    blurred: int


def capture(
    sources: Sequence[str],
    out: Path,
    count: int,
    eyes: Eyes,
    *,
    known: Dataset | None = None,
    rate: float = 2.0,
    seconds: float | None = None,
) -> Chosen:
    """Choose ``count`` frames and write them into ``out`` as a YOLO data set with the detector's boxes as proposals.

    ``manifest.jsonl`` says of each frame, best first, where it comes from and why it was chosen. ``known``: pictures
    that are labelled already; what resembles them is not chosen. Raises ``UsageError`` if nothing could be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = tuple(eyes.detector.names) if eyes.detector is not None else ()
    with tempfile.TemporaryDirectory(prefix=".candidates-", dir=out) as scratch:
        seen: list[Candidate] = []
        for source, camera in zip(sources, cameras_of(sources), strict=True):
            looked = candidates(source, camera, eyes, Path(scratch), rate=rate, seconds=seconds)
            seen += progress(looked, None, f"looking at {camera}")
        if not seen:
            raise UsageError(f"{', '.join(map(redact, sources))}: gave no frame")
        sharp = sharp_ones(seen)
        picks = choose(seen, sharp, count, eyes, known)
        manifest = [_entry(seen[pick.number], pick, eyes, names) for pick in picks]
        images = tuple(_image(seen[pick.number], eyes.threshold) for pick in picks)
        dataset = Dataset(names or ("object",), {"train": images})
        if names and eyes.classes:
            unwanted = {name: "" for name in names if name not in eyes.classes}
            dataset = remapped(dataset, unwanted, eyes.classes)
        yaml = write(dataset, out)
    write_whole(out / "manifest.jsonl", [msgspec.json.encode(entry) + b"\n" for entry in manifest])
    return Chosen(yaml, manifest, len(seen), int((~sharp).sum()))


def cameras_of(sources: Sequence[str]) -> list[str]:
    """A short, different name for each source, free of credentials: a file's, or a host's."""
    names: list[str] = []
    for source in sources:
        bare = re.sub(r"^\w+://(?:[^/@]*@)?", "", source).split("?")[0].rstrip("/")
        last = bare if "://" in source else Path(bare).stem
        name = re.sub(r"[^A-Za-z0-9]+", "-", last).strip("-")[:60] or "camera"
        number, free = 2, name
        while free in names:
            number, free = number + 1, f"{name}-{number}"
        names.append(free)
    return names


def sharp_ones(seen: Sequence[Candidate]) -> npt.NDArray[np.bool_]:
    """Bool (n,): which frames are neither blurred nor damaged, beside the others of their camera."""
    by_camera: dict[str, list[float]] = defaultdict(list)
    for each in seen:
        by_camera[each.camera].append(each.sharpness)
    least = {camera: BLURRED * float(np.median(values)) for camera, values in by_camera.items()}
    return np.array([each.sharpness >= least[each.camera] and each.sharpness > 0 for each in seen], np.bool_)


def choose(
    seen: Sequence[Candidate], sharp: npt.NDArray[np.bool_], count: int, eyes: Eyes, known: Dataset | None = None
) -> list[Pick]:
    """Up to ``count`` of the ``sharp`` ones, best first; none as good as the same as another."""
    doubts = np.array([each.doubt.total for each in seen], np.float32)
    worth = 1 + DOUBT_WEIGHT * doubts / max(float(doubts.max()), 1e-6)
    old = list(_known(known, eyes)) if known is not None else []
    vectors = vectors_of(seen, eyes, old)
    n = len(seen)
    allowed = sharp & ~_copies([each.hash for each in seen], sharp)
    return select(vectors[:n], worth.astype(np.float32), count, known=vectors[n:], allowed=allowed.tolist(), least=0.02)


def vectors_of(seen: Sequence[Candidate], eyes: Eyes, known: Sequence[tuple[Vector, Vector | None]] = ()) -> Vector:
    """Float32 (n + m, d): by what ``seen`` frames, and those ``known`` by thumbnail and layout, are set apart."""
    thumbnails = np.stack([each.thumbnail for each in seen] + [thumb for thumb, _ in known])
    cells = [each.layout for each in seen] + [cell for _, cell in known]
    layouts = np.stack([cell for cell in cells if cell is not None]) if eyes.detector is not None else None
    return descriptors(thumbnails, layouts)


def _copies(hashes: Sequence[npt.NDArray[np.uint8]], sharp: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which frames are as good as the same as an earlier one that stays."""
    copy = np.zeros(len(hashes), np.bool_)
    for i, j, _ in alike(np.stack(hashes), bits=ALIKE_BITS):
        if sharp[i] and not copy[i]:
            copy[j] = True
    return copy


def _known(known: Dataset, eyes: Eyes) -> Iterator[tuple[Vector, Vector | None]]:
    """Vectors of pictures that are labelled already, as the detector sees them."""
    from lab.dataset.scene_descriptor import thumbnail
    from lab.detector import view

    for image in progress(known, len(known), "looking at what is known"):
        picture = read_picture(image.path)
        if eyes.detector is None:
            yield thumbnail(picture), None
        else:
            found = eyes.detector.process([view(picture)])[0]
            yield thumbnail(picture), layout(found, image.size, len(eyes.detector.names))


def _entry(each: Candidate, pick: Pick, eyes: Eyes, names: Sequence[str]) -> dict[str, Any]:
    sure = each.found.confidence >= eyes.threshold
    return {
        "picture": f"train/images/{each.file.name}",
        "source": redact(each.source),
        "camera": each.camera,
        "frame": each.index,
        "media_s": round(each.media_ns / 1e9, 3),
        "reason": _reason(each, pick),
        "distance": round(pick.distance, 4) if np.isfinite(pick.distance) else None,
        "stands_for": round(pick.stands_for, 4),
        "unsure": round(each.doubt.unsure, 3),
        "flicker": each.doubt.flicker,
        "disputed": each.doubt.disputed,
        "sharpness": round(each.sharpness, 1),
        "boxes": int(sure.sum()),
        "classes": sorted({names[int(number)] for number in each.found.class_id[sure]}),
    }


def _reason(each: Candidate, pick: Pick) -> str:
    """In words. What a frame stands for is counted anew with each one chosen, so later ones stand for less."""
    first = not np.isfinite(pick.distance)
    parts = ["first of its kind" if first else f"differs from all chosen ({pick.distance:.2f})"]
    if pick.stands_for >= 0.01 and not first:
        parts[0] += f" and stands for {pick.stands_for:.0%} of the frames"
    if each.doubt.unsure >= 0.5:
        parts.append(f"boxes near the threshold ({each.doubt.unsure:.1f})")
    if each.doubt.flicker:
        parts.append(f"flicker ({each.doubt.flicker})")
    if each.doubt.disputed:
        parts.append(f"detectors disagree ({each.doubt.disputed})")
    return ", ".join(parts)


def _image(each: Candidate, threshold: float) -> LabelledImage:
    found: Detections = each.found.select(each.found.confidence >= threshold)
    return LabelledImage(each.file, each.size, found.xyxy, found.class_id, each.camera)

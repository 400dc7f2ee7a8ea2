"""One evaluation from clips to figures: what is asked, checked before anything long, and carried out."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.evaluate.anomaly.clip import check_readable, clips_in
from lab.evaluate.anomaly.floors import floors_of, window_flow
from lab.evaluate.anomaly.labels import Spans, check_clips, flags, read_labels
from lab.evaluate.anomaly.masks import mask_folders, read_masks, regions_of
from lab.evaluate.anomaly.report import write_report
from lab.evaluate.anomaly.result import Result
from lab.evaluate.anomaly.scoring import Scored, Seen, learn, normal_scores, score
from lab.evaluate.anomaly.seeing import see
from lab.evaluate.anomaly.telling import facts_of
from lab.statistics import FloatArray
from lab.train.run_folder import write_json
from pipeline.errors import UsageError
from pipeline.stage import Detector

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is wanted. Raises ``UsageError`` for clips, labels or masks that cannot be used, as far as that shows before
    a clip is read."""

    normal: Path
    test: Path
    scores: Path
    labels: Path | None = None
    masks: Path | None = None
    out: Path | None = None
    fps: float = 10.0
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.labels is None and (self.masks is not None or self.out is not None):
            option = "--masks" if self.masks else "--out"
            raise UsageError(f"{option} needs --labels: without them nothing is measured")
        check_readable([*clips_in(self.normal).values(), *self.test_clips.values()], fps=self.fps)
        check_clips(self.spans, self.test_clips, self.labels)
        if self.masks is not None:
            mask_folders(self.masks, self.test_clips)
        for option, folder in (("--scores", self.scores), ("--out", self.out), ("--cache", self.cache)):
            if folder is not None:
                _open(option, folder)

    @property
    def test_clips(self) -> dict[str, Path]:
        """By name."""
        return clips_in(self.test)

    @property
    def spans(self) -> Spans:
        """The labels; none without a file."""
        return read_labels(self.labels) if self.labels else {}


def _open(option: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {folder}: cannot be made: {error.strerror}") from error


def carry_out(asked: Asked, detector: Detector) -> dict[str, Any]:
    """Learn, score, write the scores, and with labels measure. The figures as plain values; without labels only what
    was scored. Raises ``UsageError`` or ``SourceError`` for footage, labels or masks that do not fit."""
    names, digest = detector.names, detector.model.get("sha256", "")
    normal = see(clips_in(asked.normal), detector, fps=asked.fps, cache=asked.cache, what="normal clips")
    test = see(asked.test_clips, detector, fps=asked.fps, cache=asked.cache, what="test clips")
    if not any(len(frame) for seen in normal.values() for frame in seen.observed):
        logger.warning("the normal clips show no object; only movement is learned. Is the detector right for them?")
    model = learn(normal, names=names, detector=digest)
    scored = {name: score(model, seen) for name, seen in test.items()}
    write_scores(asked.scores, {name: each.score for name, each in scored.items()})
    if asked.labels is None:
        return {"clips": len(test), "frames": sum(seen.frames for seen in test.values())}
    held_apart = normal_scores(normal, names=names, detector=digest)
    result = _measured(asked, test, scored, held_apart)
    facts = facts_of(result)
    if asked.out is not None:
        write_report(asked.out, result, facts)
        write_json(asked.out / "result.json", facts)
    return facts


def _measured(
    asked: Asked,
    test: Mapping[str, Seen],
    scored: Mapping[str, Scored],
    held_apart: Mapping[str, tuple[FloatArray, float]],
) -> Result:
    truth = flags(asked.spans, {name: seen.frames for name, seen in test.items()}, asked.labels)
    clips, floors = asked.test_clips, dict[str, dict[str, FloatArray]]()
    for number, (name, seen) in enumerate(test.items()):
        flow = window_flow(clips[name], fps=asked.fps)
        for floor, values in floors_of(seen.observed, seen.frames, flow, seed=number).items():
            floors.setdefault(floor, {})[name] = values
    regions = {}
    if asked.masks is not None:
        folders = mask_folders(asked.masks, test)
        regions = {name: regions_of(read_masks(each, frames=test[name].frames)) for name, each in folders.items()}
    fps = {name: seen.fps for name, seen in test.items()} | {name: rate for name, (_, rate) in held_apart.items()}
    normal = {name: scores for name, (scores, _) in held_apart.items()}
    return Result(scored, truth, floors, regions, normal, fps)


def write_scores(out: Path, scores: Mapping[str, FloatArray]) -> None:
    """``CLIP.parquet`` for each clip: ``frame`` from 1, and ``score``."""
    import polars as pl

    for name, values in scores.items():
        frame = np.arange(1, len(values) + 1, dtype=np.int64)
        pl.DataFrame({"frame": frame, "score": values}).write_parquet(out / f"{name}.parquet", statistics=False)

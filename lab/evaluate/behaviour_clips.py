"""A behaviour model against labelled clips: every window judged, and whether the model knows the clips already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lab.evaluate.behaviour import Judged, decide
from lab.evaluate.behaviour_recording import Watched, watch
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.train.behaviour.clips import Clip
    from lab.train.behaviour.settings import DataSettings
    from lab.train.behaviour.tracks import TrackCutter
    from stages.classify.behaviour import BehaviourModel

TRAINED_ON = "trained_on.json"


@dataclass(frozen=True, slots=True)
class Tested:
    """``judged``: all windows whose truth is known. ``watched``: each clip with its judgements. ``known``: names of
    clips that the model was trained on: figures over them are no test. ``pictures_fps``: rate of clips that are
    folders."""

    judged: Judged
    clips: tuple["Clip", ...]
    watched: tuple[Watched, ...]
    known: tuple[str, ...]
    pictures_fps: float


def read_data(source: Path, *, pictures_fps: float = 25.0) -> "tuple[DataSettings, Path]":
    """The data of a training run's YAML file, or a folder with a folder for each class; and where paths start.

    ``pictures_fps`` holds for a folder; the file says its own. Raises ``UsageError``.
    """
    from lab.settings import load
    from lab.train.behaviour.settings import BehaviourSettings, DataSettings

    if source.is_dir():
        return DataSettings(clips=source.resolve(), pictures_fps=pictures_fps), source
    return load(source, BehaviourSettings).data, source.parent


def judge_clips(
    model: "BehaviourModel",
    model_folder: Path,
    clips: "Sequence[Clip]",
    *,
    cutter: "TrackCutter | None" = None,
    pictures_fps: float = 25.0,
    step: Callable[[], None] = lambda: None,
) -> Tested:
    """Judge every clip. Raises ``UsageError`` where no window has a known truth."""
    sources = sorted({clip.origin.group for clip in clips})
    probability, truth, source, watched = [], [], [], []
    for clip in clips:
        seen = watch(model, clip.path, cutter=cutter, pictures_fps=pictures_fps)
        watched.append(seen)
        rate = _rate(clip, pictures_fps)
        for line in seen.timelines:
            for first_s, last_s, row in zip(line.first_s, line.last_s, line.probability, strict=True):
                class_id = _truth(clip, first_s * rate, last_s * rate)
                if class_id is not None:
                    probability.append(row)
                    truth.append(class_id)
                    source.append(sources.index(clip.origin.group))
        step()
    if not truth:
        raise UsageError("no clip is as long as a window of the model, so nothing was judged")
    rows = np.array(probability)
    numbers = np.unique(source, return_inverse=True)[1].astype(np.int64)
    judged = Judged(rows, np.array(truth, np.int64), numbers, decide(rows, model.thresholds))
    return Tested(judged, tuple(clips), tuple(watched), _known(model_folder, clips), pictures_fps)


def spans(clip: "Clip", pictures_fps: float) -> list[tuple[float, float]]:
    """Seconds in which the second of the names happens in a clip with intervals."""
    rate = _rate(clip, pictures_fps)
    return [(first / rate, last / rate) for first, last in clip.intervals]


def _truth(clip: "Clip", first: float, last: float) -> int | None:
    from lab.train.behaviour.sequences import class_of

    return class_of(clip, round(first), round(last))


def _rate(clip: "Clip", pictures_fps: float) -> float:
    if clip.path.is_dir():
        return pictures_fps
    import av

    with av.open(str(clip.path)) as container:
        return float(container.streams.video[0].average_rate or 25)


def _known(model_folder: Path, clips: "Sequence[Clip]") -> tuple[str, ...]:
    from lab.train.run_folder import digest_of

    file = model_folder / TRAINED_ON
    if not file.is_file():
        return ()
    try:
        digests = set(msgspec.json.decode(file.read_bytes(), type=dict[str, str]).values())
    except msgspec.DecodeError as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    return tuple(clip.name for clip in clips if digest_of(clip.files) in digests)

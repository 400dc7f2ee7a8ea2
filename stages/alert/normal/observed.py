"""What the model of normal sees of one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.detections import FloatArray, IntArray
from stages.alert.demand import score_of
from stages.alert.normal.flow_field import FlowField, PackedFlow
from stages.alert.normal.looks import Looks, looks_of
from stages.alert.scene import Scene

FRESH_NS = 3 * SECOND
"""What was said of behaviour holds for so long."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One frame that tells something (analysed, or unchanged); n objects."""

    index: int
    """Frame of the source, from 0. Frames that tell nothing are left out."""
    media_ns: int
    subject: IntArray
    """int32 (n,): names an object, as in ``Scene``."""
    class_id: IntArray
    """int32 (n,)."""
    confidence: FloatArray
    """float32 (n,): median of the object's last confidences."""
    box: npt.NDArray[np.float64]
    """float64 (n, 4): left, top, right, bottom as shares of the picture."""
    motion: PackedFlow | FlowField | None
    """As it was told, since a day of footage lies in memory at once; None where it was not measured: at the first frame
    of a session."""
    looks: Looks | None = None
    """Of objects that are seen well; None where nothing is told of what anything looks like."""
    behaviour: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """By what a classifier says of behaviour: float64 (n,), the last score of each object or of the whole picture, NaN
    where nothing was said of late. Empty without such a classifier."""
    first_ns: npt.NDArray[np.int64] | None = None
    """int64 (n,): when each object was first seen, where footage was cut; None where it is told by the frames."""

    @property
    def flow(self) -> FlowField | None:
        """The motion, to calculate with. Unpacked each time it is asked for: ask once."""
        return self.motion.unpack() if isinstance(self.motion, PackedFlow) else self.motion

    def __len__(self) -> int:
        return len(self.subject)


def observe_scene(scene: Scene) -> Observed:
    """What the model of normal sees of a scene. Learning and scoring both look through this."""
    told = scene.features.get("flow")
    motion = None if told is None else PackedFlow.of(told)
    frame = scene.frame
    return Observed(
        frame.index,
        frame.media_ns,
        scene.subject,
        scene.class_id,
        scene.vote,
        scene.box,
        motion,
        looks_of(scene),
        _behaviour(scene),
    )


def _behaviour(scene: Scene) -> dict[str, npt.NDArray[np.float64]]:
    there = [scene.sightings.get(subject) for subject in scene.subject.tolist()]
    names = sorted({*scene.behaviour, *(name for each in there if each is not None for name in each.scores_of)})
    found = {}
    for name in names:
        scores = [score_of(name, each, scene, fresh_ns=FRESH_NS) for each in there]
        if any(score is not None for score in scores):
            found[name] = np.array([np.nan if score is None else score for score in scores], np.float64)
    return found

"""What the model of normal sees of one frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.detections import FloatArray, IntArray
from stages.alert.normal.flow_field import FlowField, PackedFlow
from stages.alert.normal.looks import Looks, looks_of
from stages.alert.scene import Scene


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
        frame.index, frame.media_ns, scene.subject, scene.class_id, scene.vote, scene.box, motion, looks_of(scene)
    )

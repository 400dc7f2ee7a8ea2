"""One frame as a rule sees it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.detections import FloatArray, IntArray, VectorArray
from pipeline.messages import Frame
from stages.alert.geometry import Mask, Points
from stages.alert.options import Anchor
from stages.alert.sighting import Sighting

_EDGE = 1e-6
"""Anchors are kept this far within the picture, so that feet on its lower edge lie inside a zone that ends there."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The objects that are there at one frame, as structs of arrays; n objects.

    An object is there when a detection supports it now, or did at the last analysed frame and the picture has not
    changed since. Boxes that a tracker merely predicts are not in a scene: they can neither start nor end anything.
    """

    frame: Frame
    """Its media time is the clock of every rule."""
    still: bool
    """The picture did not change since the frame before."""
    subject: IntArray
    """int32 (n,): names an object on this camera, through changes of its track id; counts from 1."""
    track_id: IntArray
    """int32 (n,): the track that carries the object now."""
    class_id: IntArray
    """int32 (n,)."""
    box: npt.NDArray[np.float64]
    """float64 (n, 4): left, top, right, bottom as shares of the picture, clipped to it."""
    vote: FloatArray
    """float32 (n,): median confidence of the object's last detections."""
    sightings: Mapping[int, Sighting]
    """What is remembered of each subject, also of those that are not there now."""
    behaviour: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """What goes on in the whole picture: score and media time in ns, by name."""
    features: Mapping[str, Any] = field(default_factory=dict)
    """What capture measured, as ``CameraCapture`` says; what was not measured is absent."""
    names: Sequence[str] = ()
    """The detector's class names by class id."""
    embedding: VectorArray | None = None
    """float16 or float32 (n, d): what each object looks like, by its detection at this very frame; NaN where there is
    none. None where the detector gives no vectors, and where the picture did not change."""
    followed: Mapping[str, bytes] = field(default_factory=dict)
    """What rules follow beside the footage, as it counts at this frame: by the names of ``RuleOptions.follows``."""
    _anchors: dict[Anchor, Points] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.subject)

    def anchors(self, anchor: Anchor) -> Points:
        """float64 (n, 2): the point of each box that stands for its object, within the picture."""
        points = self._anchors.get(anchor)
        if points is None:
            points = self._anchors[anchor] = anchor_points(self.box, anchor)
        return points

    def select(self, keep: Mask) -> "Scene":
        """The scene with only the objects that a mask picks."""
        return Scene(
            self.frame,
            self.still,
            self.subject[keep],
            self.track_id[keep],
            self.class_id[keep],
            self.box[keep],
            self.vote[keep],
            self.sightings,
            self.behaviour,
            self.features,
            self.names,
            None if self.embedding is None else self.embedding[keep],
            self.followed,
        )

    def of_classes(self, names: Collection[str]) -> Mask:
        """bool (n,): which objects the detector calls by one of these names."""
        known = self.names
        return np.array(
            [0 <= number < len(known) and known[number] in names for number in self.class_id.tolist()], bool
        )


def anchor_points(box: npt.NDArray[np.float64], anchor: Anchor) -> Points:
    """float64 (n, 2): the anchors of boxes (n, 4)."""
    points = np.empty((len(box), 2))
    points[:, 0] = (box[:, 0] + box[:, 2]) / 2
    match anchor:
        case "bottom_centre":
            points[:, 1] = box[:, 3]
        case "centre":
            points[:, 1] = (box[:, 1] + box[:, 3]) / 2
        case "top_centre":
            points[:, 1] = box[:, 1]
    return np.clip(points, _EDGE, 1 - _EDGE, out=points)

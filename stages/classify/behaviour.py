"""What happens over time: a model that judges windows of features of a track's crops, or of a camera's whole picture.

Two graphs in one folder, as ``bartizan train behaviour`` writes them: ``features.onnx`` turns one picture into a row
of numbers, ``temporal.onnx`` turns a window of rows into probabilities. The caller keeps the rows of each track (or
camera), because a stage has no memory of its own; see ``BehaviourModel`` for how.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import CannotStart
from pipeline.stage import Picture
from stages.classify.onnx_graph import OnnxGraph, Precision, Runtime

FEATURES = "features.onnx"
TEMPORAL = "temporal.onnx"
GREY = 114
"""Border around a picture whose shape is not the model's."""
FloatArray = npt.NDArray[np.float32]


class BehaviourOptions(BaseModel):
    """Options of a behaviour model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path = Field(description="folder with features.onnx and temporal.onnx, as 'bartizan train behaviour' makes")
    runtime: Runtime = Field(default="openvino", description="what runs it: openvino or onnxruntime")
    precision: Precision = Field(
        default="f32", description="numbers it computes in; bf16 (openvino only) answers a little differently"
    )
    threads: int = Field(default=1, ge=1, le=256, description="processor threads")
    batch: int = Field(default=32, ge=1, le=1024, description="pictures or windows computed at once, at most")


class BehaviourCard(BaseModel):
    """What the graphs say of themselves, beside what only their maker wants to know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    names: tuple[str, ...] = Field(min_length=2)
    attribute: str
    frames: int = Field(ge=2)
    fps: float = Field(gt=0)
    scope: Literal["track", "scene"]
    margin: float = Field(ge=0)
    width: int = Field(ge=1)
    size: tuple[int, int]
    needs_previous: bool
    thresholds: tuple[float, ...]
    name: str = ""

    @model_validator(mode="after")
    def _one_threshold_each(self) -> Self:
        if len(self.thresholds) != len(self.names):
            raise ValueError(f"{len(self.names)} names, {len(self.thresholds)} thresholds")
        return self


class BehaviourModel:
    """A behaviour model, loaded; stateless: equal arguments give equal answers, whatever shared the call.

    How to use it, for each track (``scope`` "track") or camera (``scope`` "scene"):

    1. About every ``1 / fps`` seconds of media time take a picture: for "track", the track's box widened by
       ``margin`` of its width and height on each side and clipped to the frame; for "scene", the whole frame. Any
       size; at most one row for each period, and a gap of more than ``2 / fps`` seconds empties the window.
    2. ``embed([picture], [previous])`` gives one row of ``width`` numbers. ``previous`` is what was given one period
       before (the same track's earlier crop, in the earlier box), or None for the first. It is read only where
       ``needs_previous`` is true; keep the earlier crop only then.
    3. With the last ``frames`` rows at hand, ``judge`` them, each time or every few rows. With fewer, there is no
       answer yet.
    4. A class ``names[k]`` holds where its probability reaches ``thresholds[k]``; ``names[0]`` is the normal state.

    Raises ``CannotStart`` if the folder or one of its graphs cannot be used.
    """

    Options = BehaviourOptions

    def __init__(self, options: BehaviourOptions) -> None:
        def load(file: str) -> OnnxGraph:
            return OnnxGraph(
                options.model / file, runtime=options.runtime, precision=options.precision, threads=options.threads
            )

        if not options.model.is_dir():
            raise CannotStart(f"behaviour model {options.model}: not a folder; name one with {FEATURES} and {TEMPORAL}")
        self._features, self._temporal = load(FEATURES), load(TEMPORAL)
        self._batch = options.batch
        card = _checked_card(self._features, self._temporal)
        self.names: tuple[str, ...] = card.names
        """Classes in the order of ``judge``'s columns; the first is the normal state."""
        self.attribute: str = card.attribute
        """What the classes are values of, such as ``fight``."""
        self.frames: int = card.frames
        """Rows in a window."""
        self.fps: float = card.fps
        """Rows a second that it was trained at."""
        self.scope: Literal["track", "scene"] = card.scope
        """Whether its pictures are crops of a track or whole frames."""
        self.margin: float = card.margin
        """How far a track's box is widened on each side, as a share of its size."""
        self.width: int = card.width
        """Numbers in a row."""
        self.size: tuple[int, int] = card.size
        """Height and width that every picture is fitted into, its shape kept, grey around it."""
        self.needs_previous: bool = card.needs_previous
        """Whether ``embed`` looks at the picture before."""
        self.thresholds: tuple[float, ...] = card.thresholds
        """Probability from which each class holds, as chosen in training."""
        self.model: dict[str, str] = {
            "name": card.name or options.model.name,
            "sha256": _joint_digest(self._features, self._temporal),
        }
        self.engine = f"{self._features.engine} {self.model['sha256'][:12]}"
        """Fingerprint: runtime and version, precision, model digest."""
        self._try()

    def embed(self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None) -> FloatArray:
        """One row for each picture: float32 (n, width). A pure function.

        ``crops``: uint8 (height, width, 3), BGR, of any sizes. ``previous``: for each, the picture one period
        earlier, or None where there is none (nothing has moved, then); of no effect unless ``needs_previous``.
        Raises ``ValueError`` for pictures of another kind, or lists of different lengths.
        """
        if previous is not None and len(previous) != len(crops):
            raise ValueError(f"previous must have one entry for each of the {len(crops)} crops, got {len(previous)}")
        rows = np.zeros((len(crops), self.width), np.float32)
        for start in range(0, len(crops), self._batch):
            part = slice(start, start + self._batch)
            pictures = fit(crops[part], self.size)
            inputs = [pictures]
            if self.needs_previous:
                earlier = [None] * len(pictures) if previous is None else previous[part]
                known = [crop if before is None else before for crop, before in zip(crops[part], earlier, strict=True)]
                inputs.append(fit(known, self.size))
            rows[part] = self._features(*inputs)[0]
        return rows

    def judge(self, windows: FloatArray) -> FloatArray:
        """Probabilities float32 (n, classes), each row adding up to 1, of windows float32 (n, frames, width).

        The oldest row of a window comes first. Raises ``ValueError`` for another dtype or shape.
        """
        return self._judged(windows)[0]

    def attend(self, windows: FloatArray) -> FloatArray:
        """How much each moment counted in ``judge``: float32 (n, frames), each row adding up to 1."""
        return self._judged(windows)[1]

    def _try(self) -> None:
        """One grey picture through both graphs. Raises ``CannotStart`` where they are not what the card says."""
        try:
            blank = [np.full((1, *self.size, 3), GREY, np.uint8)] * (1 + self.needs_previous)
            width = self._features(*blank)[0].shape[1]
            window = np.zeros((1, self.frames, self.width), np.float32)
            classes = self._temporal(window)[0].shape[1] if width == self.width else 0
        except CannotStart:
            raise
        except Exception as error:  # of either runtime, whose errors share no root
            reason = str(error).strip().splitlines()[-1][:200]
            raise CannotStart(f"{self._features.path.parent}: the graphs do not fit their card: {reason}") from error
        if width != self.width:
            stated = f"rows of {width} numbers, {self.width} stated"
            raise CannotStart(f"{self._features.path}: does not fit its card: {stated}")
        if classes != len(self.names):
            stated = f"{classes} probabilities, {len(self.names)} names"
            raise CannotStart(f"{self._temporal.path}: does not fit its card: {stated}")

    def _judged(self, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
        if windows.dtype != np.float32 or windows.ndim != 3 or windows.shape[1:] != (self.frames, self.width):
            wanted = f"float32 (n, {self.frames}, {self.width})"
            raise ValueError(f"windows must be {wanted}, got {windows.dtype} {windows.shape}")
        probability = np.zeros((len(windows), len(self.names)), np.float32)
        attention = np.zeros((len(windows), self.frames), np.float32)
        for start in range(0, len(windows), self._batch):
            part = slice(start, start + self._batch)
            probability[part], attention[part] = self._temporal(windows[part])
        return probability, attention


def fit(pictures: Sequence[Picture], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Pictures of any sizes in one array, uint8 (n, height, width, 3): shape kept, in the middle, grey around.

    Training sees exactly these pixels. Raises ``ValueError`` for anything but uint8 (height, width, 3).
    """
    import cv2

    height, width = size
    fitted = np.full((len(pictures), height, width, 3), GREY, np.uint8)
    for canvas, picture in zip(fitted, pictures, strict=True):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ValueError(f"picture must be uint8 (height, width, 3), got {picture.dtype} {picture.shape}")
        gain = min(height / picture.shape[0], width / picture.shape[1])
        inner = (max(round(picture.shape[1] * gain), 1), max(round(picture.shape[0] * gain), 1))
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        # Area averaging when shrinking: without it, flicker between frames looks like motion.
        how = cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR
        canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=how)
    return fitted


def _joint_digest(*graphs: OnnxGraph) -> str:
    import hashlib

    return hashlib.sha256("".join(graph.sha256 for graph in graphs).encode()).hexdigest()


def _checked_card(features: OnnxGraph, temporal: OnnxGraph) -> BehaviourCard:
    """The card of the pair. Raises ``CannotStart`` if it is incomplete, or the two were not made together."""
    for graph, part in ((features, "features"), (temporal, "temporal")):
        if graph.card.get("kind") != "behaviour":
            raise CannotStart(f"{graph.path}: a model of kind {graph.card.get('kind')!r}; 'behaviour' is needed")
        if graph.card.get("graph") != part:
            raise CannotStart(f"{graph.path}: holds the graph {graph.card.get('graph')!r}; {part!r} belongs there")
    if features.card.get("pair") != temporal.card.get("pair"):
        raise CannotStart(f"{features.path} and {temporal.path.name} were not made together; take both from one folder")
    try:
        return BehaviourCard.model_validate(features.card)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "names and thresholds"
        raise CannotStart(f"{features.path}: its card: {where}: {fault['msg']}") from error

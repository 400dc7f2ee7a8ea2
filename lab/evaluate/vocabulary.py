"""Which class of a model stands for which class of the truth. Names decide, never numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import LabelledImage
from pipeline.configuration.suggestions import did_you_mean
from pipeline.detections import Detections
from pipeline.errors import UsageError

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

SAME_OBJECT = 0.7
"""IoU from which boxes of different classes of the model that mean one class of the truth are one box."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The classes that are measured, and how both sides' numbers become theirs (-1: not measured).

    ``of_model``: int32, indexed by the model's class number; ``of_truth``: by the truth's. ``merged``: bool, by
    measured class, whether several classes of the model mean it.
    """

    names: tuple[str, ...]
    of_model: IntArray
    of_truth: IntArray
    merged: npt.NDArray[np.bool_]
    unmeasured: tuple[str, ...] = ()
    """Classes of the truth that the model has no name for."""

    def found(self, detections: Detections) -> Detections:
        """A model's boxes under the measured numbers, without those that mean none of them.

        Where a car is found as ``car`` and as ``truck`` and both mean ``Vehicle``, the surer box stays: the detector
        suppresses overlaps within a class, and here they are one class.
        """
        class_id = self.of_model[detections.class_id]
        keep = class_id >= 0
        kept = detections.select(keep)
        boxes = Detections(kept.xyxy, kept.confidence, class_id[keep])
        if not self.merged.any() or not len(boxes):
            return boxes
        from stages.detect.nms import suppress

        order = np.argsort(-boxes.confidence, kind="stable")
        boxes = boxes.select(order)
        doubtful = np.flatnonzero(self.merged[boxes.class_id])
        stays = suppress(boxes.xyxy[doubtful], boxes.class_id[doubtful], iou=SAME_OBJECT, limit=len(doubtful))
        sure = np.ones(len(boxes), np.bool_)
        sure[doubtful] = False
        sure[doubtful[stays]] = True
        return boxes.select(sure)

    def truth(self, image: LabelledImage) -> tuple[FloatArray, IntArray]:
        """The true boxes of a picture that are measured, and their measured numbers."""
        class_id = self.of_truth[image.class_id]
        keep = class_id >= 0
        return image.xyxy[keep], class_id[keep]


def match_names(
    model: Sequence[str],
    truth: Sequence[str],
    *,
    mapping: Mapping[str, Sequence[str]] | None = None,
    classes: Sequence[str] = (),
) -> Vocabulary:
    """Match by name, without regard to case and to ``_`` and ``-``.

    ``mapping``: a class of the truth and those of the model that satisfy it, where names differ. ``classes``: measure
    only these classes of the truth. Raises ``UsageError`` for names that neither side knows, or if nothing matches.
    """
    mapping = {_known(name, truth, "--map", "the data set"): wanted for name, wanted in (mapping or {}).items()}
    wanted = [_known(name, truth, "--classes", "the data set") for name in classes] or list(truth)
    own = {_plain(name): number for number, name in reversed(list(enumerate(model)))}
    of_model = np.full(len(model), -1, np.int32)
    of_truth = np.full(len(truth), -1, np.int32)
    names: list[str] = []
    merged: list[bool] = []
    unmeasured: list[str] = []
    for name in truth:
        if name not in wanted:
            continue
        named = mapping.get(name, (name,) if _plain(name) in own else ())
        numbers = [own[_plain(_known(each, model, f"--map {name}=", "the model"))] for each in named]
        if not numbers:
            unmeasured.append(name)
            continue
        taken = [model[number] for number in numbers if of_model[number] >= 0]
        if taken:
            raise UsageError(f"--map {name}=: class {taken[0]!r} of the model already stands for another class")
        of_model[numbers] = of_truth[list(truth).index(name)] = len(names)
        names.append(name)
        merged.append(len(numbers) > 1)
    if not names:
        raise UsageError(
            f"the model ({_some(model)}) and the data set ({_some(truth)}) share no class name; say what means what "
            f"with --map {truth[0] if truth else 'NAME'}=CLASS,..."
        )
    return Vocabulary(tuple(names), of_model, of_truth, np.array(merged, np.bool_), tuple(unmeasured))


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ").strip()


def _known(name: str, names: Sequence[str], option: str, side: str) -> str:
    for each in names:
        if _plain(each) == _plain(name):
            return each
    raise UsageError(f"{option}: {side} knows no class {name!r}{did_you_mean(name, names)}; it knows {_some(names)}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")

"""A classifier, tried on crops whose class is known."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lab.dataset.progress import progress
from lab.evaluate.classify import Answers
from lab.train.classify.collection import read_folder
from lab.train.classify.crops import Crop, names_of, read_crop, read_list
from pipeline.errors import CannotStart, UsageError
from pipeline.stage import Picture

Change = Callable[[Picture, int], Picture]
"""A crop as it would look under some condition, from the crop and its number."""


class Classifier(Protocol):
    """What is tried: a trained classifier, or one made from a few examples."""

    names: tuple[str, ...]
    model: dict[str, str]
    engine: str

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        """Probabilities (n, classes)."""
        ...


class Trial:
    """The crops, and what the classifier says of them; each is read and asked when first needed."""

    def __init__(self, classifier: Classifier, crops: tuple[Crop, ...]) -> None:
        self.classifier, self.crops = classifier, crops

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """The crops' pixels."""
        return tuple(read_crop(crop) for crop in progress(self.crops, len(self.crops), "reading"))

    @cached_property
    def answers(self) -> Answers:
        """Of the crops as they are."""
        return self.answers_under(None, "classifying")

    def answers_under(self, change: Change | None, what: str) -> Answers:
        """Of the crops as ``change`` makes them."""
        rows = []
        for number, picture in enumerate(progress(self.pictures, len(self.pictures), what)):
            rows.append(self.classifier.process([picture if change is None else change(picture, number)])[0])
        return self.answered(np.stack(rows))

    def answered(self, probability: npt.NDArray[np.float32]) -> Answers:
        """These probabilities of these crops."""
        names = self.classifier.names
        labels = np.array([names.index(crop.name) for crop in self.crops], np.int64)
        groups, files = tuple(crop.group for crop in self.crops), tuple(str(crop.path) for crop in self.crops)
        return Answers(names, labels, probability, groups, files)


def open_model(path: Path, *, runtime: str, precision: str) -> Classifier:
    """A trained classifier (a file) or one of a few examples (a folder). Raises ``UsageError``, ``CannotStart``."""
    from pydantic import ValidationError

    from stages.classify.classifier import CropClassifier
    from stages.classify.few_shot import GALLERY, FewShotClassifier

    if path.is_dir() and not (path / GALLERY).is_file():
        raise CannotStart(f"{path}: neither a model.onnx nor a gallery ('bartizan train few-shot' makes one)")
    run = {"runtime": runtime, "precision": precision}
    try:
        if path.is_dir():
            return FewShotClassifier(FewShotClassifier.Options.model_validate({"gallery": path} | run))
        return CropClassifier(CropClassifier.Options.model_validate({"model": path} | run))
    except ValidationError as error:
        raise UsageError("; ".join(fault["msg"] for fault in error.errors())) from error


def truth_of(data: Path, names: tuple[str, ...], *, split: str, limit: int | None, seed: int) -> tuple[Crop, ...]:
    """The crops of a list or a folder. Raises ``UsageError`` for classes that the model does not know."""
    crops = read_list(data, split=split) if data.suffix == ".csv" else read_folder(data)
    if unknown := sorted(set(names_of(crops)) - set(names)):
        raise UsageError(f"{data}: the model knows no class {', '.join(unknown)}; it knows {', '.join(names)}")
    if limit is not None and limit < len(crops):
        picked = np.sort(np.random.default_rng(seed).choice(len(crops), limit, replace=False))
        crops = tuple(crops[at] for at in picked)
    return crops

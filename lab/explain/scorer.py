"""How sure a model still is of a target once its picture was changed; the model is a black box here."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lab.detector import detect
from lab.explain.target import Target
from pipeline.stage import Detector, Picture
from stages.detect.nms import overlaps

if TYPE_CHECKING:
    from stages.classify.classifier import CropClassifier

Scores = npt.NDArray[np.float64]
Scorer = Callable[[Iterable[Picture]], Scores]
"""Pictures of one size to float64 (pictures,): 0 where the target is gone."""


def detection_scorer(detector: Detector, target: Target) -> Scorer:
    """The greatest product of confidence and overlap (IoU) over the boxes of the target's class.

    That is the similarity of D-RISE (Petsiuk et al., CVPR 2021) for a detector that names one class for each box. The
    detector should let weak boxes through: one that fades must be seen fading.
    """
    wanted = target.xyxy[None].astype(np.float32)

    def score(pictures: Iterable[Picture]) -> Scores:
        found = []
        for detections in detect(detector, pictures):
            same = detections.class_id == target.class_id
            likeness = overlaps(wanted, detections.xyxy[same])[0] * detections.confidence[same]
            found.append(float(likeness.max(initial=0.0)))
        return np.array(found, np.float64)

    return score


def class_scorer(classifier: "CropClassifier", class_id: int, *, at_once: int = 32) -> Scorer:
    """The probability of one class."""

    def score(pictures: Iterable[Picture]) -> Scores:
        remaining = iter(pictures)
        found = [np.zeros(0)]
        while crops := list(islice(remaining, at_once)):
            found.append(classifier.process(crops)[:, class_id].astype(np.float64))
        return np.concatenate(found)

    return score

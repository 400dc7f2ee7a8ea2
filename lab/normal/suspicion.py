"""The scores that the rule ``anomaly`` compares with its threshold, one row for each thing in each frame."""

from collections.abc import Sequence

import numpy as np

from stages.alert.geometry import shared
from stages.alert.normal.counting import Segment
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import MOVEMENT, Scorer, Suspect
from stages.alert.rule import WHOLE_SCENE
from stages.alert.rules.anomaly import SAME


def suspicion(model: NormalModel, clip: Sequence[Observed]) -> Segment:
    """The scores of a clip, from a scorer that starts with it.

    Each frame has a row of 0 for the whole scene, so that its time counts. Movement that is nobody's has one of 0 when
    it is gone: the rule takes it for over, where it waits for an object that is not seen.
    """
    scorer = Scorer(model)
    times: list[int] = []
    subjects: list[int] = []
    scores: list[float] = []
    moving: set[int] = set()
    for frame in clip:
        found = distinct(scorer.score(frame).suspects)
        rows = {WHOLE_SCENE: 0.0} | dict.fromkeys(sorted(moving), 0.0) | found
        moving = {subject for subject in found if subject <= MOVEMENT}
        times += [frame.media_ns] * len(rows)
        subjects += rows.keys()
        scores += rows.values()
    return Segment(np.array(times, np.int64), np.array(scores, np.float64), np.array(subjects, np.int64))


def distinct(suspects: Sequence[Suspect]) -> dict[int, float]:
    """The score of each subject; 0 for one that lies on a more unusual one."""
    chosen: list[Suspect] = []
    scores: dict[int, float] = {}
    for each in sorted(suspects, key=lambda one: -one.score):
        if any(shared(each.box, other.box) >= SAME for other in chosen):
            scores[each.subject] = 0.0
        else:
            chosen.append(each)
            scores[each.subject] = each.score
    return scores

"""Footage in, a model and a calibration out; each part is scored by a model of the others."""

import numpy as np
import pytest

from lab.normal.learning import Learned, folds_of, learn, thinned
from lab.normal.suspicion import distinct, suspicion
from pipeline.errors import UsageError
from stages.alert.geometry import shared
from stages.alert.normal.scorer import Suspect
from stages.alert.rule import WHOLE_SCENE
from tests.lab.normal.conftest import DETECTOR, Filming


def test_it_says_what_it_was_learned_from(learned: Learned) -> None:
    footage = learned.footage
    assert (footage.clips, footage.frames, footage.fps) == (3, 900, 5.0)
    assert footage.seconds == 180.0
    assert footage.tracks > 20
    assert learned.model.detector == DETECTOR
    assert learned.calibration.seconds == 180.0
    assert len(learned.calibration.maxima) == 18


def test_the_same_footage_teaches_the_same_and_other_footage_other(filming: Filming, learned: Learned) -> None:
    again = learn([filming(60, seed) for seed in (1, 2, 3)], names=["person"], detector=DETECTOR)
    assert again.footage == learned.footage
    assert again.calibration.threshold(100) == learned.calibration.threshold(100)
    assert learn([filming(60, 4)]).footage.digest != learn([filming(60, 5)]).footage.digest


def test_a_part_is_not_scored_by_a_model_that_saw_it(filming: Filming) -> None:
    """One clip shows what the others never do: held apart, it is most unusual, and calibration knows it."""
    fast = filming(30, 9)
    for frame in fast:
        assert frame.flow is not None
        frame.flow.speed[:] *= 20
    clips = [*(filming(40, seed) for seed in range(4)), fast]
    got = learn(clips)
    inside = suspicion(got.model, fast).score.max()
    assert got.calibration.maxima[-1] > inside + 5


def test_long_clips_are_cut_and_short_ones_put_together(filming: Filming) -> None:
    assert [len(fold) for fold in folds_of([filming(600)])] == [1] * 10
    assert [len(fold) for fold in folds_of([filming(5, seed) for seed in range(40)])] == [10] * 4


def test_no_frame_is_lost_or_doubled_by_the_cut(filming: Filming) -> None:
    clips = [filming(97, 1), filming(13, 2), filming(41, 3)]
    parts = [frame for fold in folds_of(clips) for clip in fold for frame in clip]
    assert parts == [frame for clip in clips for frame in clip]


def test_of_very_many_frames_every_k_th_stretch_is_learned_from(filming: Filming) -> None:
    clips = [filming(120, 1), filming(130, 2)]
    assert thinned(clips) == clips
    assert [(len(clip), clip[0].index) for clip in thinned(clips, 700)] == [(300, 0), (300, 0), (50, 600)]


def test_less_than_a_minute_is_refused(filming: Filming) -> None:
    with pytest.raises(UsageError, match="59 s of normal footage; at least 60 s are needed to learn from"):
        learn([filming(59)])
    with pytest.raises(UsageError, match="0 s of normal footage"):
        learn([])


def test_every_frame_counts_even_when_nobody_is_there(filming: Filming, learned: Learned) -> None:
    clip = filming(30)
    rows = suspicion(learned.model, clip)
    assert np.unique(rows.media_ns).tolist() == [frame.media_ns for frame in clip]
    assert rows.subject is not None
    assert (rows.subject == WHOLE_SCENE).sum() == len(clip)


def test_of_boxes_on_one_another_the_more_unusual_counts() -> None:
    rider = Suspect(1, 7.0, (0.4, 0.2, 0.5, 0.6), None, None)
    bicycle = Suspect(2, 9.0, (0.4, 0.4, 0.5, 0.7), None, None)
    other = Suspect(3, 1.0, (0.8, 0.2, 0.9, 0.6), None, None)
    assert distinct([rider, bicycle, other]) == {1: 0.0, 2: 9.0, 3: 1.0}
    assert shared((0, 0, 1, 1), (0, 0, 0.5, 0.5)) == 1.0
    assert shared((0, 0, 0.1, 0.1), (0.5, 0.5, 1, 1)) == 0.0

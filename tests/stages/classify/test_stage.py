"""From samples to answers: windows wait for their samples, and a successor goes on where it was."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.messages import Answer, Wish
from pipeline.stage import Look, Picture
from stages.classify.colour import ColourClassifier, ColourOptions
from stages.classify.stage import AttributeStage, BehaviourStage, classify_stage

Floats = npt.NDArray[np.float32]


class Brightness:
    """A behaviour: whether it gets lighter within the window."""

    model = {"name": "brightness", "sha256": ""}  # noqa: RUF012
    names = ("darker", "lighter")
    frames = 3
    fps = 5.0
    scope = "track"
    width = 2
    needs_previous = False

    def embed(self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None) -> Floats:
        if any(crop.max() == 255 for crop in crops):
            raise ValueError("blinded")
        return np.array([[crop.mean(), 1] for crop in crops], np.float32).reshape(-1, 2)

    def judge(self, windows: Floats) -> Floats:
        rises = (windows[:, -1, 0] > windows[:, 0, 0]).astype(np.float32)
        return np.stack([1 - rises, rises], axis=1)


def look(index: int, *, window: Sequence[int] = (), light: int | None = None, track: int = 1) -> Look:
    wish = Wish("gate", index, track, "light", (0, 0, 4, 4), 0, window=list(window))
    return Look(wish, np.full((4, 4, 3), index if light is None else light, np.uint8))


def told(answers: list[Answer]) -> dict[int, dict[str, float]]:
    return {answer.index: answer.scores for answer in answers}


LIGHTER = {"darker": 0.0, "lighter": 1.0}


def test_a_classifier_of_crops_answers_each_wish_at_once() -> None:
    stage = classify_stage(ColourClassifier(ColourOptions()), live=False)
    assert isinstance(stage, AttributeStage)
    (answer,) = stage.process([look(5, light=0)])
    assert answer.key == (5, 1, "light")
    assert answer.scores["black"] == 1.0
    assert stage.frames == 0


def test_a_window_is_judged_when_its_last_sample_has_come() -> None:
    stage = classify_stage(Brightness(), live=False)
    assert isinstance(stage, BehaviourStage)
    assert told(stage.process([look(0), look(2)])) == {0: {}, 2: {}}
    assert told(stage.process([look(4, window=[0, 2, 4])])) == {4: LIGHTER}


def test_samples_that_come_in_another_order_give_the_same_answers() -> None:
    stage = BehaviourStage(Brightness(), live=False)
    assert stage.process([look(4, window=[0, 2, 4])]) == []
    assert told(stage.process([look(6, window=[2, 4, 6])])) == {}
    assert told(stage.process([look(2)])) == {2: {}, 6: LIGHTER}
    assert told(stage.process([look(0)])) == {0: {}, 4: LIGHTER}


def test_tracks_do_not_mix() -> None:
    stage = BehaviourStage(Brightness(), live=False)
    stage.process([look(0), look(2, track=2)])
    assert stage.process([look(4, window=[0, 2, 4])]) == []


def test_a_successor_that_remembers_the_answers_goes_on_as_if_nothing_had_happened() -> None:
    windows = {index: [index - 4, index - 2, index] if index >= 4 else [] for index in range(0, 40, 2)}
    whole = BehaviourStage(Brightness(), live=False)
    expected = [answer for index, window in windows.items() for answer in whole.process([look(index, window=window)])]
    found: list[Answer] = []
    for index, window in windows.items():
        successor = BehaviourStage(Brightness(), live=False)
        for answer in found:
            successor.remember(answer)
        found += successor.process([look(index, window=window)])
    assert found == expected


def test_live_a_missing_sample_is_taken_to_be_as_the_one_before_it() -> None:
    class Four(Brightness):
        frames = 4

    stage = BehaviourStage(Four(), live=True)
    stage.process([look(0), look(4)])
    assert told(stage.process([look(6, window=[0, 2, 4, 6])])) == {6: LIGHTER}
    assert told(stage.process([look(14, window=[8, 10, 12, 14])])) == {14: {}}, "too much is missing"


def test_a_sample_that_cannot_be_described_does_not_hold_up_its_windows() -> None:
    class Four(Brightness):
        frames = 4

    stage = BehaviourStage(Four(), live=False)
    stage.process([look(0), look(2)])
    with pytest.raises(ValueError, match="blinded"):
        stage.process([look(4, light=255)])
    stage.remember(Answer(4, 1, "light", {}, "blinded"))
    assert told(stage.process([look(6, window=[0, 2, 4, 6])])) == {6: LIGHTER}


def test_memory_does_not_grow_without_end() -> None:
    stage = BehaviourStage(Brightness(), live=True)
    for index in range(1000):
        stage.process([look(index, light=1)])
    assert len(stage._samples[1]) <= 3 * Brightness.frames


def test_a_model_that_gives_another_number_of_rows_is_found_out() -> None:
    class Wrong(Brightness):
        def embed(self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None) -> Floats:
            return np.zeros((1, 2), np.float32)

    with pytest.raises(ValueError, match=r"Wrong gave an array of \(1, 2\) where \(2, 2\)"):
        BehaviourStage(Wrong(), live=False).process([look(0), look(1)])


class Change(Brightness):
    """Looks at how much lighter a sample is than the one before."""

    needs_previous = True

    def embed(self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None) -> Floats:
        assert previous is not None
        rises = [0.0 if old is None else new.mean() - old.mean() for new, old in zip(crops, previous, strict=True)]
        return np.array([[rise, 1] for rise in rises], np.float32)


def after(index: int, before: int) -> Look:
    found = look(index)
    return Look(msgspec.structs.replace(found.wish, before=before), found.pixels)


def test_the_sample_before_is_shown_to_a_model_that_looks_at_it() -> None:
    stage = BehaviourStage(Change(), live=False)
    answers = stage.process([look(0), after(2, 0), after(6, 2)])
    assert [np.frombuffer(answer.features, np.float32)[0] for answer in answers] == [0, 2, 4]


def test_a_successor_says_which_pixels_it_lacks_until_they_are_shown() -> None:
    successor = BehaviourStage(Change(), live=False)
    assert successor.lacks(after(6, 2).wish)
    assert not successor.lacks(look(6).wish), "the first sample has none before it"
    successor.show(look(2))
    assert not successor.lacks(after(6, 2).wish)
    (answer,) = successor.process([after(6, 2)])
    assert np.frombuffer(answer.features, np.float32)[0] == 4


def test_live_nothing_is_taken_to_have_moved_where_the_sample_before_is_unknown() -> None:
    stage = BehaviourStage(Change(), live=True)
    assert not stage.lacks(after(6, 2).wish)
    (answer,) = stage.process([after(6, 2)])
    assert np.frombuffer(answer.features, np.float32)[0] == 0

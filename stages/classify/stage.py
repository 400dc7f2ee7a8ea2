"""From a model to the answers that a camera's wishes get: one crop at a time, or a window of samples."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.messages import Answer, Wish, WishKey
from pipeline.stage import BehaviourModel, Classify, CropClassifier, Look, Picture

Floats = npt.NDArray[np.float32]

KEPT = 3
"""Windows' worth of samples that are remembered of each track."""
PICTURES = 8
"""Pictures of a track that are kept for the samples after them."""
FILLED = 0.25
"""Share of a live window that may be missing; what is missing is taken to be as the sample before it."""


def classify_stage(model: CropClassifier | BehaviourModel, *, live: bool) -> Classify:
    """The stage for one camera. One that is ``live`` does not wait for samples that may never come."""
    return AttributeStage(model) if isinstance(model, CropClassifier) else BehaviourStage(model, live=live)


class AttributeStage:
    """Fulfils ``Classify`` with a classifier of single crops."""

    frames = 0
    fps = 0.0
    scene = False

    def __init__(self, classifier: CropClassifier) -> None:
        self._classifier = classifier
        self.model = classifier.model
        self.names = list(classifier.names)
        self.margin = float(getattr(classifier, "margin", 0.0))
        self.engine = str(getattr(classifier, "engine", ""))

    def lacks(self, wish: Wish) -> bool:
        """Never: each crop stands for itself."""
        return False

    def show(self, look: Look) -> None:
        """Nothing: each crop stands for itself."""

    def process(self, batch: Sequence[Look]) -> list[Answer]:
        """One answer to each wish."""
        scores = self._classifier.process([look.pixels for look in batch])
        _check(scores, (len(batch), len(self.names)), type(self._classifier).__name__)
        return [_answer(look.wish, named(self.names, row)) for look, row in zip(batch, scores, strict=True)]

    def remember(self, answer: Answer) -> None:
        """Nothing: each crop stands for itself."""


class BehaviourStage:
    """Fulfils ``Classify`` with a model of windows. What it knows of the samples lies in its answers, so that a
    successor that remembers them goes on as if nothing had happened."""

    def __init__(self, model: BehaviourModel, *, live: bool) -> None:
        self._model = model
        self._live = live
        self.model = model.model
        self.names = list(model.names)
        self.frames = model.frames
        self.fps = model.fps
        self.scene = model.scope == "scene"
        self.margin = float(getattr(model, "margin", 0.0))
        self.engine = str(getattr(model, "engine", ""))
        self._pixels: dict[int, dict[int, Picture]] = {}
        """Of the last samples, by track and frame, where the model looks at the one before."""
        self._samples: dict[int, dict[int, Floats | None]] = {}
        """By track and frame; None where the sample could not be described."""
        self._order: dict[int, deque[int]] = {}
        self._waiting: dict[WishKey, Wish] = {}

    def lacks(self, wish: Wish) -> bool:
        """Whether the model looks at the sample before this one, and it is not known."""
        known = self._pixels.get(wish.track_id, {})
        return self._model.needs_previous and not self._live and wish.before >= 0 and wish.before not in known

    def show(self, look: Look) -> None:
        """Keep the pixels of the last samples of a track."""
        if self._model.needs_previous:
            known = self._pixels.setdefault(look.wish.track_id, {})
            known[look.wish.index] = look.pixels
            for index in sorted(known)[:-PICTURES]:
                del known[index]

    def process(self, batch: Sequence[Look]) -> list[Answer]:
        """Describe these samples; judge every window that is complete now."""
        previous = []
        for look in batch:
            self.show(look)
            previous.append(self._pixels.get(look.wish.track_id, {}).get(look.wish.before))
        rows = self._model.embed([look.pixels for look in batch], previous)
        _check(rows, (len(batch), self._model.width), type(self._model).__name__)
        for look, row in zip(batch, rows, strict=True):
            self._keep(look.wish.track_id, look.wish.index, np.ascontiguousarray(row))
            self._waiting[look.wish.key] = look.wish
        ready = [wish for wish in self._waiting.values() if self._is_ready(wish)]
        windows = {wish.key: window for wish in ready if (window := self._window(wish)) is not None}
        try:
            scores = self._judge(list(windows.values()))
        except Exception:
            for look in batch:  # the caller asks again, one by one
                self._waiting.pop(look.wish.key, None)
            raise
        judged = dict(zip(windows, scores, strict=True))
        for wish in ready:
            del self._waiting[wish.key]
        return [self._told(wish, judged.get(wish.key)) for wish in ready]

    def remember(self, answer: Answer) -> None:
        """Take its sample for known."""
        features = np.frombuffer(answer.features, np.float32) if answer.features else None
        self._keep(answer.track_id, answer.index, features)

    def _keep(self, track_id: int, index: int, features: Floats | None) -> None:
        samples = self._samples.setdefault(track_id, {})
        order = self._order.setdefault(track_id, deque())
        if index not in samples:
            order.append(index)
        samples[index] = features
        while len(order) > KEPT * self.frames:
            del samples[order.popleft()]

    def _is_ready(self, wish: Wish) -> bool:
        return self._live or all(index in self._samples[wish.track_id] for index in wish.window)

    def _window(self, wish: Wish) -> Floats | None:
        """float32 (frames, width), or None where there is none yet or too much of it is missing."""
        samples = [self._samples[wish.track_id].get(index) for index in wish.window]
        missing = sum(sample is None for sample in samples)
        if not samples or missing > FILLED * len(samples):
            return None
        before = next(sample for sample in samples if sample is not None)
        filled = []
        for sample in samples:
            before = before if sample is None else sample
            filled.append(before)
        return np.stack(filled)

    def _judge(self, windows: list[Floats]) -> Floats:
        if not windows:
            return np.zeros((0, len(self.names)), np.float32)
        scores = self._model.judge(np.stack(windows))
        _check(scores, (len(windows), len(self.names)), type(self._model).__name__)
        return scores

    def _told(self, wish: Wish, scores: Floats | None) -> Answer:
        features = self._samples[wish.track_id].get(wish.index)
        packed = b"" if features is None else features.astype(np.float32).tobytes()
        if scores is not None:
            return _answer(wish, named(self.names, scores), features=packed)
        return _answer(wish, {}, features=packed, reason="window not full")


def named(names: Sequence[str], scores: Floats) -> dict[str, float]:
    """Probabilities by name, rounded to a millionth so that they print the same everywhere."""
    return {name: round(float(score), 6) for name, score in zip(names, scores, strict=True)}


def _answer(wish: Wish, scores: dict[str, float], *, features: bytes = b"", reason: str = "") -> Answer:
    return Answer(wish.index, wish.track_id, wish.classifier, scores, reason, features)


def _check(array: Floats, shape: tuple[int, int], kind: str) -> None:
    if array.shape != shape:
        raise ValueError(f"{kind} gave an array of {array.shape} where {shape} was asked for")

"""A model before and after compression, on the same labelled pictures and the same machine: size, time, accuracy."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lab.compress.delivery import size_of
from lab.compress.gate import Verdict, judge
from lab.compress.latency import Latency, compare
from lab.statistics import FloatArray

if TYPE_CHECKING:
    from lab.evaluate.observation import Observation
    from lab.evaluate.truth import Truth
    from lab.train.classify.crops import Crop
    from stages.classify.classifier import CropClassifier

FLOOR = 0.001
"""Boxes at or below this confidence are dropped: average precision wants the whole curve."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is allowed, and how it is measured. ``block``: neighbours of one camera drawn together."""

    tolerance: float
    rounds: int = 1000
    block: int = 1
    seed: int = 0
    turns: int = 40
    """How often each of the two is timed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What compression did to a model. Sizes are bytes of the files, (before, after)."""

    verdict: Verdict
    latency: Latency
    size: tuple[int, int]

    def facts(self) -> dict[str, Any]:
        """For ``run.json``."""
        found = asdict(self.verdict) | {"decision": self.verdict.decision, "missing": self.verdict.missing_units}
        return {"verdict": found, "latency": asdict(self.latency), "size_bytes": list(self.size)}

    def table(self) -> str:
        """Lines for people."""
        verdict, latency = self.verdict, self.latency
        size = [f"{bytes_ / 1e6:.2f} MB" for bytes_ in self.size]
        rows = [
            ("", "before", "after", ""),
            ("size", size[0], size[1], f"x {self.size[1] / self.size[0]:.2f}"),
            ("latency", f"{latency.before_ms:.1f} ms", f"{latency.after_ms:.1f} ms", f"x {latency.ratio:.2f}"),
            (verdict.measure, str(verdict.before), str(verdict.after), f"falls by {verdict.loss}"),
        ]
        return "\n".join(f"{name:<12}{before:<24}{after:<24}{change}".rstrip() for name, before, after, change in rows)


class Proof(Protocol):
    """Compares a model with others that were made of it."""

    def weigh(self, after: Path) -> Outcome:
        """Size, time and accuracy of ``after`` beside those of the original."""
        ...


class DetectorProof:
    """Detectors, as they are deployed: mAP50-95 over the pictures of ``truth``, bootstrapped over pictures or blocks.

    ``options`` go to the detector (``stages.detect.options``). Raises ``UsageError`` if ``truth`` and the model share
    no class or it makes too few blocks, ``CannotStart`` for a model that cannot be used.
    """

    def __init__(
        self, before: Path, truth: "Truth", terms: Terms, *, mapping: dict[str, tuple[str, ...]], **options: Any
    ) -> None:
        from lab.evaluate.stretches import stretches

        self._model, self._truth, self._terms = before, truth, terms
        self._mapping, self._options = mapping, options
        self._stretch = stretches(truth.images, terms.block)

    def weigh(self, after: Path) -> Outcome:
        """See ``Proof``."""
        from lab.evaluate.stretches import of_stretches

        first, second = self._before.scores, self._observe(after, "after").scores

        def measures(weights: FloatArray) -> FloatArray:
            from lab.evaluate.figures import mean_of_known

            pair = [mean_of_known(scores.average_precisions(weights).mean(axis=2)) for scores in (first, second)]
            return np.column_stack(pair)

        terms = self._terms
        verdict = judge(
            of_stretches(measures, self._stretch),
            int(self._stretch.max()) + 1,
            measure="mAP50-95",
            tolerance=terms.tolerance,
            unit="picture" if terms.block == 1 else "block",
            rounds=terms.rounds,
            seed=terms.seed,
        )
        return Outcome(verdict, self._time(after), (size_of(self._model), size_of(after)))

    @cached_property
    def _before(self) -> "Observation":
        return self._observe(self._model, "before")

    def _observe(self, model: Path, what: str) -> "Observation":
        from lab.detector import open_detector
        from lab.evaluate.observation import observe
        from lab.evaluate.vocabulary import match_names

        detector = open_detector(model, confidence=FLOOR, **self._options)
        vocabulary = match_names(detector.names, self._truth.names, mapping=self._mapping)
        return observe(detector, self._truth, vocabulary, what=f"measuring {what}")

    def _time(self, after: Path) -> Latency:
        from lab.detector import open_detector, read_picture, view

        few = [view(read_picture(image.path)) for image in self._truth.images[:8]]
        first, second = (open_detector(model, **self._options) for model in (self._model, after))
        for each in few:  # a graph is compiled once for each size of picture
            first.process([each])
            second.process([each])
        return compare(
            lambda turn: first.process([few[turn % len(few)]]),
            lambda turn: second.process([few[turn % len(few)]]),
            turns=self._terms.turns,
        )


class ClassifierProof:
    """Classifiers of crops, as they are deployed: share of crops named rightly, bootstrapped over recordings.

    ``crops`` are labelled by the names of their folders. Raises ``UsageError`` for a class that the model has not.
    """

    def __init__(self, before: Path, crops: "tuple[Crop, ...]", terms: Terms) -> None:
        from lab.detector import read_picture

        self._model, self._crops, self._terms = before, crops, terms
        self._pictures = [read_picture(crop.path) for crop in crops]

    def weigh(self, after: Path) -> Outcome:
        """See ``Proof``."""
        from lab.evaluate.classify import Answers

        first, second = (_open(model) for model in (self._model, after))
        labels = _labels(first.names, self._crops)
        both = [
            Answers(
                first.names,
                labels,
                model.process(self._pictures),
                tuple(crop.group for crop in self._crops),
                tuple(str(crop.path) for crop in self._crops),
            )
            for model in (first, second)
        ]
        units = both[0].units
        count = int(units.max()) + 1
        right = np.stack([np.bincount(units, each.said == each.labels, count) for each in both], axis=1)
        many = np.bincount(units, minlength=count).astype(np.float64)
        terms = self._terms
        verdict = judge(
            lambda weights: (weights @ right) / np.maximum(weights @ many, 1e-12)[:, None],
            count,
            measure="accuracy",
            tolerance=terms.tolerance,
            unit=both[0].unit,
            rounds=terms.rounds,
            seed=terms.seed,
        )
        few = self._pictures[:8]
        latency = compare(lambda _: first.process(few), lambda _: second.process(few), turns=terms.turns)
        return Outcome(verdict, latency, (size_of(self._model), size_of(after)))


def _open(model: Path) -> "CropClassifier":
    from stages.classify.classifier import CropClassifier

    return CropClassifier(CropClassifier.Options(model=model))


def _labels(names: tuple[str, ...], crops: "tuple[Crop, ...]") -> Any:
    from pipeline.errors import UsageError

    unknown = sorted({crop.name for crop in crops} - set(names))
    if unknown:
        raise UsageError(f"--data: the classifier has no class {', '.join(unknown)}; it has {', '.join(names)}")
    return np.array([names.index(crop.name) for crop in crops], np.int64)

"""The measurements of ``bartizan bench detect``, contender by contender and turn by turn."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.bench.agreement import agreement
from lab.bench.contenders import Contender
from lab.bench.stopwatch import Times, race
from lab.detector import view
from pipeline.detections import Detections
from pipeline.errors import BartizanError, CannotStart
from pipeline.stage import Picture, View

if TYPE_CHECKING:
    from lab.evaluate.truth import Truth
    from stages.detect.yolo import YoloDetector

logger = logging.getLogger(__name__)

FLOOR = 0.1
"""Boxes are picked above this, as a pipeline's are by default."""


@dataclass(slots=True)
class Result:
    """What came out for one contender."""

    contender: Contender
    fault: str | None = None
    """Why it could not be tried."""
    engine: str = ""
    alone: Times | None = None
    """One picture from beginning to end."""
    curve: dict[int, float] = field(default_factory=dict)
    """Pictures a second by batch, with as many under way as the engine takes."""
    agreement: float | None = None
    average_precision: float | None = None

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        one = self.contender
        return {
            "model": one.model.name,
            "device": one.device,
            "runtime": one.runtime,
            "precision": one.precision,
            "engine": self.engine,
            "fault": self.fault,
            "alone": self.alone.facts() if self.alone else None,
            "frames_per_s_by_batch": {str(batch): rate for batch, rate in self.curve.items()},
            "agreement": self.agreement,
            "mAP50-95": self.average_precision,
        }


Step = Callable[[str], None]
"""Told what is done next."""


def names_of(contenders: Sequence[Contender], options: dict[str, Any]) -> list[str]:
    """The classes of the first that can start. Raises ``CannotStart`` if none can."""
    faults = []
    for contender in contenders:
        try:
            return contender.open(batch=1, **options).names
        except CannotStart as error:
            faults.append(str(error))
    raise CannotStart(f"none of {len(faults)} engines can start; the first one: {faults[0]}")


def latency(
    results: Sequence[Result], pictures: Sequence[Picture], options: dict[str, Any], *, turns: int, step: Step
) -> None:
    """Time one picture at a time, all contenders in turn, and compare what they find with the first float32 one.

    A contender that cannot start gets its fault, and the others go on.
    """
    frames = [view(picture, number) for number, picture in enumerate(pictures)]
    running: list[tuple[Result, YoloDetector]] = []
    for result in results:
        step(f"starting {result.contender.label}")
        detector = _try(result, {**options, "batch": 1})
        if detector is not None:
            result.engine = detector.engine
            running.append((result, detector))
    found = [_first_look(detector, frames) for _, detector in running]
    step(f"timing {len(running)} engines, {turns} turns")
    times = race([_one_by_one(detector, frames) for _, detector in running], turns=turns)
    exact = (number for number, (result, _) in enumerate(running) if result.contender.precision == "f32")
    reference = next(exact, 0)
    for number, ((result, _), taken, boxes) in enumerate(zip(running, times, found, strict=True)):
        result.alone = taken
        result.agreement = None if number == reference else agreement(boxes, found[reference])


def throughput(
    results: Sequence[Result], pictures: Sequence[Picture], options: dict[str, Any], batches: Sequence[int], step: Step
) -> None:
    """Pictures a second with each batch, best of four rounds: what else the machine does only slows one down.

    Engines that take one at a time get batch 1 only.
    """
    for result in results:
        if result.fault:
            continue
        for batch in batches if result.contender.runtime != "openvino" else (1,):
            step(f"{result.contender.label}, batch {batch}")
            detector = _try(result, {**options, "batch": batch})
            if detector is None:
                break
            frames = [view(pictures[number % len(pictures)], number) for number in range(max(24, 8 * batch))]
            (taken,) = race([_all_at_once(detector, frames)], turns=4, warm_up=1)
            result.curve[batch] = round(1e3 * len(frames) / taken.best_ms, 1)


def precision(results: Sequence[Result], truth: "Truth", options: dict[str, Any], step: Step) -> None:
    """mAP50-95 over the classes that model and truth share. Raises ``UsageError`` if they share none."""
    from lab.evaluate.observation import observe
    from lab.evaluate.vocabulary import match_names

    for result in results:
        if result.fault:
            continue
        step(f"accuracy of {result.contender.label}")
        detector = result.contender.open(confidence=0.001, batch=1, **options)
        vocabulary = match_names(detector.names, truth.names, mapping={})
        seen = observe(detector, truth, vocabulary, what=result.contender.label)
        result.average_precision = seen.scores.mean_average_precision()


def _try(result: Result, options: dict[str, Any]) -> "YoloDetector | None":
    try:
        return result.contender.open(confidence=FLOOR, **options)
    except BartizanError as error:
        result.fault = str(error)
        return None


def _first_look(detector: "YoloDetector", frames: list[View]) -> list[Detections]:
    """Also warms up: graphs are compiled once for each size of picture."""
    return [detector.process([frame])[0] for frame in frames]


def _one_by_one(detector: "YoloDetector", frames: list[View]) -> Callable[[int], object]:
    return lambda turn: detector.process([frames[turn % len(frames)]])


def _all_at_once(detector: "YoloDetector", frames: list[View]) -> Callable[[int], object]:
    return lambda _: detector.process(frames)

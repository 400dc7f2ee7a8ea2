"""``normal_drift``: the camera no longer scores as it did when its model of normal was calibrated."""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from pydantic import Field

from stages.alert.normal.calibration import BLOCK_S
from stages.alert.normal.counting import GAP_S
from stages.alert.normal.drift import LARGE, PARTS, SETTLED, drift, tenths
from stages.alert.normal.observed import observe_scene
from stages.alert.normal.scorer import Scorer, Trail
from stages.alert.normal.taught import Lesson, Taught, TaughtOptions
from stages.alert.options import Severity, nanoseconds
from stages.alert.rule import WHOLE_SCENE, Claim, News
from stages.alert.scene import Scene

SLICES = 12
"""The hours are forgotten in so many pieces, one after the other; each when the next of its time of day has come."""
MOST_MISSING = 3
"""So many may be of a time at which the camera is always off; before that is known nothing is said."""
BLOCK_NS, GAP_NS = nanoseconds(BLOCK_S), nanoseconds(GAP_S)


class NormalDriftOptions(TaughtOptions):
    """Options of ``normal_drift``."""

    rule: Literal["normal_drift"] = "normal_drift"
    hours: float = Field(
        default=24.0,
        ge=0.5,
        le=336,
        description="How much of the past is compared with the calibration. Nights differ from days: give whole days, "
        "unless the calibration is of part of one.",
    )
    stability: float = Field(
        default=LARGE,
        ge=SETTLED,
        le=10,
        description="Least population stability index, by tenths of the calibration. The usual reading: below 0.1 no "
        "shift, above 0.25 a large one.",
    )
    severity: Severity = Field(default="low", description="How much it matters.")
    update_s: float = Field(
        default=0.0, ge=0, le=86400, description="An open event sends an update this often; 0: never."
    )

    @property
    def needs(self) -> frozenset[str]:
        """Motion."""
        return frozenset({"flow"})

    @property
    def of_objects(self) -> bool:
        """It is about the whole picture."""
        return False


class Slice(msgspec.Struct, array_like=True):
    """A piece of the past."""

    number: int
    counts: list[float]
    """Blocks by the highest score in them: of the calibration's first tenth, of its second, ..."""


class Past(msgspec.Struct):
    """What is remembered of a camera, all of it under ``WHOLE_SCENE``."""

    trails: dict[int, Trail] = {}
    """The scorer's."""
    last_ns: int = -1
    """Media time of the frame before."""
    observed_ns: int = 0
    """How much of the block of 10 s under way has been observed, as the calibration counts it."""
    highest: float = 0.0
    """The highest score in it."""
    slices: list[Slice] = []
    """Oldest first, each by the tenths of the calibration that was in use then."""
    since: int = -1
    """Number of the first slice ever."""
    found: dict[str, Any] = {}
    """While it has drifted: what was found at the end of the last block, as facts of the claim."""


class NormalDrift:
    """Fires when the scores of the last hours are others than those of the calibration; it ends when they are not.

    Another generation ends nothing by itself: from then on scores are held against its calibration. Raises
    ``CannotStart`` for a model of normal that is missing, damaged or foreign.
    """

    Options: ClassVar[type[NormalDriftOptions]] = NormalDriftOptions
    Memory: ClassVar[type[Past]] = Past
    momentary: ClassVar[bool] = False

    def __init__(self, options: NormalDriftOptions) -> None:
        self.options = options
        self._taught = Taught(options)
        self._slice_ns = nanoseconds(options.hours * 3600 / SLICES)

    def meet(self, camera: str, detector: str) -> None:
        """Raise ``CannotStart`` if the model was learned from the boxes of another detector."""
        self._taught.meet(camera, detector)

    def heed(self, camera: str, news: News) -> str:
        """As ``FollowingRule``: whether the generation was learned from the boxes of this detector."""
        if fault := self._taught.heed(camera, news):
            return fault
        if news.value != news.before:
            self._taught.tell(camera, self.options.title, news, "armed")
        return ""

    def look(self, scene: Scene, memory: dict[int, Past]) -> list[Claim]:
        """One claim about the whole scene, or none. Frames count by the highest score in them, blocks by that of their
        frames."""
        lesson = self._taught.lesson(scene.followed)
        if lesson is None:
            memory.pop(WHOLE_SCENE, None)
            return []
        past = memory.get(WHOLE_SCENE)
        if past is None:
            past = memory[WHOLE_SCENE] = Past()
        now = scene.frame.media_ns
        past.observed_ns += min(now - past.last_ns, GAP_NS) if past.last_ns >= 0 else 0
        past.last_ns = now
        if past.observed_ns >= BLOCK_NS:
            self._close(past, scene, lesson)
            past.observed_ns, past.highest = past.observed_ns % BLOCK_NS, 0.0
        found = Scorer(lesson.model, past.trails).score(observe_scene(scene)).suspects
        past.highest = max([past.highest, *(each.score for each in found)])
        return [self._claim(past.found)] if past.found else []

    def describe(self, who: str, claim: Claim) -> str:
        """``the scene is not as its model of normal knows it: ...; learn again: bartizan learn RESULTS ...``."""
        facts = claim.facts
        which = "higher" if facts["louder"] else "lower"
        return (
            f"{who} is no longer as its model of normal knows it: the scores of the last {facts['hours']:g} h are "
            f"{which} than those it was calibrated on (stability index {claim.value:.2f}, at least "
            f"{claim.threshold:g}); learn again: bartizan learn RESULTS --camera {facts['camera']} --out DIR, which is "
            f"the folder {facts['folder']!r} of this rule"
        )

    def region(self) -> dict[str, Any]:
        """None: the whole picture."""
        return {}

    def _close(self, past: Past, scene: Scene, lesson: Lesson) -> None:
        """A block is over: count it, forget what is too old, and compare."""
        for subject in [each for each in past.trails if each > WHOLE_SCENE and each not in scene.sightings]:
            del past.trails[subject]
        number = scene.frame.media_ns // self._slice_ns
        past.since = number if past.since < 0 else past.since
        if not past.slices or past.slices[-1].number != number:
            past.slices.append(Slice(number, [0.0] * PARTS))
        (share,) = tenths(lesson.calibration, np.array([past.highest])).tolist()
        counts = past.slices[-1].counts
        past.slices[-1].counts = [one + other for one, other in zip(counts, share, strict=True)]
        latest = {each.number % SLICES: each for each in past.slices if each.number > number - 2 * SLICES}
        past.slices = [each for each in past.slices if latest.get(each.number % SLICES) is each]
        past.found = self._compare(past, scene, lesson)

    def _compare(self, past: Past, scene: Scene, lesson: Lesson) -> dict[str, Any]:
        recent = np.sum([each.counts for each in past.slices], axis=0)
        blocks = round(float(recent.sum()))
        if not _is_whole(past):
            return past.found
        found = drift(lesson.calibration, recent)
        least = SETTLED if past.found else self.options.stability
        # What has been found stays until little is left of it: chance alone, near its bound, would come and go.
        if found is None or not (found.stability >= least if past.found else found.recalibrate(least)):
            return {}
        return {
            "stability": round(found.stability, 6),
            "least": least,
            "distance": round(found.distance, 6),
            "p": found.p,
            "louder": found.louder,
            "hours": self.options.hours,
            "blocks": blocks,
            "calibrated_blocks": len(lesson.calibration.maxima),
            "shares": [round(each / blocks, 4) for each in recent.tolist()],
            "camera": scene.frame.camera,
            "folder": self._taught.name,
            "normal": lesson.facts,
        }

    @staticmethod
    def _claim(found: dict[str, Any]) -> Claim:
        facts = {name: value for name, value in found.items() if name not in ("stability", "least")}
        return Claim(
            WHOLE_SCENE, "stability_index", found["stability"], found["least"], facts=facts, option="stability"
        )


def _is_whole(past: Past) -> bool:
    """Half a day is no day: the other half may be night. What was not seen in two days is no part of the camera's."""
    seen, missing = past.slices[-1].number - past.since + 1, SLICES - len(past.slices)
    return seen >= SLICES and (not missing or (seen >= 2 * SLICES and missing <= MOST_MISSING))

"""``anomaly``: something is as it hardly ever was in the camera's normal footage."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.geometry import Area, shared
from stages.alert.normal.features import OBJECT
from stages.alert.normal.observed import observe_scene
from stages.alert.normal.reasons import reasons
from stages.alert.normal.scorer import Scorer, Suspect, Trail
from stages.alert.normal.taught import NormalFolder, Taught
from stages.alert.options import nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene, anchor_points
from stages.alert.zoned import AreaOptions

log = logging.getLogger(__name__)

ODD = 0.05
"""A feature that so few normal sightings reach is named in the sentence of an event."""
_WORDS = {"window": "movement", "class": "kind"}
SAME = 0.5
"""Of two boxes that share this much of the smaller one, one claim is enough: a rider and the bicycle."""


class AnomalyOptions(AreaOptions):
    """Options of ``anomaly``."""

    rule: Literal["anomaly"] = "anomaly"
    normal: NormalFolder = Field(description="Folder of the camera's model of normal, as `bartizan learn` makes it.")
    false_alarms_per_day: float = Field(
        default=2.0,
        gt=0,
        le=100_000,
        description="How many alarms a day you accept from a camera where nothing unusual happens.",
    )
    threshold: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Least score instead: a sum of -ln p. Then false_alarms_per_day does not count.",
    )
    mode: Literal["armed", "shadow"] = Field(
        default="armed", description="`armed`: raises events. `shadow`: only logs what it would have raised."
    )
    min_confidence: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The median of the object's last confidences must reach this for an event to start. What is "
        "unusual is often hard to name.",
    )
    min_age_s: float = Field(
        default=0.0, ge=0, le=3600, description="An object must have been known this long for an event to start."
    )

    @property
    def needs(self) -> frozenset[str]:
        """Motion."""
        return frozenset({"flow"})


class Anomaly:
    """Fires when something in the zone has been as unusual as the threshold says for ``enter_inertia_s``.

    Raises ``CannotStart`` for a model of normal that is missing, damaged or foreign.
    """

    Options: ClassVar[type[AnomalyOptions]] = AnomalyOptions
    Memory: ClassVar[type[Trail]] = Trail
    momentary: ClassVar[bool] = False

    def __init__(self, options: AnomalyOptions) -> None:
        self.options = options
        self._taught = Taught(options.normal)
        budget = options.false_alarms_per_day
        self._threshold = float(options.threshold or self._taught.calibration.threshold(budget))
        self._enter_ns = nanoseconds(options.enter_inertia_s)
        self._area = Area(options.zone, margin=options.margin)

    @property
    def threshold(self) -> float:
        """Least score of an event: what was asked for, or what the number of false alarms makes it."""
        return self._threshold

    def meet(self, camera: str, detector: str) -> None:
        """Raise ``CannotStart`` if the model was learned from the boxes of another detector; say so if it was
        calibrated for alarms that are counted otherwise."""
        self._taught.meet(camera, detector)
        options, counted = self.options, self._taught.calibration.counting
        asked = (options.enter_inertia_s, options.exit_inertia_s, options.rearm_s)
        learned = (counted.enter_s, counted.exit_s, counted.rearm_s)
        if options.threshold is None and asked != learned:
            log.warning(
                "camera %s: rule %r has enter_inertia_s, exit_inertia_s, rearm_s %s, but its threshold is that of "
                "alarms with %s: false_alarms_per_day does not hold; learn again with these (bartizan learn --help)",
                camera,
                options.title,
                ", ".join(f"{each:g}" for each in asked),
                ", ".join(f"{each:g}" for each in learned),
            )

    def look(self, scene: Scene, memory: dict[int, Trail]) -> list[Claim]:
        """Everything in the zone whose score reaches the threshold; of boxes on one another, one."""
        found = Scorer(self._taught.model, memory).score(observe_scene(scene)).suspects
        inside = self._inside(found, memory)
        high = [each for each, here in zip(found, inside, strict=True) if here and each.score >= self._threshold]
        chosen: list[Suspect] = []
        for each in sorted(high, key=lambda one: (memory[one.subject].claimed_ns < 0, -one.score)):
            if not any(shared(each.box, other.box) >= SAME for other in chosen):
                chosen.append(each)
        self._remember(found, chosen, scene, memory)
        return [] if self.options.mode == "shadow" else [self._claim(each) for each in chosen]

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 is unusual: speed (1 in 2300), width (1 in 45); score 19.2, at least 15``."""
        odd = [
            f"{_WORDS.get(each['feature'], each['feature'])} ({_one_in(each['p'])})"
            for each in claim.facts["features"]
            if each["p"] < ODD
        ]
        limit = f"score {claim.value:.1f}, at least {claim.threshold:.1f}"
        return f"{who} is unusual: {', '.join(odd) or 'a little of everything'}; {limit}"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region

    def _inside(self, found: Sequence[Suspect], memory: dict[int, Trail]) -> list[bool]:
        boxes = np.array([each.box for each in found], np.float64).reshape(-1, 4)
        was_inside = np.array([memory[each.subject].inside for each in found], np.bool_)
        inside: list[bool] = self._area.inside(anchor_points(boxes, self.options.anchor), was_inside).tolist()
        for each, here in zip(found, inside, strict=True):
            memory[each.subject].inside = here
        return inside

    def _claim(self, suspect: Suspect) -> Claim:
        budget = self.options.threshold is None
        option = "false_alarms_per_day" if budget else "threshold"
        calibration = self._taught.calibration
        facts = {
            "features": reasons(suspect, self._taught.model),
            "p": float(calibration.p_value(suspect.score)),
            "extrapolated": bool(calibration.extrapolated(self._threshold)),
            "normal": self._taught.facts,
            "nearest": self._nearest(suspect),
        }
        place = None if suspect.subject > 0 else suspect.box
        return Claim(
            suspect.subject, "surprise", suspect.score, self._threshold, facts=facts, place=place, option=option
        )

    def _nearest(self, suspect: Suspect) -> list[dict[str, Any]]:
        if suspect.object is None:
            return []
        magnitudes = {name: value for name, (value, _) in suspect.object.parts.items() if name in OBJECT}
        return self._taught.examples.nearest(magnitudes, suspect.box)

    def _remember(
        self, found: Sequence[Suspect], chosen: Sequence[Suspect], scene: Scene, memory: dict[int, Trail]
    ) -> None:
        """Since when each has been claimed; in shadow, what would have become an event is logged."""
        now, claimed = scene.frame.media_ns, {each.subject for each in chosen}
        for each in found:
            trail = memory[each.subject]
            if each.subject not in claimed:
                trail.claimed_ns, trail.logged = -1, False
                continue
            trail.claimed_ns = now if trail.claimed_ns < 0 else trail.claimed_ns
            if self.options.mode == "shadow" and not trail.logged and now - trail.claimed_ns >= self._enter_ns:
                trail.logged = True
                log.info(
                    "camera %s: rule %r (shadow): would have raised an event at %.1f s: %s",
                    scene.frame.camera,
                    self.options.title,
                    now / SECOND,
                    self.describe("it" if each.subject > 0 else "something", self._claim(each)),
                )


def _one_in(p: float) -> str:
    return f"1 in {1 / p:.0f}" if p > 1e-6 else "less than 1 in a million"

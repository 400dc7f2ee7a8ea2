"""``anomaly``: something is as it hardly ever was in the camera's normal footage."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.geometry import Area, shared
from stages.alert.normal.dismissed import Seen
from stages.alert.normal.features import OBJECT
from stages.alert.normal.observed import Observed, observe_scene
from stages.alert.normal.reasons import reasons
from stages.alert.normal.scorer import MOTION, Scorer, Suspect, Trail
from stages.alert.normal.taught import Lesson, Taught, TaughtOptions
from stages.alert.options import RuleOptions, nanoseconds
from stages.alert.rule import Claim, News
from stages.alert.scene import Scene, anchor_points
from stages.alert.zoned import AreaOptions

log = logging.getLogger(__name__)

ODD = 0.05
"""A feature that so few normal sightings reach is named in the sentence of an event."""
_WORDS = {"window": "movement", "class": "kind"}
SAME = 0.5
"""Of two boxes that share this much of the smaller one, one claim is enough: a rider and the bicycle."""


class ModeOptions(RuleOptions):
    """Options of a rule that is not armed from the first day on."""

    mode: Literal["learning", "shadow", "armed", "auto"] = Field(
        default="armed",
        description="`armed`: raises events. `shadow`: only logs what it would have raised. `learning`: does nothing "
        "but have motion measured, so that the run can be learned from; the folder need not exist. `auto`: learning, "
        "shadow, then armed, by itself and `online`: armed once enough footage has calibrated the threshold, and armed "
        "from then on.",
    )


class AnomalyOptions(AreaOptions, TaughtOptions, ModeOptions):
    """Options of ``anomaly``."""

    rule: Literal["anomaly"] = "anomaly"
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

    @property
    def is_online(self) -> bool:
        """Whether the generation may change while it runs."""
        return (self.online or self.mode == "auto") and self.mode != "learning"

    @property
    def is_settled(self) -> bool:
        """Whether it goes by the generation that was in use at the start."""
        return not self.is_online and self.mode != "learning"


@dataclass(frozen=True, slots=True)
class Standard:
    """What a generation makes of the rule; nothing of the generation itself, which may be forgotten."""

    threshold: float
    """Least score of an event: what was asked for, or what the number of false alarms makes it."""
    mode: Literal["shadow", "armed"]
    waits: bool = False
    """It is in shadow because of the calibration alone: a camera that is armed already stays armed by it."""

    @classmethod
    def of(cls, lesson: Lesson, options: AnomalyOptions) -> "Standard":
        """With ``auto`` it is armed once the calibration need not assume what happens so rarely."""
        calibration = lesson.calibration
        threshold = float(options.threshold or calibration.threshold(options.false_alarms_per_day))
        if options.mode == "shadow":
            return cls(threshold, "shadow")
        waits = options.mode == "auto" and options.threshold is None and calibration.extrapolated(threshold)
        return cls(threshold, "shadow" if waits else "armed", waits)

    def on(self, *, armed: bool) -> "Standard":
        """The same on a camera that was armed before, or was not: nobody is to lose alarms by an update."""
        return replace(self, mode="armed") if armed and self.waits else self

    def __str__(self) -> str:
        stays = self.waits and self.mode == "armed"
        how = ", extrapolated: its own footage does not promise the budget; what is armed stays so" if stays else ""
        return f"{self.mode} (threshold {self.threshold:.1f}{how})"


class Anomaly:
    """Fires when something in the zone has been as unusual as the threshold says for ``enter_inertia_s``.

    Raises ``CannotStart`` for a model of normal that is missing, damaged or foreign.
    """

    Options: ClassVar[type[AnomalyOptions]] = AnomalyOptions
    Memory: ClassVar[type[Trail]] = Trail
    momentary: ClassVar[bool] = False

    def __init__(self, options: AnomalyOptions) -> None:
        self.options = options
        self._taught = Taught(options)
        self._standards: dict[str, Standard] = {}
        self._armed: set[str] = set()
        """Cameras that are, for what is logged; their memory decides."""
        self._enter_ns = nanoseconds(options.enter_inertia_s)
        self._area = Area(options.zone, margin=options.margin)

    @property
    def threshold(self) -> float:
        """Least score of an event by the generation that was in use at the start; infinite if it may change."""
        return self._standard(self._taught.pinned).threshold if self._taught.pinned is not None else float("inf")

    def meet(self, camera: str, detector: str) -> None:
        """Raise ``CannotStart`` if the model was learned from the boxes of another detector; say so if it was
        calibrated for alarms that are counted otherwise."""
        self._taught.meet(camera, detector)
        if self._taught.pinned is not None:
            self._check_counting(camera, self._taught.pinned)
        if self.options.mode == "learning":
            log.info("camera %s: rule %r is learning, as `mode` says: it raises nothing", camera, self.options.title)

    def heed(self, camera: str, news: News) -> str:
        """As ``FollowingRule``: a generation must have been learned from the boxes of this detector."""
        if fault := self._taught.heed(camera, news):
            return fault
        if news.value != news.before:
            lesson = self._taught.named(news.value) if news.value else None
            standard = self._standard(lesson).on(armed=camera in self._armed) if lesson else None
            self._taught.tell(camera, self.options.title, news, str(standard or ""))
            if lesson is not None:
                self._check_counting(camera, lesson)
        return ""

    def _standard(self, lesson: Lesson) -> Standard:
        digest = lesson.stored.digest
        if digest not in self._standards:
            self._standards[digest] = Standard.of(lesson, self.options)
        return self._standards[digest]

    def _check_counting(self, camera: str, lesson: Lesson) -> None:
        options, counted = self.options, lesson.calibration.counting
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
        """Everything in the zone whose score reaches the threshold; of boxes on one another, one. None while it is
        learning."""
        lesson = self._taught.lesson(scene.followed)
        if lesson is None:
            return []
        standard = self._settle(lesson, scene, memory)
        seen = observe_scene(scene)
        self._taught.check_looks(lesson, scene, seen)
        found = Scorer(lesson.model, memory).score(seen).suspects
        inside = self._inside(found, memory)
        high = [each for each, here in zip(found, inside, strict=True) if here and each.score >= standard.threshold]
        silent = _silent(high, lesson, scene, memory)
        chosen = _apart([each for each in high if each.subject not in silent], memory)
        held_back = [each for each in _apart(high, memory) if each.subject in silent] if silent else []
        claims = [self._claim(each, lesson, standard, seen) for each in [*chosen, *held_back]]
        self._remember(found, claims, silent, standard, scene, memory)
        return [] if standard.mode == "shadow" else claims[: len(chosen)]

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

    def _settle(self, lesson: Lesson, scene: Scene, memory: dict[int, Trail]) -> Standard:
        """What counts at this frame. A camera is armed from the first generation on that could be."""
        camera, whole = scene.frame.camera, memory.setdefault(MOTION, Trail())
        standard = self._standard(lesson).on(armed=whole.armed)
        if standard.mode == "armed":
            whole.armed = self.options.mode == "auto"
            self._armed.add(camera)
        return standard

    def _claim(self, suspect: Suspect, lesson: Lesson, standard: Standard, seen: Observed) -> Claim:
        budget = self.options.threshold is None
        option = "false_alarms_per_day" if budget else "threshold"
        threshold, calibration = standard.threshold, lesson.calibration
        facts = {
            "features": reasons(suspect, lesson.model),
            "p": float(calibration.p_value(suspect.score)),
            "extrapolated": bool(calibration.extrapolated(threshold)),
            "normal": lesson.facts,
            "nearest": self._nearest(suspect, lesson, seen),
        }
        place = None if suspect.subject > 0 else suspect.box
        return Claim(suspect.subject, "surprise", suspect.score, threshold, facts=facts, place=place, option=option)

    def _nearest(self, suspect: Suspect, lesson: Lesson, seen: Observed) -> list[dict[str, Any]]:
        if suspect.object is None:
            return []
        magnitudes = {name: value for name, (value, _) in suspect.object.parts.items() if name in OBJECT}
        look = None if seen.looks is None else seen.looks.of(seen.subject, suspect.object.subject)
        return lesson.examples.nearest(magnitudes, suspect.box, look)

    def _remember(
        self,
        found: Sequence[Suspect],
        claims: Sequence[Claim],
        silent: Mapping[int, str],
        standard: Standard,
        scene: Scene,
        memory: dict[int, Trail],
    ) -> None:
        """Since when each has been claimed; what would have become an event, but for shadow or feedback, is logged."""
        now, claimed = scene.frame.media_ns, {each.subject: each for each in claims}
        for each in found:
            trail, dismissed = memory[each.subject], silent.get(each.subject, "")
            if each.subject not in claimed:
                trail.claimed_ns, trail.logged, trail.dismissed = -1, False, dismissed
                continue
            if trail.claimed_ns < 0 or trail.dismissed != dismissed:
                trail.claimed_ns, trail.logged, trail.dismissed = now, False, dismissed
            why = f"dismissed by feedback on {dismissed[:8]}" if dismissed else standard.mode
            if why != "armed" and not trail.logged and now - trail.claimed_ns >= self._enter_ns:
                trail.logged = True
                log.info(
                    "camera %s: rule %r (%s): would have raised an event at %.1f s: %s",
                    scene.frame.camera,
                    self.options.title,
                    why,
                    now / SECOND,
                    self.describe("it" if each.subject > 0 else "something", claimed[each.subject]),
                )


def _apart(high: Sequence[Suspect], memory: Mapping[int, Trail]) -> list[Suspect]:
    """Of those on one another the one that was claimed already, or else the most unusual."""
    chosen: list[Suspect] = []
    for each in sorted(high, key=lambda one: (memory[one.subject].claimed_ns < 0, -one.score)):
        if not any(shared(each.box, other.box) >= SAME for other in chosen):
            chosen.append(each)
    return chosen


def _silent(high: Sequence[Suspect], lesson: Lesson, scene: Scene, memory: Mapping[int, Trail]) -> dict[int, str]:
    """Those that are like an example of no interest, by subject, and the event of that. They are followed and claimed
    as they would be without feedback; only nothing comes of it."""
    if not high or not lesson.dismissed:
        return {}
    seen = [Seen.of(each, scene, lesson.model, before=memory[each.subject].dismissed) for each in high]
    return {each.subject: event for each, event in zip(high, lesson.dismissed.like(seen), strict=True) if event}


def _one_in(p: float) -> str:
    return f"1 in {1 / p:.0f}" if p > 1e-6 else "less than 1 in a million"

"""``unseen_class``: an object of a kind that is hardly ever where it stands, by the camera's model of normal."""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from stages.alert.geometry import Area
from stages.alert.normal.places import most
from stages.alert.normal.poisson import CONFIDENCE, at_most
from stages.alert.normal.taught import Taught, TaughtOptions
from stages.alert.rule import Claim, News, NoMemory
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions


class UnseenClassOptions(AreaOptions, TaughtOptions):
    """Options of ``unseen_class``."""

    rule: Literal["unseen_class"] = "unseen_class"
    share: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="Fires for a class that is less than this share of the normal objects in that part of the picture "
        "(of 6 rows and 8 columns), with 95 % confidence: 0.01 needs 300 objects seen there.",
    )
    enter_inertia_s: float = Field(
        default=1.0, ge=0, le=3600, description="It must be so this long before an event starts."
    )


class UnseenClass:
    """Fires when an object in the zone is of a class that is rare there. Where little was seen, nothing is rare.

    Raises ``CannotStart`` for a model of normal that is missing, damaged or foreign.
    """

    Options: ClassVar[type[UnseenClassOptions]] = UnseenClassOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: UnseenClassOptions) -> None:
        self.options = options
        self._taught = Taught(options)
        self._area = Area(options.zone, margin=options.margin)

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

    def look(self, scene: Scene, memory: dict[int, NoMemory]) -> list[Claim]:
        """Every object in the zone whose class is rare where it stands; none while there is no model of normal."""
        lesson = self._taught.lesson(scene.followed)
        if lesson is None:
            return []
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside).tolist()
        alike, seen = lesson.model.places.counts(scene.class_id, scene.box)
        claims = []
        for subject, is_inside, count, total in zip(subjects, inside, alike.tolist(), seen.tolist(), strict=True):
            if not is_inside:
                memory.pop(subject, None)
                continue
            memory[subject] = NoMemory()
            if at_most(count, total * self.options.share) > 1 - CONFIDENCE:
                continue  # what most would say, at less cost
            if (share := most(count, total)) < self.options.share:
                facts = {"of_class_there": count, "seen_there": total, "normal": lesson.facts}
                claims.append(
                    Claim(
                        subject,
                        "share_of_class",
                        share,
                        self.options.share,
                        facts=facts,
                        comparison="<",
                        option="share",
                    )
                )
        return claims

    def describe(self, who: str, claim: Claim) -> str:
        """``bicycle 7 is of a kind that is hardly ever there (1 of 700 seen: at most 1 in 148, with ...``."""
        seen, alike = claim.facts["seen_there"], claim.facts["of_class_there"]
        rare = f"at most 1 in {1 / claim.value:.0f}, with 95 % confidence"
        return f"{who} is of a kind that is hardly ever there ({alike} of {seen} seen: {rare})"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region

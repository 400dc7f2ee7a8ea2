"""``behaviour``: something goes on, by a behaviour classifier: a fight, a fall."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from stages.alert.demand import score_of
from stages.alert.options import RuleOptions, nanoseconds
from stages.alert.rule import WHOLE_SCENE, Claim, NoMemory
from stages.alert.scene import Scene


class BehaviourOptions(RuleOptions):
    """Options of ``behaviour``. How long it must go on is ``enter_inertia_s``."""

    rule: Literal["behaviour"] = "behaviour"
    shows: str = Field(min_length=1, max_length=100, description="What must go on: a name that the classifier says.")
    threshold: float = Field(default=0.8, gt=0, le=1, description="Least score.")
    scope: Literal["scene", "track"] = Field(
        default="scene", description="`scene`: anywhere in the picture; `track`: an event for each object that does it."
    )
    enter_inertia_s: float = Field(
        default=1.0, ge=0, le=3600, description="The score must be reached this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="The score must be missed this long before an event ends."
    )

    @property
    def of_objects(self) -> bool:
        """By its scope."""
        return self.scope == "track"


class Behaviour:
    """Fires when the score has been at least ``threshold`` for ``enter_inertia_s``; ends when it has been lower, or
    nothing was said, for ``exit_inertia_s``."""

    Options: ClassVar[type[BehaviourOptions]] = BehaviourOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary: ClassVar[bool] = False

    def __init__(self, options: BehaviourOptions) -> None:
        self.options = options
        self._fresh_ns = nanoseconds(options.lost_s)

    def look(self, scene: Scene, memory: dict[int, NoMemory]) -> list[Claim]:
        """The scene, or every object of which the score is high enough."""
        if self.options.scope == "scene":
            return self._claim(WHOLE_SCENE, scene)
        return [claim for subject in scene.subject.tolist() for claim in self._claim(subject, scene)]

    def _claim(self, subject: int, scene: Scene) -> list[Claim]:
        sighting = scene.sightings.get(subject)
        score = score_of(self.options.shows, sighting, scene, fresh_ns=self._fresh_ns)
        if score is None or score < self.options.threshold:
            return []
        return [Claim(subject, f"score_{self.options.shows}", score, self.options.threshold, option="threshold")]

    def describe(self, who: str, claim: Claim) -> str:
        """``the scene shows fight (score 0.93, at least 0.8)``."""
        return f"{who} shows {self.options.shows} (score {claim.value:.2f}, at least {claim.threshold:g})"

    def region(self) -> dict[str, Any]:
        """None: it is about the whole picture, or about an object wherever it is."""
        return {}

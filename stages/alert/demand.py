"""What a rule demands that classifiers say of an object, beside what the rule itself measures."""

from dataclasses import dataclass
from typing import Any

from stages.alert.options import RuleOptions, nanoseconds
from stages.alert.scene import Scene
from stages.alert.sighting import Sighting
from stages.alert.trace import Comparison


@dataclass(frozen=True, slots=True)
class Demand:
    """One demand, as a trace shows it, and whether it is met."""

    predicate: str
    value: Any
    comparison: Comparison
    wanted: Any
    holds: bool


def demands(options: RuleOptions, sighting: Sighting | None, scene: Scene) -> list[Demand] | None:
    """What is demanded and what is known of it; None while anything of it is unknown."""
    found: list[Demand] = []
    for name, wanted in options.attributes.items():
        value = sighting.attributes.get(name) if sighting is not None else None
        if value is None:
            return None
        one = len(wanted) == 1
        found.append(Demand(name, value, "==" if one else "in", wanted[0] if one else list(wanted), value in wanted))
    for name, least in options.behaviour.items():
        score = score_of(name, sighting, scene, fresh_ns=nanoseconds(options.lost_s))
        if score is None:
            return None
        found.append(Demand(f"score_{name}", score, ">=", least, score >= least))
    return found


def score_of(name: str, sighting: Sighting | None, scene: Scene, *, fresh_ns: int) -> float | None:
    """How sure it is that somebody does this, or that this goes on in the picture; None if nothing was said of late."""
    now = scene.frame.media_ns
    for said in (sighting.scores_of if sighting is not None else {}, scene.behaviour):
        score, time_ns = said.get(name, (0.0, -1))
        if time_ns >= 0 and now - time_ns <= fresh_ns:
            return score
    return None

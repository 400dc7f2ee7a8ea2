"""``tailgating``: somebody slips over a line right behind somebody else. Who was allowed to is not known here."""

from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.account import class_name
from stages.alert.geometry import overlap
from stages.alert.options import Line, RuleOptions, nanoseconds
from stages.alert.rule import WHOLE_SCENE, Claim
from stages.alert.rules.line_crossed import LineCrossed, Passage
from stages.alert.scene import Scene

_ONE = 0.6
"""Boxes that overlap more than this are the same object, seen twice."""


class TailgatingOptions(RuleOptions):
    """Options of ``tailgating``. Sides are those of ``line_crossed``."""

    rule: Literal["tailgating"] = "tailgating"
    line: Line = Field(description="First and second point of the line, as shares of the picture.")
    direction: Literal["left", "right", "any"] = Field(
        default="any",
        description="Side that both must arrive on, looking from the first point to the second; any: the same one.",
    )
    within_s: float = Field(
        default=5.0, gt=0, le=3600, description="Who crosses at most this long after another one is too close behind."
    )
    margin: float = Field(
        default=0.01,
        ge=0,
        le=0.5,
        description="Distance beyond the line, in shares of the picture, from which an object is across.",
    )
    rearm_s: float = Field(
        default=5.0, ge=0, le=86400, description="No new event for this long (media time) about the same object."
    )


class Crossing(msgspec.Struct):
    """Somebody is across."""

    subject: int
    who: str
    side: str
    at_ns: int
    track_id: int = 0
    sure: bool = False
    """It has stayed there for the inertia."""


class Gate(msgspec.Struct):
    """All that is known of one line; kept under ``WHOLE_SCENE``."""

    passages: dict[int, Passage] = {}
    crossings: list[Crossing] = []


class Tailgating:
    """Fires when an object crosses the line at most ``within_s`` after another one crossed it to the same side; every
    crossing counts as ``line_crossed`` counts it. Of three in a row the second and the third are told. A moment."""

    Options: ClassVar[type[TailgatingOptions]] = TailgatingOptions
    Memory: ClassVar[type[Gate]] = Gate
    momentary: ClassVar[bool] = True
    about_objects: ClassVar[bool] = True

    def __init__(self, options: TailgatingOptions) -> None:
        self.options = options
        same = {key: getattr(options, key) for key in ("line", "direction", "margin", "anchor", "enter_inertia_s")}
        self._line = LineCrossed(LineCrossed.Options(**same))
        self._inertia_ns = nanoseconds(options.enter_inertia_s)
        self._within_ns = nanoseconds(options.within_s)
        self._kept_ns = self._within_ns + self._inertia_ns + nanoseconds(options.lost_s)

    def look(self, scene: Scene, memory: dict[int, Gate]) -> list[Claim]:
        """Everybody who has crossed right behind somebody, and not come back since."""
        gate = memory.setdefault(WHOLE_SCENE, Gate())
        for subject in [subject for subject in gate.passages if subject not in scene.sightings]:
            del gate.passages[subject]
        crossed = self._line.look(scene, gate.passages)
        self._note(scene, gate, crossed)
        claims = []
        for claim in crossed:
            ahead = self._ahead(scene, gate, claim)
            if ahead is not None:
                claims.append(self._claim(gate, claim, ahead))
        if not gate.passages and not gate.crossings:
            del memory[WHOLE_SCENE]
        return claims

    def _note(self, scene: Scene, gate: Gate, crossed: list[Claim]) -> None:
        """Keep who is across: those who stayed there, for ``within_s``; others while they are seen there."""
        now = scene.frame.media_ns
        known = {(each.subject, each.at_ns): each for each in gate.crossings}
        kept = [each for each in gate.crossings if each.sure and now - each.at_ns <= self._kept_ns]
        for claim in crossed:
            sighting, at_ns = scene.sightings[claim.subject], gate.passages[claim.subject].since_ns
            each = known.get((claim.subject, at_ns))
            if now - at_ns > self._kept_ns:
                continue
            if each is None:
                who = f"{class_name(list(scene.names), sighting.class_id)} {sighting.track_id}"
                each = Crossing(claim.subject, who, claim.value, at_ns, sighting.track_id)
            if not each.sure:
                is_old = now - sighting.first_ns >= nanoseconds(self.options.min_age_s)
                each.sure = now - at_ns >= self._inertia_ns and is_old and sighting.vote >= self.options.min_confidence
                kept.append(each)
        gate.crossings = kept

    def _ahead(self, scene: Scene, gate: Gate, claim: Claim) -> Crossing | None:
        """Who went right ahead to the same side, the last one of them."""
        at_ns, box = gate.passages[claim.subject].since_ns, scene.sightings[claim.subject].box
        found = None
        for each in gate.crossings:
            is_before = (each.at_ns, each.subject) < (at_ns, claim.subject) and at_ns - each.at_ns <= self._within_ns
            if each.subject == claim.subject or each.side != claim.value or not is_before:
                continue
            other = scene.sightings.get(each.subject)
            if other is not None and other.present and overlap(other.box, box) > _ONE:
                continue
            if found is None or (each.at_ns, each.subject) > (found.at_ns, found.subject):
                found = each
        return found

    def _claim(self, gate: Gate, claim: Claim, ahead: Crossing) -> Claim:
        after_s = round((gate.passages[claim.subject].since_ns - ahead.at_ns) / SECOND, 6)
        return Claim(
            claim.subject,
            "seconds_behind_another",
            after_s,
            self.options.within_s,
            claim.occasion,
            facts={"crossed_line_to": claim.value, "behind": ahead.who, "ahead_at": round(ahead.at_ns / SECOND, 6)},
            also_about=(ahead.track_id,),
            comparison="<=",
            option="within_s",
        )

    def describe(self, who: str, claim: Claim) -> str:
        """``person 8 crossed line 'door' to the left 1.2 s behind person 7``."""
        facts = claim.facts
        return (
            f"{who} crossed line {self.options.title!r} to the {facts['crossed_line_to']} {claim.value:.1f} s behind "
            f"{facts['behind']}"
        )

    def region(self) -> dict[str, Any]:
        """The line."""
        return {"line": [list(point) for point in self.options.line]}

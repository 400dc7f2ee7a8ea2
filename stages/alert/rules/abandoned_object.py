"""``abandoned_object``: somebody put a thing down and went away (PETS 2006; i-LIDS; ONVIF ObjectAbandoned).

Carried, dropped, unattended, abandoned, resolved. A thing is what static foreground shows where nothing stood, unless
the detector says that it is a person or a vehicle. Its owners are those who were in touch with the place when it
appeared, and who was with them. It is unattended once none of them is near, and abandoned once that has lasted.
"""

from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field, model_validator

from pipeline.clock import SECOND
from stages.alert.calibration import Floor
from stages.alert.geometry import Area, covered
from stages.alert.options import nanoseconds
from stages.alert.rule import Claim
from stages.alert.rules.owners import BEFORE_NS, TOUCH, Measure, Reach, who_put_down
from stages.alert.rules.things import BAGS, PEOPLE, Thing, ThingOptions, Things, occupy, of, stands_in
from stages.alert.scene import Scene
from stages.alert.sighting import Sighting

_METRES = (2.0, 3.0)
_WIDTHS = (4.0, 6.0)
"""Near and far: by default, and in widths also where a calibration does not reach."""
_PRESETS = {"pets2006": 30.0, "ilids": 60.0}
_CAME = 1.2
"""A thing that was put down stands out from its surroundings so much more than what was there before."""
_STRAY_NS = SECOND
"""A detection of a bag further back than this names nothing."""
_CARRIED_NS = 60 * SECOND
_BLINK_NS = SECOND // 2
"""Owners who are not seen, or too far away, for less than this have not left."""


class AbandonedObjectOptions(ThingOptions):
    """Options of ``abandoned_object``. Its inertia is the time that the thing is unattended."""

    rule: Literal["abandoned_object"] = "abandoned_object"
    preset: Literal["pets2006", "ilids"] | None = Field(
        default=None,
        description="Definition to go by: pets2006 (owner within 2 m, away from 3 m on, 30 s; needs a calibration), "
        "ilids (60 s). What is said beside it counts more.",
    )
    seconds: float = Field(
        default=10.0, gt=0, le=86400, description="Time unattended that makes a thing an abandoned one."
    )
    near: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="An owner who comes back as near as this attends to his thing again, from foot to foot: in metres "
        "where the rule has a calibration (default 2), else in widths of his box (default 4, about as much). Where "
        "the calibration does not reach: 4 widths.",
    )
    far: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="An owner is away when he is farther than this; measured as near is (default 3 m, or 6 widths; "
        "where the calibration does not reach: 6 widths).",
    )
    things: tuple[str, ...] = Field(
        default=(),
        description="Only things that the detector calls so, such as suitcase; empty: whatever stands there.",
    )
    untouched: bool = Field(
        default=False,
        description="Also things that the detector has no name for and that nobody was seen in touch with when they "
        "appeared: thrown from afar, but light and leaves as well.",
    )
    enter_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="It must be abandoned this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=5.0, ge=0, le=3600, description="It must be gone or attended this long before an event ends."
    )
    lost_s: float = Field(
        default=3.0, ge=0, le=3600, description="Owners must be away or unseen this long: they may be hidden."
    )

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("preset") in _PRESETS:
            return {"seconds": _PRESETS[given["preset"]], **given}
        return given

    @model_validator(mode="after")
    def _ordered(self) -> "AbandonedObjectOptions":
        if self.preset == "pets2006" and self.calibration is None:
            raise ValueError(
                "preset pets2006 speaks of metres and needs a calibration (scale or homography): add one, or leave the "
                "preset out and go by widths of the owner"
            )
        near, far = self.distances
        if far < near:
            raise ValueError(f"far ({far:g}) must be at least near ({near:g})")
        return self

    @property
    def distances(self) -> tuple[float, float]:
        """``near`` and ``far``, the defaults filled in."""
        near, far = _WIDTHS if self.calibration is None else _METRES
        return self.near or near, self.far or far

    @property
    def class_names(self) -> tuple[str, ...]:
        """Also those that it is told to look for."""
        return (*super().class_names, *self.things)


class AbandonedObject:
    """Fires when a thing has been unattended for ``seconds``."""

    Options: ClassVar[type[AbandonedObjectOptions]] = AbandonedObjectOptions
    Memory: ClassVar[type[msgspec.Struct]] = Things
    momentary: ClassVar[bool] = False

    def __init__(self, options: AbandonedObjectOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=0.0)
        self._limit_ns = nanoseconds(options.seconds)
        self._lost_ns = nanoseconds(options.lost_s)
        metres, widths = options.distances, options.distances if options.calibration is None else _WIDTHS
        self._near, self._far = (Reach(*each) for each in zip(metres, widths, strict=True))
        self._floor = None if options.calibration is None else Floor(options.calibration)

    def look(self, scene: Scene, memory: dict[int, Things]) -> list[Claim]:
        """Every thing that has been unattended for long enough."""
        things = of(memory)
        checkable, bags = things.follow(scene), scene.of_classes(BAGS)
        if not (things.known or things.carried or bags.any()):
            return []
        measure = self._measure(scene)
        self._watch_hands(things, scene, measure)
        claims = []
        for number, thing in things.there(scene.frame.media_ns):
            if checkable:
                self._attribute(thing, things, scene, measure)
                self._judge(thing, scene, measure)
            if thing.state == "abandoned":
                claims.append(self._claim(number, thing, scene))
        return claims

    def _measure(self, scene: Scene) -> Measure:
        ground = None if self._floor is None else self._floor.ground(scene.frame)
        return Measure(scene.frame.width, scene.frame.height, ground)

    def _watch_hands(self, things: Things, scene: Scene, measure: Measure) -> None:
        """Carried: a bag that the detector sees goes with who is in touch with it."""
        now = scene.frame.media_ns
        people = [scene.sightings[subject] for subject in scene.subject[scene.of_classes(PEOPLE)].tolist()]
        for subject in scene.subject[scene.of_classes(BAGS)].tolist():
            box = scene.sightings[subject].box
            gaps = [(measure.gap(person, box), person.subject) for person in people]
            if gaps and min(gaps)[0] <= TOUCH / 2 and subject not in things.carried:
                things.carried[subject] = (min(gaps)[1], now)
        for subject, (_, since_ns) in list(things.carried.items()):
            if subject not in scene.sightings and now - since_ns > _CARRIED_NS:
                del things.carried[subject]

    def _attribute(self, thing: Thing, things: Things, scene: Scene, measure: Measure) -> None:
        """Its owners, and its name."""
        if not thing.owners and scene.frame.media_ns - thing.first_ns <= BEFORE_NS:
            thing.owners = who_put_down(thing, scene, measure)
        if thing.owners and thing.away_ns < 0 and thing.state == "dropped":
            self._adopt(thing, scene, measure)
        for subject in scene.subject[scene.of_classes(self.options.things or BAGS)].tolist():
            bag = scene.sightings[subject]
            if max(covered(bag.box, thing.box), covered(thing.box, bag.box)) < 0.5:
                continue
            thing.called, thing.called_ns = scene.names[bag.class_id], scene.frame.media_ns
            carrier = things.carried.get(subject)
            if carrier is not None and carrier[0] not in thing.owners and thing.state == "dropped":
                thing.owners = sorted([*thing.owners, carrier[0]])

    def _adopt(self, thing: Thing, scene: Scene, measure: Measure) -> None:
        """While it is attended, whoever is in touch with it is with its owners: most often he is one himself, whom the
        tracker lost and met anew."""
        for subject in scene.subject[scene.of_classes(PEOPLE)].tolist():
            if subject not in thing.owners and measure.gap(scene.sightings[subject], thing.box) <= TOUCH:
                thing.owners = sorted([*thing.owners, subject])

    def _judge(self, thing: Thing, scene: Scene, measure: Measure) -> None:
        """One step of its states."""
        now = scene.frame.media_ns
        occupied = occupy(thing, scene)
        owners = [scene.sightings[subject] for subject in thing.owners if subject in scene.sightings]
        if thing.state == "abandoned":
            if any(owner.present and measure.within(self._near, owner, thing.box) for owner in owners):
                thing.state, thing.away_ns, thing.doubt_ns, thing.alone_ns = "dropped", -1, -1, -1
            return
        if occupied or self._attended(thing, owners, scene, measure):
            thing.state, thing.away_ns, thing.doubt_ns, thing.alone_ns = "dropped", -1, -1, -1
            return
        if thing.away_ns < 0:
            thing.doubt_ns = now if thing.doubt_ns < 0 else thing.doubt_ns
            if now - thing.doubt_ns < _BLINK_NS:
                return
            thing.away_ns = thing.doubt_ns
        since_ns = max(thing.away_ns, thing.steady_ns)
        if now - since_ns >= self._lost_ns:
            thing.state = "unattended"
        if now - since_ns >= self._lost_ns + self._limit_ns and self._counts(thing):
            thing.state, thing.alone_ns = "abandoned", since_ns

    def _attended(self, thing: Thing, owners: list[Sighting], scene: Scene, measure: Measure) -> bool:
        reach = self._near if thing.away_ns >= 0 else self._far
        if any(owner.present and measure.within(reach, owner, thing.box) for owner in owners):
            return True
        return any(covered(thing.box, box) > 0 for box in scene.box[scene.of_classes(PEOPLE)].tolist())

    def _counts(self, thing: Thing) -> bool:
        """Whether it is one that the rule is about."""
        left, top, right, bottom = thing.box
        longer = max(right - left, bottom - top)
        return bool(
            thing.came >= _CAME
            and (thing.owners or thing.called or self.options.untouched)
            and self.options.smallest <= longer <= self.options.largest
            and (not self.options.things or thing.called in self.options.things)
            and stands_in(self._area, thing)
        )

    def _claim(self, number: int, thing: Thing, scene: Scene) -> Claim:
        alone_s = round((scene.frame.media_ns - thing.alone_ns - self._lost_ns) / SECOND, 6)
        owners = [scene.sightings[subject].track_id for subject in thing.owners if subject in scene.sightings]
        facts = {
            "called": thing.called,
            "stands_since": round(thing.first_ns / SECOND, 6),
            "owners": owners,
            "alone_since": round(thing.away_ns / SECOND, 6),
            "apart_now": thing.apart_now,
            "apart_before": thing.apart_before,
        }
        return Claim(
            number,
            "seconds_unattended",
            alone_s,
            self.options.seconds,
            facts=facts,
            also_about=tuple(owners),
            place=thing.box,
            option="seconds",
        )

    def describe(self, who: str, claim: Claim) -> str:
        """``a suitcase has been unattended for 10.0 s (limit 10 s)``."""
        called = claim.facts.get("called") or "something"
        what = f"a {called}" if called != "something" else called
        where = f" in zone {self.options.title!r}" if self.options.zone else ""
        return f"{what} has been unattended{where} for {claim.value:.1f} s (limit {claim.threshold:g} s)"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region

"""Rules that are made of rules: what their options have in common, and how parts are found and told."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BeforeValidator, Field, SerializeAsAny, WithJsonSchema, model_validator

from pipeline.errors import UsageError
from pipeline.registry import RULES, resolve
from stages.alert.options import RuleOptions
from stages.alert.part import Held, Part, PartState
from stages.alert.rule import WHOLE_SCENE, Claim, FollowingRule, News, TaughtRule
from stages.alert.scene import Scene
from stages.alert.trace import trace

_OF_THE_WHOLE = ("cameras", "severity", "schedule", "rearm_s", "update_s")
"""Options that say when and how events are told; a part tells none."""


def _part(value: Any) -> RuleOptions:
    """The options of the kind that ``rule`` names. Raises ``ValueError``, pydantic's errors with their place."""
    if isinstance(value, RuleOptions):
        return _check_part(value)
    kind = value.get("rule") if isinstance(value, dict) else None
    if not isinstance(kind, str):
        raise ValueError("each part is a rule, such as {rule: in_field, zone: [...]}")
    try:
        options: type[RuleOptions] = resolve(kind, RULES).Options
    except UsageError as error:
        raise ValueError(str(error)) from error
    return _check_part(options.model_validate(value))


def _check_part(options: RuleOptions) -> RuleOptions:
    for key in _OF_THE_WHOLE:
        if getattr(options, key) != type(options).model_fields[key].default:
            raise ValueError(f"{key} belongs to the whole rule, not to its parts: a part raises no events")
    if options.unfit_as_part:
        raise ValueError(options.unfit_as_part)
    return options


PartOptions = Annotated[
    SerializeAsAny[RuleOptions],
    BeforeValidator(_part),
    WithJsonSchema({"type": "object", "properties": {"rule": {"type": "string"}}, "required": ["rule"]}),
]
"""A rule as it stands under ``rules``."""


class CompositionOptions(RuleOptions):
    """Options of every rule that is made of rules. Parts have the inertia, age and confidence of their own options."""

    of: tuple[PartOptions, ...] = Field(
        min_length=2, max_length=8, description="The parts: rules, each written as it would be under `rules`."
    )
    about: Literal["same_object", "camera"] = Field(
        default="same_object",
        description="`same_object`: the parts must hold of one and the same object; `camera`: each of whatever it is "
        "about, and the event has no object.",
    )
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="Beyond that of the parts: the median of the object's last confidences."
    )
    min_age_s: float = Field(
        default=0.0, ge=0, le=3600, description="Beyond that of the parts: how long an object must have been known."
    )
    enter_inertia_s: float = Field(default=0.0, ge=0, le=0, description="Always 0: the parts have inertia.")
    exit_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="Beyond that of the parts: how long it must be over before an end."
    )

    @model_validator(mode="after")
    def _check_subjects(self) -> Self:
        if self.about == "same_object":
            for number, part in enumerate(self.of):
                if not part.of_objects:
                    raise ValueError(
                        f"of.{number}: {part.rule} is not about a tracked object, so it cannot hold of the same one as "
                        "other parts: say about: camera"
                    )
        return self

    @property
    def parts(self) -> tuple[RuleOptions, ...]:
        """The rules that it is made of."""
        return self.of

    @property
    def of_objects(self) -> bool:
        """Whether its events are about tracked objects."""
        return self.about == "same_object"

    @property
    def needs(self) -> frozenset[str]:
        """What any part needs."""
        return frozenset().union(*(part.needs for part in self.of))

    @property
    def follows(self) -> Mapping[str, Path]:
        """What any part follows."""
        return {name: path for part in self.of for name, path in part.follows.items()}

    @property
    def memory_s(self) -> float:
        """As long as the part that remembers longest."""
        return max(self.lost_s, *(part.memory_s for part in self.of))


class Chain(msgspec.Struct):
    """Parts that began to hold one after the other."""

    links: list[Held]


class Composition(ABC):
    """The parts of a rule, looked at frame by frame; what follows from them is said by a subclass."""

    def __init__(self, options: CompositionOptions) -> None:
        self.options = options
        self._parts = [Part(resolve(part.rule, RULES)(part)) for part in options.of]
        self.about_objects = all(getattr(part.rule, "about_objects", False) for part in self._parts)
        fields: list[Any] = [
            (f"part{number}", PartState[part.rule.Memory], msgspec.field(default_factory=PartState))  # type: ignore[name-defined]  # a class held by the rule
            for number, part in enumerate(self._parts)
        ]
        chains: Any = ("chains", dict[int, dict[int, Chain]], msgspec.field(default_factory=dict))
        self.Memory: type[msgspec.Struct] = msgspec.defstruct("PartsMemory", [*fields, chains], module=__name__)

    @property
    @abstractmethod
    def momentary(self) -> bool:
        """Whether its events are moments, by what their parts are."""

    def look(self, scene: Scene, memory: dict[int, Any]) -> list[Claim]:
        """What follows from the parts at this frame. All that they remember is kept under ``WHOLE_SCENE``."""
        kept: Any = memory.get(WHOLE_SCENE)
        if kept is None:
            kept = memory[WHOLE_SCENE] = self.Memory()
        states = [getattr(kept, f"part{number}") for number in range(len(self._parts))]
        holding = [part.look(scene, state) for part, state in zip(self._parts, states, strict=True)]
        claims = self._combine(scene, holding, kept.chains)
        if self.about_objects and not kept.chains and all(state.idle for state in states):
            del memory[WHOLE_SCENE]
        return claims

    @abstractmethod
    def _combine(self, scene: Scene, holding: Sequence[list[Held]], chains: dict[int, dict[int, Chain]]) -> list[Claim]:
        """What follows from the parts that hold, each part's own in a list; ``chains`` is remembered."""

    def _by_subject(self, scene: Scene, holding: Sequence[list[Held]]) -> dict[int, dict[int, Held]]:
        """What holds now by subject and part: of each object that is there, or of the camera."""
        there = set(scene.subject.tolist())
        if self.options.about == "camera":
            first = [
                sorted(held, key=lambda each: each.subject > WHOLE_SCENE and each.subject not in there)[:1]
                for held in holding
            ]
            return {WHOLE_SCENE: {number: held[0] for number, held in enumerate(first) if held}}
        found: dict[int, dict[int, Held]] = {}
        for number, held in enumerate(holding):
            for each in held:
                if each.subject in there:
                    found.setdefault(each.subject, {}).setdefault(number, each)
        return found

    def _claim(self, subject: int, predicate: str, least: int, held: Sequence[tuple[int, Held]]) -> Claim:
        """A claim that so many parts hold; the parts stand in its facts."""
        parts = [self._told(number, each) for number, each in held]
        own = [each.track_id for _, each in held if subject == WHOLE_SCENE and each.track_id]
        others = tuple(dict.fromkeys([*own, *(other for _, each in held for other in each.also_about)]))
        return Claim(subject, predicate, len(held), least, facts={"parts": parts}, also_about=others)

    def _told(self, number: int, held: Held) -> dict[str, Any]:
        options = self._parts[number].rule.options
        about = {"part": number, "rule": options.rule, "name": options.title, "who": held.who, "held_s": held.held_s}
        facts = {**held.facts, **about}
        return trace(held.since_ns, held.predicate, held.value, held.comparison, held.threshold, facts=facts)

    def _sentences(self, who: str, claim: Claim) -> list[str]:
        """What each part that holds says, in plain words."""
        said = []
        for entry in claim.facts["parts"]:
            part = self._parts[entry["part"]].rule
            name = who if self.options.about == "same_object" else entry["who"]
            inner = Claim(
                claim.subject, entry["predicate"], entry["value"], entry["threshold"], comparison=entry["comparison"],
                facts=entry,
            )  # fmt: skip
            said.append(part.describe(name, inner))
        return said

    def meet(self, camera: str, detector: str) -> None:
        """Parts that were taught must fit this camera and this detector. Raises ``CannotStart``."""
        for part in self._parts:
            if isinstance(part.rule, TaughtRule):
                part.rule.meet(camera, detector)

    def heed(self, camera: str, news: News) -> str:
        """Parts that follow something take it in. Raises ``CannotStart`` for what cannot be read."""
        rules = [part.rule for part in self._parts if news.what in part.rule.options.follows]
        said = [rule.heed(camera, news) for rule in rules if isinstance(rule, FollowingRule)]
        return next(filter(None, said), "")

    def region(self) -> dict[str, Any]:
        """The first zone and the first line of the parts."""
        found: dict[str, Any] = {}
        for part in self._parts:
            found = part.rule.region() | found
        return found

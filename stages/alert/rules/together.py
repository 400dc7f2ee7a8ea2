"""``all`` and ``any``: several rules hold at the same time, or one of them does."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from stages.alert.composition import Chain, Composition, CompositionOptions
from stages.alert.part import Held
from stages.alert.rule import Claim
from stages.alert.scene import Scene


class AllOptions(CompositionOptions):
    """Options of ``all``."""

    rule: Literal["all"] = "all"


class AnyOptions(CompositionOptions):
    """Options of ``any``."""

    rule: Literal["any"] = "any"


class All(Composition):
    """Fires when every part holds at the same time; a part that is a moment must come while the others hold."""

    Options: ClassVar[type[AllOptions]] = AllOptions

    @property
    def momentary(self) -> bool:
        """With a moment among its parts it is one itself."""
        return any(part.rule.momentary for part in self._parts)

    def _combine(self, scene: Scene, holding: Sequence[list[Held]], chains: dict[int, dict[int, Chain]]) -> list[Claim]:
        least = len(self._parts)
        return [
            self._claim(subject, "parts_that_hold", least, sorted(held.items()))
            for subject, held in self._by_subject(scene, holding).items()
            if len(held) == least
        ]

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 is in zone 'lawn' and person 7 moves at 2.0 body heights a second (limit 1.5)``."""
        return " and ".join(self._sentences(who, claim))


class AnyOf(Composition):
    """Fires when at least one part holds; one event as long as any of them does."""

    Options: ClassVar[type[AnyOptions]] = AnyOptions

    @property
    def momentary(self) -> bool:
        """Of moments alone it is one itself."""
        return all(part.rule.momentary for part in self._parts)

    def _combine(self, scene: Scene, holding: Sequence[list[Held]], chains: dict[int, dict[int, Chain]]) -> list[Claim]:
        return [
            self._claim(subject, "parts_that_hold", 1, sorted(held.items()))
            for subject, held in self._by_subject(scene, holding).items()
            if held
        ]

    def describe(self, who: str, claim: Claim) -> str:
        """What the parts that hold say."""
        return " and ".join(self._sentences(who, claim))

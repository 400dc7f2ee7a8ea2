"""``then``: rules that come to hold one after the other: first over the fence, then at the door."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.composition import Chain, Composition, CompositionOptions
from stages.alert.options import nanoseconds
from stages.alert.part import Held
from stages.alert.rule import WHOLE_SCENE, Claim
from stages.alert.scene import Scene

_RECOGNISED_S = 120.0
"""An object that was not seen for longer is another one to the tracker, so it need not be remembered."""


class ThenOptions(CompositionOptions):
    """Options of ``then``."""

    rule: Literal["then"] = "then"
    within_s: float = Field(
        gt=0, le=86400, description="Each part must begin to hold after the one before it, and at most this much later."
    )

    @property
    def memory_s(self) -> float:
        """Long enough for an object that comes back for the next part; nobody is recognised after two minutes."""
        known_s = min(self.within_s, _RECOGNISED_S) if self.about == "same_object" else 0.0
        return max(super().memory_s, known_s)


class Then(Composition):
    """Fires when the last part begins to hold, each part having begun at most ``within_s`` after the one before.

    What counts is when a part begins, not how long it goes on. Where a part begins several times, its last beginning
    counts for the next part. The event goes on as long as the last part holds, and is a moment if that part is one.
    """

    Options: ClassVar[type[ThenOptions]] = ThenOptions
    options: ThenOptions

    def __init__(self, options: ThenOptions) -> None:
        super().__init__(options)
        self._within_ns = nanoseconds(options.within_s)

    @property
    def momentary(self) -> bool:
        """As the last part is."""
        return self._parts[-1].rule.momentary

    def _combine(self, scene: Scene, holding: Sequence[list[Held]], chains: dict[int, dict[int, Chain]]) -> list[Claim]:
        """``chains``: by subject, the latest chain that ends with each part, by number of the part."""
        self._forget(scene, chains)
        for number in reversed(range(len(holding))):
            for held in holding[number]:
                if held.since_ns == scene.frame.media_ns:
                    self._lengthen(chains, number, held)
        last, there = len(holding) - 1, {WHOLE_SCENE, *scene.subject.tolist()}
        claims = []
        for subject, ends in chains.items():
            chain = ends.get(last)
            if chain is not None and not any(_ends_with(chain, held) for held in holding[last]):
                del ends[last]
            elif chain is not None and subject in there:
                claims.append(self._claim(subject, "parts_in_order", len(holding), list(enumerate(chain.links))))
        return claims

    def _forget(self, scene: Scene, chains: dict[int, dict[int, Chain]]) -> None:
        """Drop chains of objects that are gone, and links that came too long ago for the next one."""
        now, last = scene.frame.media_ns, len(self._parts) - 1
        for subject, ends in list(chains.items()):
            late = [n for n, each in ends.items() if n < last and now - each.links[-1].since_ns > self._within_ns]
            for number in late:
                del ends[number]
            if not ends or (subject > WHOLE_SCENE and subject not in scene.sightings):
                del chains[subject]

    def _lengthen(self, chains: dict[int, dict[int, Chain]], number: int, held: Held) -> None:
        """A part begins: it ends the latest chain of the parts before it."""
        subject = WHOLE_SCENE if self.options.about == "camera" else held.subject
        if number == 0:
            chains.setdefault(subject, {})[0] = Chain([held])
            return
        before = chains.get(subject, {}).get(number - 1)
        if before is not None and 0 < held.since_ns - before.links[-1].since_ns <= self._within_ns:
            chains[subject][number] = Chain([*before.links, held])

    def _claim(self, subject: int, predicate: str, least: int, held: Sequence[tuple[int, Held]]) -> Claim:
        claim = super()._claim(subject, predicate, least, held)
        for before, entry in zip(held, claim.facts["parts"][1:], strict=False):
            now_ns = held[entry["part"]][1].since_ns
            entry["after_s"] = round((now_ns - before[1].since_ns) / SECOND, 6)
            entry["within_s"] = self.options.within_s
        return claim

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 crossed line 'fence' to the left, then person 7 is in zone 'door'``."""
        return ", then ".join(self._sentences(who, claim))


def _ends_with(chain: Chain, held: Held) -> bool:
    end = chain.links[-1]
    return held.subject == end.subject and held.since_ns == end.since_ns

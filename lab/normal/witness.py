"""The rule ``anomaly``, watched: what it saw of each thing around an event, at every frame.

An event's record tells the features of its start alone, and what is fast later would not be like it. So what an example
showed is taken from the stored run, told to the rule again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import PrivateAttr

from pipeline.clock import SECOND
from stages.alert.normal.dismissed import Seen
from stages.alert.normal.features import WINDOW
from stages.alert.normal.model import NormalModel
from stages.alert.normal.reasons import RARE
from stages.alert.normal.scorer import Suspect, Trail
from stages.alert.rule import Claim
from stages.alert.rules.anomaly import Anomaly, AnomalyOptions, Standard
from stages.alert.scene import Scene
from stages.alert.sighting import Box

KIND = f"{__name__}:Witness"
"""Its kind, as ``pipeline.registry`` finds it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing at one frame."""

    frame: int
    """From 1, as in events."""
    time: float
    """Media time in seconds."""
    subject: int
    track_id: int
    """0 where no track carries it."""
    seen: Seen
    score: float
    claimed: bool
    """The rule claimed that it is unusual."""
    high: bool
    """Its score reached the threshold, claimed or not."""
    normal: Mapping[str, float]
    """By magnitude: what one normal sighting in a hundred reaches there."""


@dataclass
class Book:
    """What is noted between two moments, in seconds of media time."""

    since: float = 0.0
    until: float = float("inf")
    notes: list[Noted] = field(default_factory=list)
    width: int = 1
    """Of the picture in pixels."""
    height: int = 1


class WitnessOptions(AnomalyOptions):
    """Options of ``anomaly``, with a book to note in."""

    _book: Book = PrivateAttr(default_factory=Book)

    @property
    def book(self) -> Book:
        """What was seen."""
        return self._book

    @classmethod
    def beside(cls, options: AnomalyOptions, *, since: float, until: float) -> "WitnessOptions":
        """The same options, and a book for this time."""
        made = cls.model_construct(**{name: getattr(options, name) for name in type(options).model_fields})
        made._book = Book(since, until)
        return made


class Witness(Anomaly):
    """Decides as ``Anomaly`` does."""

    Options: ClassVar[type[AnomalyOptions]] = WitnessOptions

    def _remember(
        self,
        found: Sequence[Suspect],
        claims: Sequence[Claim],
        silent: Mapping[int, str],
        standard: Standard,
        scene: Scene,
        memory: dict[int, Trail],
    ) -> None:
        book = self.options.book if isinstance(self.options, WitnessOptions) else Book()
        lesson = self._taught.lesson(scene.followed)
        if lesson is not None and book.since <= scene.frame.media_ns / SECOND <= book.until:
            book.width, book.height = max(scene.frame.width, 1), max(scene.frame.height, 1)
            claimed = {each.subject for each in claims} - silent.keys()
            for each in found:
                high = each.score >= standard.threshold and memory[each.subject].inside
                book.notes.append(_noted(each, scene, lesson.model, claimed=each.subject in claimed, high=high))
        super()._remember(found, claims, silent, standard, scene, memory)


def _noted(suspect: Suspect, scene: Scene, model: NormalModel, *, claimed: bool, high: bool) -> Noted:
    subject = suspect.subject if suspect.object is None else suspect.object.subject
    sighting = scene.sightings.get(subject)
    return Noted(
        scene.frame.index + 1,
        scene.frame.media_ns / SECOND,
        suspect.subject,
        0 if sighting is None else sighting.track_id,
        Seen.of(suspect, scene, model, before=""),
        suspect.score,
        claimed,
        high,
        normal_at(model, suspect.box),
    )


def normal_at(model: NormalModel, box: Box) -> dict[str, float]:
    """What one normal sighting in a hundred reaches there, by magnitude."""
    found = {name: feature.rare(RARE, box) for name, feature in model.features.items()}
    told = {name: round(value, 6) for name, value in found.items() if value is not None}
    return {**told, WINDOW: round(model.rare_window(RARE, box[3]), 6)}

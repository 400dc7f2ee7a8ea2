"""One rule as a part of another: when it holds, and about whom, with the inertia of its own options."""

from typing import Any, Generic, TypeVar

import msgspec

from pipeline.clock import SECOND
from stages.alert.account import class_name
from stages.alert.demand import demands
from stages.alert.episode import Episode, Inertia, Turn
from stages.alert.options import nanoseconds
from stages.alert.rule import WHOLE_SCENE, Claim, Rule
from stages.alert.scene import Scene
from stages.alert.trace import Comparison

Remembered = TypeVar("Remembered")


class Held(msgspec.Struct):
    """What a part said when it began to hold."""

    subject: int
    since_ns: int
    """When it had held for its inertia; for a moment, when it was sure."""
    held_s: float
    """How long it had held by then."""
    predicate: str
    value: Any
    comparison: Comparison
    threshold: Any
    who: str
    """The object in words, such as ``person 7``."""
    facts: dict[str, Any] = {}
    also_about: tuple[int, ...] = ()
    track_id: int = 0
    """Of its object; 0: it is about none that is tracked."""


class PartEpisode(Episode):
    """A condition of a part, and what it said when it began to hold."""

    held: Held | None = None


class PartState(msgspec.Struct, Generic[Remembered]):
    """All that one part remembers of one camera."""

    memory: dict[int, Remembered] = {}
    episodes: list[PartEpisode] = []

    @property
    def idle(self) -> bool:
        """Nothing is remembered."""
        return not self.memory and not self.episodes


class Part:
    """A rule that raises no events of its own. It keeps nothing itself."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._inertia = Inertia.of(rule.options)
        self._min_age_ns = nanoseconds(rule.options.min_age_s)
        self._classes = frozenset(rule.options.classes)

    def look(self, scene: Scene, state: PartState[Any]) -> list[Held]:
        """What holds at this frame, longest known first; a moment holds at the one frame at which it is sure."""
        self._forget(scene, state)
        scene = self._select(scene, state)
        now = scene.frame.media_ns
        claims = {(claim.subject, claim.occasion): claim for claim in self.rule.look(scene, state.memory)}
        episodes = {(episode.subject, episode.occasion): episode for episode in state.episodes}
        for key in claims:
            if key not in episodes:
                episodes[key] = PartEpisode(*key, since_ns=now)
        there = {WHOLE_SCENE, *scene.subject.tolist()}
        holding = []
        for key, episode in list(episodes.items()):
            claim = claims.get(key)
            seen = key[0] < WHOLE_SCENE or key[0] in there
            turn = episode.follow(now, holds=claim is not None, seen=seen, inertia=self._inertia)
            if turn is Turn.RIPE and claim is not None:
                self._ripen(episode, claim, scene)
                if episode.phase == "spent" and episode.held is not None:
                    holding.append(episode.held)
            elif turn in (Turn.LEFT, Turn.LOST, Turn.FADED) or (not seen and self._is_lost(key[0], scene)):
                del episodes[key]
                continue
            if episode.open and episode.held is not None:
                holding.append(episode.held)
        state.episodes = list(episodes.values())
        return holding

    def _is_lost(self, subject: int, scene: Scene) -> bool:
        """It was last there too long ago, also where the camera was away meanwhile."""
        sighting = scene.sightings.get(subject)
        return sighting is None or scene.frame.media_ns - sighting.last_ns >= self._inertia.lost_ns

    def _forget(self, scene: Scene, state: PartState[Any]) -> None:
        """Drop what is known of objects that are gone for good."""
        for subject in [each for each in state.memory if each > WHOLE_SCENE and each not in scene.sightings]:
            del state.memory[subject]
        if state.episodes:
            known = scene.sightings
            state.episodes = [each for each in state.episodes if each.subject <= WHOLE_SCENE or each.subject in known]

    def _select(self, scene: Scene, state: PartState[Any]) -> Scene:
        """The objects of the part's classes, and those about which it holds whatever their class is by now."""
        if not self._classes:
            return scene
        keep = scene.of_classes(self._classes)
        for row, subject in enumerate(scene.subject.tolist()):
            keep[row] |= any(episode.open and episode.subject == subject for episode in state.episodes)
        return scene if keep.all() else scene.select(keep)

    def _ripen(self, episode: PartEpisode, claim: Claim, scene: Scene) -> None:
        """The condition has held for long enough: it holds from now on, if its object is old and sure enough."""
        now, options, sighting = scene.frame.media_ns, self.rule.options, scene.sightings.get(episode.subject)
        if sighting is not None and now - sighting.first_ns < self._min_age_ns:
            return
        known = demands(options, sighting, scene) if options.attributes or options.behaviour else []
        if known is None:
            return
        fit = all(demand.holds for demand in known)
        if fit and (sighting is None or sighting.vote >= options.min_confidence):
            who = f"{class_name(list(scene.names), sighting.class_id)} {sighting.track_id}" if sighting else "the scene"
            held_s = round((now - episode.since_ns) / SECOND, 6)
            episode.held = Held(
                episode.subject,
                now,
                held_s,
                claim.predicate,
                claim.value,
                claim.comparison,
                claim.threshold,
                who,
                dict(claim.facts),
                claim.also_about,
                sighting.track_id if sighting else 0,
            )
            episode.phase = "spent" if self.rule.momentary else "open"
        elif self.rule.momentary:
            episode.phase = "spent"

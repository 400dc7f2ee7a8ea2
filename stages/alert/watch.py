"""One rule at work on one camera: from claims to starts, updates and ends."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from stages.alert.demand import Demand, demands
from stages.alert.episode import Episode, Inertia, Turn
from stages.alert.options import nanoseconds
from stages.alert.peak import further
from stages.alert.rearm import Quiet, Rearm
from stages.alert.rule import WHOLE_SCENE, CameraRule, Claim, Rule, is_about_objects
from stages.alert.scene import Scene
from stages.alert.sighting import Sighting
from stages.alert.trace import trace
from stages.alert.views import View, note_best, view

log = logging.getLogger(__name__)

End = Literal["left", "lost", "momentary", "end_of_stream", "evidence_lost"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something to tell about an episode."""

    kind: Literal["start", "update", "end"]
    rule: Rule
    episode: Episode
    claim: Claim | None
    """What holds; None for an end."""
    why: list[dict[str, Any]]
    ended: End | None = None
    pictured: bool = True
    """The deciding frame shows it."""


class WatchState(msgspec.Struct):
    """All that one rule remembers of one camera."""

    title: str
    memory: bytes = b"\x80"
    """MessagePack map from subject to the rule's own memory."""
    episodes: list[Episode] = []
    quiets: list[Quiet] = []
    unchecked: bool = False
    """It has been said that the schedule cannot be checked."""


class Watch:
    """One rule on one camera."""

    def __init__(self, camera: str, rule: Rule, state: WatchState | None = None, *, views: int = 0) -> None:
        """``views``: how many frames that show its object well are noted of each event."""
        state = state or WatchState(rule.options.title)
        self.rule = rule
        self.title = state.title
        self._camera = camera
        self._inertia = Inertia.of(rule.options)
        self._min_age_ns = nanoseconds(rule.options.min_age_s)
        self._memory: dict[int, Any] = msgspec.msgpack.decode(state.memory, type=dict[int, rule.Memory])  # type: ignore[name-defined]  # a class held by the rule
        self._episodes = {(episode.subject, episode.occasion): episode for episode in state.episodes}
        self._rearm = Rearm(nanoseconds(rule.options.rearm_s), state.quiets)
        self._unchecked = state.unchecked
        self._wanted: npt.NDArray[np.bool_] | None = None
        self._views = views
        self._needs_objects = is_about_objects(rule)

    def state(self) -> WatchState:
        """All that is remembered; equal histories give equal states."""
        memory = msgspec.msgpack.encode(self._memory)
        return WatchState(self.title, memory, list(self._episodes.values()), self._rearm.quiets, self._unchecked)

    def learn_classes(self, names: list[str]) -> None:
        """The detector's class names by class id; ids beyond them match only a rule for all classes."""
        classes = self.rule.options.classes
        self._wanted = np.array([*(name in classes for name in names), False]) if classes else None

    def subjects(self) -> set[int]:
        """Those whose event is open."""
        return {episode.subject for episode in self._episodes.values() if episode.open}

    def forget(self, subjects: list[int]) -> None:
        """Drop the memory of objects that are gone for good."""
        for subject in subjects:
            self._memory.pop(subject, None)
        if subjects:
            gone = set(subjects)
            self._episodes = {key: each for key, each in self._episodes.items() if key[0] not in gone}

    @property
    def views(self) -> list[View]:
        """Frames that show the objects of events that are open, or about to start."""
        return [view for each in self._episodes.values() if each.phase != "spent" for view in each.views]

    @property
    def sleeps(self) -> bool:
        """Nothing is under way, and nothing can come of a scene without objects."""
        return self._needs_objects and not self._memory and not self._episodes

    def rest(self, now_ns: int) -> None:
        """Take in a frame without objects while it ``sleeps``: what ``look`` does then."""
        self._rearm.expire(now_ns)

    def look(self, scene: Scene) -> list[Change]:
        """Take in a frame that tells something."""
        scene = self._select(scene)
        now = scene.frame.media_ns
        if not len(scene) and self.sleeps:
            self.rest(now)
            return []
        self._rearm.expire(now)
        claims = {(claim.subject, claim.occasion): claim for claim in self.rule.look(scene, self._memory)}
        for key in claims:
            if key not in self._episodes:
                self._episodes[key] = Episode(*key, since_ns=now)
        if not self._episodes:
            return []
        there = {WHOLE_SCENE, *scene.subject.tolist()}
        changes: list[Change] = []
        for key, episode in list(self._episodes.items()):
            claim = claims.get(key)
            if claim is not None:
                self._note(episode, claim, scene)
            self._picture(episode, scene)
            seen = key[0] < WHOLE_SCENE or key[0] in there
            turn = episode.follow(now, holds=claim is not None, seen=seen, inertia=self._inertia)
            if turn is not Turn.NOTHING:
                changes += self._act(key, turn, claim, scene)
        return changes

    def stream(self, now_ns: int, wall_ns: int | None, *, online: bool, reason: str) -> list[Change]:
        """The camera went offline, after ``finish``, or came back. No frame confirms what a rule claims then, so it
        starts at once, and a camera that comes and goes is told each time: who hushed that would hide the last."""
        if not isinstance(self.rule, CameraRule):
            return []
        changes: list[Change] = []
        claims = self.rule.stream(online=online, reason=reason, memory=self._memory)
        for key, episode in list(self._episodes.items()) if online else []:
            if episode.open:
                changes += self._end(key, now_ns, "left", trace(now_ns, "online", True, "==", True), None)
        for claim in claims if self._armed(wall_ns) else []:
            key = claim.subject, claim.occasion
            episode = self._episodes[key] = Episode(*key, now_ns, "open", started_ns=now_ns, updated_ns=now_ns)
            why = [_claimed(claim, now_ns), trace(now_ns, "held_s", 0.0, ">=", 0.0)]
            changes.append(Change("start", self.rule, episode, claim, why, pictured=False))
        return changes

    def finish(self, now_ns: int, ended: End, sightings: Mapping[int, Sighting]) -> list[Change]:
        """The camera is over or away: end what is open, drop what was about to start."""
        episodes, self._episodes = list(self._episodes.values()), {}
        changes = []
        for episode in episodes:
            if episode.open:
                sighting = sightings.get(episode.subject)
                place = sighting.box if ended == "evidence_lost" and sighting is not None else episode.place
                self._rearm.begin(Quiet(episode.subject, now_ns, place))
                why = [trace(now_ns, ended, True, "==", True), *episode.peaks()]
                changes.append(Change("end", self.rule, episode, None, why, ended))
        return changes

    def _select(self, scene: Scene) -> Scene:
        """The objects of the rule's classes, and those whose event is open whatever their class is by now."""
        if self._wanted is None:
            return scene
        keep = self._wanted.take(scene.class_id, mode="clip")
        if keep.all():
            return scene
        open_ = self.subjects()
        if open_:
            keep = keep | np.array([subject in open_ for subject in scene.subject.tolist()])
        return scene.select(keep)

    def _note(self, episode: Episode, claim: Claim, scene: Scene) -> None:
        if claim.place is not None:
            episode.place = claim.place
        episode.also_about += [each for each in claim.also_about if each and each not in episode.also_about]
        if self.rule.momentary:
            return
        now, least = scene.frame.media_ns, self.rule.options.min_confidence
        episode.furthest = further(
            episode.furthest, claim.predicate, claim.value, claim.comparison, claim.threshold, now_ns=now
        )
        sighting = scene.sightings.get(episode.subject)
        if sighting is not None:
            episode.surest = further(episode.surest, "median_confidence", sighting.vote, ">=", least, now_ns=now)

    def _picture(self, episode: Episode, scene: Scene) -> None:
        """Note how well this frame shows the object; at the first one, how well those before it did."""
        sighting = scene.sightings.get(episode.subject)
        if self._views and sighting is not None and sighting.present and sighting.views:
            note_best(episode.views, sighting.views[-1:] if episode.views else sighting.views, self._views)

    def _picture_start(self, episode: Episode, scene: Scene, sighting: Sighting | None) -> None:
        """Of an object that no frame was noted for (live) the deciding one is: it is cut for the snapshot anyway."""
        if self._views and not episode.views and sighting is not None and sighting.present and not scene.still:
            now, s = scene.frame, sighting
            episode.views.append(view(now.index, now.media_ns, s.track_id, s.confidence, s.box, s.box_px))

    def _act(self, key: tuple[int, int], turn: Turn, claim: Claim | None, scene: Scene) -> list[Change]:
        now, episode = scene.frame.media_ns, self._episodes[key]
        sighting = scene.sightings.get(episode.subject)
        match turn:
            case Turn.RIPE if claim is not None:
                return self._start(episode, claim, scene, sighting)
            case Turn.UPDATE if claim is not None:
                episode.updated_ns = now
                return [Change("update", self.rule, episode, claim, [_holding(claim, now)])]
            case Turn.LEFT:
                outside_s = (now - episode.outside_ns) / SECOND
                why = trace(now, "seconds_outside", outside_s, ">=", self.rule.options.exit_inertia_s)
                return self._end(key, now, "left", why, sighting)
            case Turn.LOST:
                unseen_s = (now - episode.unseen_ns) / SECOND
                why = trace(now, "seconds_unseen", unseen_s, ">=", self.rule.options.lost_s)
                walked_out = sighting is not None and sighting.at_border
                return self._end(key, now, "left" if walked_out else "lost", why, sighting, vanished=True)
            case Turn.FADED:
                del self._episodes[key]
        return []

    def _start(self, episode: Episode, claim: Claim, scene: Scene, sighting: Sighting | None) -> list[Change]:
        now, options = scene.frame.media_ns, self.rule.options
        if sighting is not None and now - sighting.first_ns < self._min_age_ns:
            return []
        known = self._demands(sighting, scene)
        if known is None:
            return []
        allowed = (
            all(demand.holds for demand in known)
            and (sighting is None or sighting.vote >= options.min_confidence)
            and self._armed(scene.frame.wall_ns)
            and not self._rearm.hushes(episode.subject, sighting.box if sighting else episode.place, now)
        )
        if not allowed:
            if self.rule.momentary:
                episode.phase = "spent"
            return []
        episode.phase, episode.started_ns, episode.updated_ns = "open", now, now
        self._picture_start(episode, scene, sighting)
        start = Change("start", self.rule, episode, claim, self._reasons(episode, claim, scene, sighting, known))
        if not self.rule.momentary:
            return [start]
        episode.phase = "spent"
        self._rearm.begin(Quiet(episode.subject, now, None))
        return [start, Change("end", self.rule, episode, claim, [_holding(claim, now)], "momentary")]

    def _end(
        self,
        key: tuple[int, int],
        now: int,
        ended: End,
        why: dict[str, Any],
        sighting: Sighting | None,
        *,
        vanished: bool = False,
    ) -> list[Change]:
        episode = self._episodes.pop(key)
        place = sighting.box if vanished and sighting is not None else episode.place
        self._rearm.begin(Quiet(episode.subject, now, place, lasting=True))
        return [Change("end", self.rule, episode, None, [why, *episode.peaks()], ended)]

    def _armed(self, wall_ns: int | None) -> bool:
        schedule = self.rule.options.schedule
        if schedule is None:
            return True
        if wall_ns is not None:
            return schedule.armed(wall_ns)
        if not self._unchecked:
            self._unchecked = True
            log.warning(
                "camera %s: rule %r has a schedule, but the wall time of the frames is unknown (not checkable): "
                "it starts no events; give the camera a start_time",
                self._camera,
                self.title,
            )
        return False

    def _demands(self, sighting: Sighting | None, scene: Scene) -> list[Demand] | None:
        """What classifiers must say for an event to start; None while one has not said anything yet."""
        options = self.rule.options
        if not options.attributes and not options.behaviour:
            return []
        return demands(options, sighting, scene)

    def _reasons(
        self, episode: Episode, claim: Claim, scene: Scene, sighting: Sighting | None, known: Sequence[Demand]
    ) -> list[dict[str, Any]]:
        """The trace of a start: every condition that had to hold, in order of time."""
        now, options = scene.frame.media_ns, self.rule.options
        why = [_claimed(claim, episode.since_ns)]
        if sighting is not None:
            why.insert(0, trace(sighting.first_ns, "first_seen", True, "==", True))
            name = scene.names[sighting.class_id] if 0 <= sighting.class_id < len(scene.names) else ""
            if name in options.classes:
                why.append(trace(now, "class", name, "in", list(options.classes)))
            why.append(trace(now, "age_s", (now - sighting.first_ns) / SECOND, ">=", options.min_age_s))
            why.append(trace(now, "median_confidence", sighting.vote, ">=", options.min_confidence))
        why.append(trace(now, "held_s", (now - episode.since_ns) / SECOND, ">=", options.enter_inertia_s))
        why += [trace(now, demand.predicate, demand.value, demand.comparison, demand.wanted) for demand in known]
        if options.schedule is not None:
            why.append(trace(now, "scheduled", True, "==", True))
        if options.rearm_s:
            why.append(trace(now, "repeated", False, "==", False))
        return why


def _claimed(claim: Claim, time_ns: int) -> dict[str, Any]:
    """What the rule claims when an event starts; it holds since ``time_ns``."""
    comparison, option, facts = claim.comparison, claim.option, claim.facts
    return trace(time_ns, claim.predicate, claim.value, comparison, claim.threshold, option=option, facts=facts)


def _holding(claim: Claim, now: int) -> dict[str, Any]:
    """What the rule claims now, without its facts."""
    return trace(now, claim.predicate, claim.value, claim.comparison, claim.threshold)

"""The governor: which messages of a sink become notifications, and what keeps the others from it.

Pure: what it decides follows from the messages, their order and what came of the notifications before. It reads no
clock. All that it decides about one camera goes by that camera's media time; only the cap on the site compares cameras.

The delivery loop asks ``decide``, tells it ``note`` once the decision is kept, and ``settle`` when a message that it
let pass was acknowledged or given up. Messages of one camera come one after the other, each after the one before it
is settled: so a cooldown, an episode and a cap are spent by what was delivered, and by nothing else.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.allowance import Allowance
from stages.deliver.decision import CRITICAL, Decision, Limits, Role, Verdict, rank
from stages.deliver.episode import Episode
from stages.deliver.moment import Moment

_MOST_FATES = 4096
_MOST_EPISODES = 256


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event so far."""

    verdict: Verdict
    """Of its last judgement; ``PASS``: its receiver knows of it."""
    severity: int
    """The highest that was told, or judged."""
    told: Moment
    """When it was last told or judged."""
    episode: str
    """Id of the event whose notification stands for it."""
    given_up: bool = False
    """Its notification became a dead letter."""


Recall = Callable[[str], Fate | None]
"""Looks up what became of an event that is too old to be remembered here."""


@dataclass(slots=True)
class _Camera:
    episodes: list[Episode] = field(default_factory=list)
    notified: dict[str, tuple[Moment, int]] = field(default_factory=dict)
    """By rule: when its last notification was, and its severity."""


def _nothing(_event_id: str) -> Fate | None:
    return None


class Governor:
    """The state of one sink."""

    def __init__(self, limits: Limits, recall: Recall = _nothing) -> None:
        self._limits = limits
        self._recall = recall
        self._allowance = Allowance(limits)
        self._cameras: dict[str, _Camera] = {}
        self._fates: OrderedDict[str, Fate] = OrderedDict()

    def decide(self, event: Event) -> Decision:
        """What is to become of the message. Changes nothing."""
        now, fate = Moment.of(event), self._fate(event)
        told = fate is not None and fate.verdict is Verdict.PASS and fate.severity >= CRITICAL
        if rank(event.severity) == CRITICAL and not told:
            role = Role.OPENING if fate is None else Role.FOLLOW if fate.verdict is Verdict.PASS else Role.RISE
            return Decision(Verdict.PASS, role, "critical: never held back", event.id)
        if fate is None:
            return self._judge(event, now, Role.OPENING)
        if fate.verdict is Verdict.PASS:
            return self._follow(event, now, fate)
        if event.type != "end" and (fate.given_up or rank(event.severity) > fate.severity):
            return self._judge(event, now, Role.RISE)
        kept = {Verdict.MERGED: "its event was merged", Verdict.HELD: "its event was held back"}[fate.verdict]
        return Decision(fate.verdict, Role.FOLLOW, "its start was given up" if fate.given_up else kept, fate.episode)

    def note(self, event: Event, decision: Decision) -> None:
        """The decision is kept: go by it from now on."""
        now = Moment.of(event)
        camera = self._cameras.setdefault(event.camera, _Camera())
        for episode in camera.episodes:
            if episode.event == decision.episode and decision.verdict is not Verdict.HELD:
                episode.touch(event, now)
        if decision.notifies and rank(event.severity) < CRITICAL:
            self._allowance.spend(event, now)
        if event.type == "end":
            self._fates.pop(event.id, None)
        elif decision.role is not Role.FOLLOW:
            self._remember(event.id, Fate(decision.verdict, rank(event.severity), now, decision.episode))

    def settle(self, event: Event, decision: Decision, *, delivered: bool) -> None:
        """A message that passed was acknowledged, or given up."""
        now = Moment.of(event)
        if delivered and decision.notifies:
            self._begin(event, now)
        elif delivered:
            self._go_on(event, now, decision)
        elif decision.notifies:
            self._allowance.give_back(event)
            if event.type != "end":
                self._remember(event.id, Fate(Verdict.HELD, rank(event.severity), now, "", given_up=True))

    def fate(self, event_id: str) -> Fate | None:
        """What became of an event so far, as far as it is remembered."""
        return self._fates.get(event_id)

    # ---- inside

    def _fate(self, event: Event) -> Fate | None:
        known = self._fates.get(event.id)
        return known if known is not None or event.type == "start" else self._recall(event.id)

    def _remember(self, event_id: str, fate: Fate) -> None:
        self._fates[event_id] = fate
        self._fates.move_to_end(event_id)
        if len(self._fates) > _MOST_FATES:
            self._fates.popitem(last=False)

    def _follow(self, event: Event, now: Moment, fate: Fate) -> Decision:
        """A further message of an event that was delivered."""
        if event.type == "end":
            return Decision(Verdict.PASS, Role.FOLLOW, "its event was delivered", fate.episode)
        if rank(event.severity) > fate.severity:
            return Decision(Verdict.PASS, Role.FOLLOW, f"its severity rose to {event.severity}", fate.episode)
        if rank(event.severity) < fate.severity:
            return Decision(Verdict.MERGED, Role.FOLLOW, "its severity is not lowered while it is open", fate.episode)
        if fate.told.near(now, round(self._limits.update_s * SECOND)):
            reason = f"an update less than {self._limits.update_s:g} s after the last"
            return Decision(Verdict.MERGED, Role.FOLLOW, reason, fate.episode)
        return Decision(Verdict.PASS, Role.FOLLOW, "its event was delivered", fate.episode)

    def _judge(self, event: Event, now: Moment, role: Role) -> Decision:
        """May it make a notification?"""
        severity = rank(event.severity)
        episode = self._episode(event, now)
        if episode is not None and severity <= episode.severity:
            reason = f"seen again at the place of event {episode.event}, which was delivered"
            return Decision(Verdict.MERGED, role, reason, episode.event)
        if reason := self._cooling(event, now) or self._allowance.refusal(event, now):
            return Decision(Verdict.HELD, role, reason)
        why = "nothing speaks against it" if episode is None else f"its severity rose to {event.severity}"
        return Decision(Verdict.PASS, role, why, event.id)

    def _cooling(self, event: Event, now: Moment) -> str:
        camera = self._cameras.get(event.camera)
        last, severity = camera.notified.get(event.name, (None, 0)) if camera else (None, 0)
        if last is None or rank(event.severity) > severity or not last.near(now, _ns(self._limits.cooldown_s)):
            return ""
        return f"rule {event.name!r} on camera {event.camera} notified less than {self._limits.cooldown_s:g} s ago"

    def _episode(self, event: Event, now: Moment) -> Episode | None:
        """The open episode that the event belongs to: the nearest."""
        camera = self._cameras.get(event.camera)
        open_ones = [one for one in camera.episodes if one.name == event.name] if camera else []
        open_ones = [one for one in open_ones if one.open(now, self._limits)]
        nearest = min(open_ones, key=lambda one: one.distance(event), default=None)
        return nearest if nearest is not None and nearest.distance(event) <= self._limits.merge_distance else None

    def _begin(self, event: Event, now: Moment) -> None:
        """A notification was delivered: it spends the cooldown, and begins an episode or raises one."""
        camera = self._cameras.setdefault(event.camera, _Camera())
        episode = self._episode(event, now)
        camera.notified[event.name] = (now, rank(event.severity))
        camera.episodes = [one for one in camera.episodes if one.open(now, self._limits) and one is not episode]
        camera.episodes = [*camera.episodes, Episode.of(event, now)][-_MOST_EPISODES:]

    def _go_on(self, event: Event, now: Moment, decision: Decision) -> None:
        """A further message of a notified event was delivered: what it told counts as told."""
        severity = rank(event.severity)
        for episode in self._cameras.setdefault(event.camera, _Camera()).episodes:
            if episode.event == decision.episode:
                episode.severity = max(episode.severity, severity)
        fate = self._fates.get(event.id)
        if fate is not None:
            self._remember(event.id, Fate(Verdict.PASS, severity, now, fate.episode))


def _ns(seconds: float) -> int:
    return round(seconds * SECOND)

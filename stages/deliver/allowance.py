"""How many notifications a rule, a camera and the whole site may still make."""

from dataclasses import dataclass, field

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.decision import Limits, rank
from stages.deliver.moment import Moment

_MOST = 10_000
"""Notifications remembered for each camera, should no cap keep them few."""
_LAG_S = 86400.0
"""How far one camera may be behind another and still find what that one spent: recordings are not read in step."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A notification that was made."""

    message_id: str
    name: str
    severity: int
    moment: Moment


@dataclass(slots=True)
class Allowance:
    """The notifications of the last while, camera by camera, and the caps on them.

    A window counts what lies less than ``window_s`` before *or after*, so the caps hold in every window of that
    length also where the messages of several cameras come in out of step, and a clock that was set back blocks nothing.
    What matters less takes nothing from what matters more: an event counts the notifications of at least its own
    severity. Critical ones are not counted.
    """

    limits: Limits
    spent: dict[str, list[Spent]] = field(default_factory=dict)

    def refusal(self, event: Event, now: Moment) -> str:
        """Why there may be no further notification, or an empty text."""
        limits, within_ns, severity = self.limits, round(self.limits.window_s * SECOND), rank(event.severity)
        if limits.per_rule is not None or limits.per_camera is not None:
            equal = [one for one in self.spent.get(event.camera, ()) if one.severity >= severity]
            here = [one for one in equal if one.moment.near(now, within_ns)]
            of_rule = sum(one.name == event.name for one in here)
            if limits.per_rule is not None and of_rule >= limits.per_rule:
                return self._reached("per_rule", f"rule {event.name!r} on camera {event.camera}", of_rule)
            if limits.per_camera is not None and len(here) >= limits.per_camera:
                return self._reached("per_camera", f"camera {event.camera}", len(here))
        if limits.per_site is not None:
            equal = [one for each in self.spent.values() for one in each if one.severity >= severity]
            count = sum(one.moment.near_on_site(now, within_ns) for one in equal)
            if count >= limits.per_site:
                return self._reached("per_site", "the site", count)
        return ""

    def spend(self, event: Event, now: Moment) -> None:
        """Count a notification, also while it is on its way: others must not overtake it. Nothing is counted that no
        cap asks for."""
        limits = self.limits
        if limits.per_rule is None and limits.per_camera is None and limits.per_site is None:
            return
        lag_s = 0.0 if limits.per_site is None else _LAG_S
        lapsed_ns = round(max(2 * limits.window_s, lag_s) * SECOND)
        here = [one for one in self.spent.get(event.camera, ()) if one.moment.near(now, lapsed_ns)]
        self.spent[event.camera] = [*here, Spent(event.message_id, event.name, rank(event.severity), now)][-_MOST:]

    def give_back(self, event: Event) -> None:
        """It was never delivered: it does not count."""
        self.spent[event.camera] = [
            one for one in self.spent.get(event.camera, ()) if one.message_id != event.message_id
        ]

    def _reached(self, option: str, whose: str, count: int) -> str:
        return f"{whose} made {count} notifications in {self.limits.window_s:g} s that matter as much ({option})"

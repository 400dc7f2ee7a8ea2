"""The digest: one message that says which events a sink was not sent, and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.decision import Decision, Limits, Verdict, highest
from stages.deliver.moment import Moment

TYPE = "digest"
_MOST_IDS = 20
_MOST_NAMED = 5
_WORDS = {Verdict.HELD: "held back", Verdict.MERGED: "merged"}


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that was kept from the receiver, and why."""

    event: Event
    """Its first message, less what no digest tells: there may be very many of them."""
    decision: Decision
    at_ns: int
    """UTC by the delivering process when that was decided."""


@dataclass(slots=True)
class Digest:
    """What one sink was not sent since the digest before."""

    limits: Limits
    kept: list[Kept] = field(default_factory=list)
    _since: dict[str, Moment] = field(default_factory=dict)
    _late: bool = False

    def note(self, event: Event, decision: Decision, at_ns: int) -> None:
        """Take in what was decided about a message, whatever it was: it also tells that time goes on."""
        now = Moment.of(event)
        if decision.kept_from_user:
            self.kept.append(Kept(_bare(event), decision, at_ns))
            self._since.setdefault(event.camera, now)
        since = self._since.get(event.camera)
        self._late = self._late or (since is not None and not since.near(now, self._every_ns))

    def due(self, wall_ns: int | None) -> bool:
        """Whether it is time: by a camera's media time; live (``wall_ns``, UTC) also without further events. A clock
        that was set back delays nothing."""
        waits = wall_ns is not None and bool(self.kept) and abs(wall_ns - self.kept[0].at_ns) >= self._every_ns
        return bool(self.kept) and (self._late or waits)

    def close(self, sink: str, ordinal: int) -> Event:
        """The message; the next digest begins. Named by what it tells, so that no run of the same gives it twice."""
        kept, self.kept, self._since, self._late = self.kept, [], {}, False
        return _message(kept, sink, ordinal)

    @property
    def _every_ns(self) -> int:
        return round(self.limits.digest_s * SECOND)


def _bare(event: Event) -> Event:
    return msgspec.structs.replace(
        event, reason="", object=None, best=[], region={}, score_history=[], why=[], evidence={}, model={}
    )


def _message(kept: list[Kept], sink: str, ordinal: int) -> Event:
    events = [one.event for one in kept]
    last = max(events, key=lambda event: event.media_time)
    cameras = {event.camera for event in events}
    name = sha256("\n".join([TYPE, sink, *(event.message_id for event in events)]).encode()).hexdigest()[:32]
    return Event(
        id=name,
        message_id=name,
        type=TYPE,
        camera=cameras.pop() if len(cameras) == 1 else "",
        rule="governor",
        name=TYPE,
        severity=highest([event.severity for event in events]),
        ordinal=ordinal,
        media_time=last.media_time,
        started=min(event.media_time for event in events),
        frame=0,
        wall_time=max((event.wall_time for event in events if event.wall_time), default=None),
        reason=_sentence(kept),
        why=list(_lines(kept)),
        analysis_sha256=last.analysis_sha256,
    )


def _sentence(kept: Sequence[Kept]) -> str:
    counts = Counter(one.decision.verdict for one in kept)
    words = [(counts[verdict], word) for verdict, word in _WORDS.items() if counts[verdict]]
    whole = " and ".join(f"{count} event{'s' if count > 1 else ''} {word}" for count, word in words)
    sources = Counter((one.event.name, one.event.camera) for one in kept).most_common()
    named = [f"{count} x {name!r} on {camera}" for (name, camera), count in sources[:_MOST_NAMED]]
    others = sum(count for _, count in sources[_MOST_NAMED:])
    return f"{whole}: {', '.join([*named, f'{others} others'] if others else named)}"


def _lines(kept: Iterable[Kept]) -> Iterable[dict[str, Any]]:
    """One entry for each camera, rule, severity and verdict, in the order in which they came up."""
    groups: dict[tuple[str, str, str, str, Verdict], list[Kept]] = {}
    for one in kept:
        event = one.event
        key = (event.camera, event.rule, event.name, event.severity, one.decision.verdict)
        groups.setdefault(key, []).append(one)
    for (camera, rule, name, severity, verdict), members in groups.items():
        events = [one.event for one in members]
        into = list(dict.fromkeys(one.decision.episode for one in members if one.decision.episode))
        yield {
            "predicate": "merged" if verdict is Verdict.MERGED else "held_back",
            "camera": camera,
            "rule": rule,
            "name": name,
            "severity": severity,
            "value": len(events),
            "first": min(event.media_time for event in events),
            "last": max(event.media_time for event in events),
            "first_wall_time": events[0].wall_time,
            "last_wall_time": events[-1].wall_time,
            "ids": [event.id for event in events[:_MOST_IDS]],
            "into": into[:_MOST_IDS],
            "reason": members[0].decision.reason,
        }

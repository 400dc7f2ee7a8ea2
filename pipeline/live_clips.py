"""The clips of a live camera's events: asked for as the events come, gone on with and finished, whatever breaks off."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.clip_offset import ClipOffsets
from pipeline.clips import Clips, Wanted, give_up, settle
from pipeline.clock import SECOND
from pipeline.control import Backlog
from pipeline.store.event_store import EventStore
from pipeline.store.rows import StoredEvent, readable
from pipeline.worker import Child

logger = logging.getLogger(__name__)

BATCH = 500
STUCK_NS = 10 * SECOND
"""From one try to finish a clip to the next."""
LATE_NS = 3 * SECOND
"""What a camera shows may come so much later than it was."""
LOST = "the recorder was not running when it happened"


class LiveClips:
    """Keeps the recording of one camera at what its events want."""

    def __init__(
        self, child: Child, store: EventStore, out: Path, recording: Any, options: Any, hide: dict[str, Any]
    ) -> None:
        """``hide``: what the note of a clip says of whom nobody else may see."""
        self._child = child
        self._store = store
        self._out = out
        self._recording = recording
        self._options = options
        self._hide = hide
        self._clips = Clips(child.name, live=True, at=recording.at)
        self._offsets = ClipOffsets(out)
        self._unsaid: list[tuple[Wanted, Any, dict[str, Any]]] = []
        """Clips that are there, and of which it could not be said yet."""
        self._held_up: dict[str, str] = {}
        """Clips that wait for the connection, by event; why."""
        self._stuck_ns = 0
        self._seen = self._done = self._failed = 0
        self.trouble = ""
        """Why nothing is being recorded; empty: it is."""

    @property
    def backlog(self) -> Backlog:
        """What waits, is done, and could not be had."""
        return Backlog(len(self._clips.wanted) + len(self._offsets) + len(self._unsaid), self._done, self._failed)

    def look(self) -> None:
        """See to what is new, and to what could not be done before."""
        self.scan()
        self._ask_again()
        self._settle_measured()

    def resume(self) -> None:
        """There is a connection: what waits for one is asked for."""
        self._offsets.forget()
        self._ask_for_what_waits()

    def break_off(self, reason: str) -> None:
        """The connection is gone. Clips under way go on when there is another, until their time is over."""
        for name in self._clips.wanted:
            self._held_up.setdefault(name, reason)

    def finish(self) -> None:
        """Nothing more will come."""
        for name, why in list(self._held_up.items()):
            self._finish(self._clips.wanted[name], why)
        self._settle_measured(wait=True)

    def close(self) -> None:
        """Wait for what is being measured."""
        self._offsets.close()

    def scan(self, *, first: bool = False) -> None:
        """Look for new messages. ``first``: what they ask for nobody was there to record."""
        fresh = self._fresh()
        while batch := list(islice(fresh, BATCH)):
            changed = {wanted.event: wanted for wanted in self._clips.take(readable(batch))}
            for wanted in changed.values():
                if wanted.event not in self._clips.wanted or wanted.is_settled(self._out):
                    self._forget(wanted)
                else:
                    self._ask(wanted, LOST if first else self._held_up.get(wanted.event, ""))
            self._child.answer()
        if first:
            self._recording.tidy(self._out / "media" / self._child.name, set(self._clips.wanted))

    def _fresh(self) -> Iterator[StoredEvent]:
        for stored in self._store.events("commit", after=self._seen):
            self._seen = stored.number
            yield stored

    def _times(self, wanted: Wanted) -> dict[str, int]:
        """From when to when a clip is wanted, so far as that is known."""
        times = {"from_ns": wanted.started_ns - round(self._options.pre_roll_s * SECOND)}
        if wanted.ended_ns is not None:
            times["to_ns"] = wanted.ended_ns + round(self._options.post_roll_s * SECOND)
        return times

    def _ask(self, wanted: Wanted, why: str = "") -> None:
        """``why``: what kept it from being recorded until now."""
        if not self._recording.is_open:
            self._held_up[wanted.event] = why or self.trouble or LOST
            return
        self._held_up.pop(wanted.event, None)
        try:
            self._recording.want(wanted.event, wanted.path(self._out), **self._times(wanted), why=why)
        except OSError as error:
            self._stuck_ns = self._child.clock.monotonic_ns() + STUCK_NS
            self._held_up[wanted.event] = f"cannot write: {error.strerror}"
        except RuntimeError as error:  # there are too many
            self._give_up(wanted, str(error))

    def _ask_again(self) -> None:
        """For clips that could not be written when they were asked for."""
        if self._held_up and self._recording.is_open and self._child.clock.monotonic_ns() >= self._stuck_ns:
            self._ask_for_what_waits()

    def _ask_for_what_waits(self) -> None:
        self.end_what_is_over()
        for name, why in list(self._held_up.items()):
            self._ask(self._clips.wanted[name], why)

    def end_what_is_over(self) -> None:
        """Clips whose time went by while nothing came."""
        if self._child.clock.monotonic_ns() < self._stuck_ns:
            return
        over_ns = self._child.clock.wall_ns() - LATE_NS
        for name, why in list(self._held_up.items()):
            times = self._times(self._clips.wanted[name])
            most_ns = times["from_ns"] + round(self._options.most_s * SECOND)
            if min(times.get("to_ns", most_ns), most_ns) < over_ns:
                self._finish(self._clips.wanted[name], why)

    def _finish(self, wanted: Wanted, why: str) -> None:
        """Of what there is. Where it cannot be written, it is tried again, by the next process at the latest."""
        try:
            self.settle([self._recording.finish(wanted.event, wanted.path(self._out), **self._times(wanted), why=why)])
        except OSError as error:
            self._stuck_ns = self._child.clock.monotonic_ns() + STUCK_NS
            logger.warning("camera %s: the clip of event %s waits: %s", wanted.camera, wanted.event, error.strerror)

    def settle(self, closed: list[Any]) -> None:
        """Say of clips that are closed what they hold. Raises ``OSError``."""
        for each in closed:
            wanted = None if each.segment else self._clips.wanted.get(each.name)
            if wanted is None:
                continue
            if each.recorded is None:
                self._give_up(wanted, each.short or "no picture came in its time")
                continue
            if self._recording.clock == "shared":
                self._say_what_it_holds(wanted, each, {})
                self._forget(wanted)
            else:
                self._forget(wanted)
                self._offsets.begin(wanted, each, self._recording.clock_facts)

    def _settle_measured(self, *, wait: bool = False) -> None:
        if not wait and self._child.clock.monotonic_ns() < self._stuck_ns:
            return
        unsaid, self._unsaid = [*self._unsaid, *self._offsets.done(wait=wait)], []
        for each in unsaid:
            try:
                self._say_what_it_holds(*each)
            except OSError as error:  # a full disk: again, by the next process at the latest
                self._unsaid.append(each)
                self._stuck_ns = self._child.clock.monotonic_ns() + STUCK_NS
                logger.warning("camera %s: event %s: %s", each[0].camera, each[0].event, error.strerror)

    def _say_what_it_holds(self, wanted: Wanted, closed: Any, offset: dict[str, Any]) -> None:
        made = closed.recorded
        facts = {
            "codec": made.codec,
            "frames": made.frames,
            "size": made.size,
            **(offset or self._recording.clock_facts),
            "short": closed.short,
            "hide": self._hide,
        }
        settle(wanted, self._out, facts, live=True, started_ns=made.started_ns, ended_ns=made.ended_ns)
        self._recording.forget(wanted.path(self._out))
        self._done += 1

    def _forget(self, wanted: Wanted) -> None:
        self._clips.wanted.pop(wanted.event, None)
        self._held_up.pop(wanted.event, None)

    def _give_up(self, wanted: Wanted, reason: str) -> None:
        self._forget(wanted)
        logger.warning("camera %s: no clip of event %s: %s", wanted.camera, wanted.event, reason)
        with suppress(OSError):  # a full disk: the next process says it
            give_up(wanted, self._out, reason)
            self._recording.forget(wanted.path(self._out))
        self._failed += 1

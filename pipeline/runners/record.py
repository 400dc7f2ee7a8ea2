"""The record process of one camera: a clip for each of its events, and everything where so configured.

A live camera is recorded over a connection of its own, so that what analysis does, or fails to do, costs no picture;
or, where it can be opened once only, the frames that capture has are encoded (``pipeline.shared_frames``).
Clips of a recording are cut out of it when all of its events are known.
"""

import logging
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from pipeline.backoff import Backoff
from pipeline.clip_offset import ClipOffsets
from pipeline.clips import Clips, Wanted, give_up, settle
from pipeline.clock import SECOND
from pipeline.configuration.clip_hiding import to_hide
from pipeline.configuration.config import PipelineConfig
from pipeline.control import Backlog
from pipeline.errors import SourceError
from pipeline.recording import build_live_recording
from pipeline.recording_files import FileClips
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.store.rows import StoredEvent, readable
from pipeline.whole_file import write_whole
from pipeline.wire.transport import Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

SCAN_S = 0.25
TELL_S = 0.5
SPACE_S = 1.0
BATCH = 500
STUCK_NS = 10 * SECOND
"""From one try to finish a clip to the next."""
LATE_NS = 3 * SECOND
"""What a camera shows may come so much later than it was."""
SHARED_S = 0.2
"""Between two attempts to hear of capture."""
LOST = "the recorder was not running when it happened"
STOPPED = "the run was stopped"


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained and every clip is there, or a note that says why it is not."""
    config = PipelineConfig.from_spec(spec.config)
    item = config.recorded(child.name)
    assert item is not None  # a process is started for recorded cameras only
    with spec.open_store(child.answer) as store:
        if config.is_live(child.name):
            loop = LiveLoop(child, config, spec, store)
            try:
                loop.run()
            finally:
                loop.close()
        else:
            FileClips(child, config, spec, store).run()


class LiveLoop:
    """The work loop for a live camera."""

    def __init__(self, child: Child, config: PipelineConfig, spec: RunSpec, store: EventStore) -> None:
        item = config.recorded(child.name)
        assert item is not None
        camera: Any = config.cameras[child.name]
        self._child = child
        self._store = store
        self._out = Path(spec.out)
        self._options: Any = item.options
        self._hide = to_hide(config, child.name)
        self._recording = build_live_recording(config, item, child.name, child.clock, spec)
        self._clips = Clips(child.name, live=True, at=self._recording.at)
        first_s, max_s = camera.reconnect.first_s, camera.reconnect.max_s
        if config.is_shared(child.name):  # capture does the waiting
            first_s = max_s = SHARED_S
        self._offsets = ClipOffsets(self._out)
        self._unsaid: list[tuple[Wanted, Any, dict[str, Any]]] = []
        """Clips that are there, and of which it could not be said yet."""
        self._backoff = Backoff(first_s, max_s, random.Random())
        self._waiter = Waiter(None, child)
        self._scan_due = Every(SCAN_S, child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._space_due = Every(SPACE_S, child.clock)
        self._state_file = spec.recording_state(child.name)
        self._full = False
        self._held_up: dict[str, str] = {}
        """Clips that wait for the connection, by event; why."""
        self._retry_ns = self._stuck_ns = 0
        self._seen = self._done = self._failed = 0
        self._trouble = self._said()

    def run(self) -> None:
        """Until drained."""
        self._child.started()
        self._scan(first=True)
        while not self._child.draining:
            self._child.answer()
            if self._scan_due.due():
                self._scan()
                self._ask_again()
                self._settle_measured()
            if self._space_due.due():
                self._look_at_disk()
            if self._tell_due.due():
                self._child.tell(Backlog(len(self._clips.wanted) + len(self._offsets), self._done, self._failed))
            if not self._full and (self._recording.is_open or self._try_open()):
                self._step()
            else:
                self._end_what_is_over()
                self._waiter.wait(0.1)
        self._scan()
        self._break_off(STOPPED)
        for name, why in list(self._held_up.items()):
            self._finish(self._clips.wanted[name], why)
        self._settle_measured(wait=True)
        self._child.tell(Backlog(0, self._done, self._failed))

    def close(self) -> None:
        """Finish the files."""
        self._recording.close()
        self._offsets.close()

    def _try_open(self) -> bool:
        if self._child.clock.monotonic_ns() < self._retry_ns:
            return False
        try:
            self._recording.open()
        except SourceError as error:
            self._fail(str(error))
            return False
        except OSError as error:
            self._fail(f"cannot write: {error.strerror}")
            return False
        self._offsets.forget()
        self._end_what_is_over()
        for name, why in list(self._held_up.items()):
            self._ask(self._clips.wanted[name], why)
        return True

    def _step(self) -> None:
        try:
            self._settle(self._recording.step())
        except SourceError as error:
            self._break_off(str(error))
            self._fail(str(error))
        except OSError as error:
            reason = f"cannot write: {error.strerror}"
            self._break_off(reason)
            self._fail(reason)
        else:
            self._recovered()

    def _break_off(self, reason: str) -> None:
        """Let go of the connection. Clips under way go on when there is another, until their time is over."""
        self._settle(self._recording.close())
        for name in self._clips.wanted:
            self._held_up.setdefault(name, reason)

    def _fail(self, reason: str) -> None:
        delay_s = self._backoff.next_s()
        self._retry_ns = self._child.clock.monotonic_ns() + int(delay_s * SECOND)
        if reason != self._trouble:
            logger.warning("camera %s is not being recorded: %s", self._child.name, reason)
            self._say(reason)
        self._trouble = reason

    def _recovered(self) -> None:
        self._backoff.reset()
        if self._trouble:
            self._trouble = ""
            logger.info("camera %s is being recorded again", self._child.name)
            self._say("")

    def _look_at_disk(self) -> None:
        """Recording stops before the disk is full, and goes on when a tenth more is free."""
        reserve = self._options.reserve_mb * 1e6
        free = shutil.disk_usage(self._out).free
        if not self._full and free < reserve:
            self._full = True
            reason = f"less than {self._options.reserve_mb:g} MB of the disk are free (reserve_mb)"
            self._break_off(reason)
            self._fail(reason)
        elif self._full and free >= 1.1 * reserve:
            self._full = False

    def _said(self) -> str:
        """What was said last, by a process before this one."""
        try:
            return str(msgspec.json.decode(self._state_file.read_bytes())["reason"])
        except (OSError, msgspec.MsgspecError, KeyError, TypeError):
            return ""

    def _say(self, reason: str) -> None:
        """To the camera's log, and so to its rules. It is no loss if this fails: the log of the process has it."""
        try:
            write_whole(self._state_file, [msgspec.json.encode({"reason": reason})], flush=False)
        except OSError as error:
            logger.warning("camera %s: its log is not told of that: %s", self._child.name, error.strerror)

    # ---- events

    def _scan(self, *, first: bool = False) -> None:
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
            self._held_up[wanted.event] = why or self._trouble or LOST
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
            self._end_what_is_over()
            for name, why in list(self._held_up.items()):
                self._ask(self._clips.wanted[name], why)

    def _end_what_is_over(self) -> None:
        """Clips whose time went by while nothing came."""
        if self._full or self._child.clock.monotonic_ns() < self._stuck_ns:
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
            self._settle([self._recording.finish(wanted.event, wanted.path(self._out), **self._times(wanted), why=why)])
        except OSError as error:
            self._stuck_ns = self._child.clock.monotonic_ns() + STUCK_NS
            logger.warning("camera %s: the clip of event %s waits: %s", wanted.camera, wanted.event, error.strerror)

    def _settle(self, closed: list[Any]) -> None:
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
                self._offsets.begin(wanted, each, self._recording.clock)

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
            "clock": self._recording.clock,
            **offset,
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

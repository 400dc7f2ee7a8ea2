"""The record process of one camera: a clip for each of its events, and everything where so configured.

A live camera is recorded over a connection of its own, so that what analysis does, or fails to do, costs no picture.
Clips of a recording are cut out of it when all of its events are known.
"""

import logging
import random
import shutil
from pathlib import Path
from typing import Any

import msgspec

from pipeline.backoff import Backoff
from pipeline.clips import Clips, Wanted, give_up, settle
from pipeline.clock import SECOND
from pipeline.configuration.config import PipelineConfig
from pipeline.control import Backlog
from pipeline.errors import SourceError
from pipeline.recording import build_live_recording
from pipeline.recording_files import FileClips
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.whole_file import write_whole
from pipeline.wire.transport import Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

SCAN_S = 0.25
TELL_S = 0.5
SPACE_S = 1.0
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
        self._recording = build_live_recording(config, item, child.name, child.clock, self._out)
        self._clips = Clips(child.name, live=True)
        self._backoff = Backoff(camera.reconnect.first_s, camera.reconnect.max_s, random.Random())
        self._waiter = Waiter(None, child)
        self._scan_due = Every(SCAN_S, child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._space_due = Every(SPACE_S, child.clock)
        self._state_file = spec.recording_state(child.name)
        self._full = False
        self._retry_ns = 0
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
            if self._space_due.due():
                self._look_at_disk()
            if self._tell_due.due():
                self._child.tell(Backlog(len(self._clips.wanted), self._done, self._failed))
            if not self._full and (self._recording.is_open or self._try_open()):
                self._step()
            else:
                self._waiter.wait(0.1)
        self._scan()
        self._settle(self._recording.close(STOPPED))
        for wanted in list(self._clips.wanted.values()):
            self._give_up(wanted, STOPPED)
        self._child.tell(Backlog(0, self._done, self._failed))

    def close(self) -> None:
        """Finish the files."""
        self._recording.close(STOPPED)

    def _try_open(self) -> bool:
        if self._child.clock.monotonic_ns() < self._retry_ns:
            return False
        try:
            self._recording.open()
        except SourceError as error:
            self._fail(str(error))
            return False
        return True

    def _step(self) -> None:
        try:
            self._settle(self._recording.step())
        except SourceError as error:
            self._settle(self._recording.close(str(error)))
            self._fail(str(error))
        except OSError as error:
            reason = f"cannot write: {error.strerror}"
            self._settle(self._recording.close(reason))
            self._fail(reason)
        else:
            self._recovered()

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
            self._settle(self._recording.close(reason))
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
        """Look for new messages; on a first look most of what they ask for is there already, or lost."""
        stored = list(self._store.events("commit", after=self._seen))
        self._seen = stored[-1].number if stored else self._seen
        for wanted in self._clips.take(each.event for each in stored):
            if wanted.event not in self._clips.wanted or wanted.is_settled(self._out):
                self._clips.wanted.pop(wanted.event, None)
            elif first and wanted.ended_ns is not None:
                self._give_up(wanted, LOST)
            elif not first:
                self._ask(wanted)

    def _ask(self, wanted: Wanted) -> None:
        if not self._recording.is_open:
            self._give_up(wanted, self._trouble or LOST)
            return
        times = {"from_ns": wanted.started_ns - round(self._options.pre_roll_s * SECOND)}
        if wanted.ended_ns is not None:
            times["to_ns"] = wanted.ended_ns + round(self._options.post_roll_s * SECOND)
        try:
            self._recording.want(wanted.event, wanted.path(self._out), **times)
        except (OSError, RuntimeError) as error:
            self._give_up(wanted, str(error))

    def _settle(self, closed: list[Any]) -> None:
        for each in closed:
            wanted = None if each.segment else self._clips.wanted.pop(each.name, None)
            if wanted is None:
                continue
            if each.recorded is None:
                self._give_up(wanted, each.short or "no picture came in its time")
                continue
            made = each.recorded
            facts = {
                "codec": made.codec,
                "frames": made.frames,
                "size": made.size,
                "clock": "camera" if self._recording.by_camera else "arrival",
                "short": each.short,
            }
            settle(wanted, self._out, facts, live=True, started_ns=made.started_ns, ended_ns=made.ended_ns)
            self._done += 1

    def _give_up(self, wanted: Wanted, reason: str) -> None:
        self._clips.wanted.pop(wanted.event, None)
        logger.warning("camera %s: no clip of event %s: %s", wanted.camera, wanted.event, reason)
        give_up(wanted, self._out, reason)
        self._failed += 1

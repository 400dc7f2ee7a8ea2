"""The record process of one camera: a clip for each of its events, and everything where so configured.

A live camera is recorded over a connection of its own, so that what analysis does, or fails to do, costs no picture;
or, where it can be opened once only, the frames that capture has are encoded (``pipeline.shared_frames``).
Clips of a recording are cut out of it when all of its events are known.
"""

import logging
import random
import shutil
from pathlib import Path
from typing import Any

import msgspec

from pipeline.backoff import Backoff
from pipeline.clock import SECOND
from pipeline.configuration.clip_hiding import to_hide
from pipeline.configuration.config import PipelineConfig
from pipeline.errors import SourceError
from pipeline.live_clips import LiveClips
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
SHARED_S = 0.2
"""Between two attempts to hear of capture."""
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
        self._out = Path(spec.out)
        self._options: Any = item.options
        self._recording = build_live_recording(config, item, child.name, child.clock, spec)
        hide = to_hide(config, child.name)
        self._clips = LiveClips(child, store, self._out, self._recording, item.options, hide)
        first_s, max_s = camera.reconnect.first_s, camera.reconnect.max_s
        if config.is_shared(child.name):  # capture does the waiting
            first_s = max_s = SHARED_S
        self._backoff = Backoff(first_s, max_s, random.Random())
        self._waiter = Waiter(None, child)
        self._scan_due = Every(SCAN_S, child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._space_due = Every(SPACE_S, child.clock)
        self._state_file = spec.recording_state(child.name)
        self._full = False
        self._retry_ns = 0
        self._clips.trouble = self._said()

    def run(self) -> None:
        """Until drained."""
        self._child.started()
        self._clips.scan(first=True)
        while not self._child.draining:
            self._child.answer()
            if self._scan_due.due():
                self._clips.look()
            if self._space_due.due():
                self._look_at_disk()
            if self._tell_due.due():
                self._child.tell(self._clips.backlog)
            if not self._full and (self._recording.is_open or self._try_open()):
                self._step()
            else:
                if not self._full:
                    self._clips.end_what_is_over()
                self._waiter.wait(0.1)
        self._clips.scan()
        self._break_off(STOPPED)
        self._clips.finish()
        self._child.tell(msgspec.structs.replace(self._clips.backlog, waiting=0))

    def close(self) -> None:
        """Finish the files."""
        self._recording.close()
        self._clips.close()

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
        self._clips.resume()
        return True

    def _step(self) -> None:
        try:
            self._clips.settle(self._recording.step())
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
        self._recording.close()
        self._clips.break_off(reason)

    def _fail(self, reason: str) -> None:
        delay_s = self._backoff.next_s()
        self._retry_ns = self._child.clock.monotonic_ns() + int(delay_s * SECOND)
        if reason != self._clips.trouble:
            logger.warning("camera %s is not being recorded: %s", self._child.name, reason)
            self._say(reason)
        self._clips.trouble = reason

    def _recovered(self) -> None:
        self._backoff.reset()
        if self._clips.trouble:
            self._clips.trouble = ""
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

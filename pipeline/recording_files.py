"""Clips of a recording: cut out of the file itself, or encoded where it cannot be copied.

All of them are made when the recording is over, in one pass over it where it must be decoded again.
"""

import logging
from pathlib import Path
from typing import Any

from pipeline.build import build_capture
from pipeline.clips import Clips, Wanted, give_up, settle
from pipeline.clock import SECOND
from pipeline.configuration.clip_hiding import to_hide
from pipeline.configuration.config import PipelineConfig
from pipeline.control import Backlog
from pipeline.errors import SourceEnded, SourceError
from pipeline.recording import Recorded, build_film, copied_from, cutter
from pipeline.spare_room import FULL_DISK
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.store.rows import readable
from pipeline.wire.transport import Waiter
from pipeline.worker import Child

logger = logging.getLogger(__name__)

WAIT_S = 0.2
"""What keeps nothing from being written later."""
TRIES = 3
ROOM_S = 2.0
"""From one try on a full disk to the next."""


class FileClips:
    """The work loop of the record process for a recording."""

    def __init__(self, child: Child, config: PipelineConfig, spec: RunSpec, store: EventStore) -> None:
        item = config.recorded(child.name)
        assert item is not None
        self._child = child
        self._config = config
        self._item = item
        self._store = store
        self._out = Path(spec.out)
        options: Any = item.options
        self._before_ns = round(options.pre_roll_s * SECOND)
        self._after_ns = round(options.post_roll_s * SECOND)
        self._most_ns = round(options.most_s * SECOND)
        self._done = self._failed = 0
        self._full = ""
        """Why something could not be written that may be later; empty: nothing."""

    def run(self) -> None:
        """Wait for the end of the analysis, then make every clip that is not there."""
        waiter = Waiter(None, self._child)
        self._child.started()
        while not self._child.draining:
            self._child.answer()
            waiter.wait(WAIT_S)
        clips = Clips(self._child.name, live=False)
        clips.take(readable(self._store.events("commit")))
        wanted = [each for each in clips.wanted.values() if each.ended_ns is not None]
        for left in range(TRIES - 1, -1, -1):
            self._full = ""
            self._make([each for each in wanted if not each.is_settled(self._out)])
            if not self._full:
                break
            what = f"trying again in {ROOM_S:g} s" if left else "the next run makes what is missing"
            logger.warning("camera %s: no room for its clips: %s; %s", self._child.name, self._full, what)
            over_ns = self._child.clock.monotonic_ns() + int(ROOM_S * SECOND)
            while left and self._child.clock.monotonic_ns() < over_ns:
                self._child.answer()
                waiter.wait(WAIT_S)
        self._child.tell(Backlog(0, self._done, self._failed))

    def _make(self, wanted: list[Wanted]) -> None:
        source = copied_from(self._config, self._item, self._child.name)
        to_film = wanted if source is None else [each for each in wanted if not self._cut(source, each)]
        if to_film:
            self._film(to_film)

    def _span(self, wanted: Wanted) -> tuple[int, int]:
        """From when to when, in media time."""
        assert wanted.ended_ns is not None  # only those of events that are over are made
        begin = max(wanted.started_ns - self._before_ns, 0)
        return begin, min(wanted.ended_ns + self._after_ns, begin + self._most_ns)

    def _cut(self, source: Path, wanted: Wanted) -> bool:
        """False if it cannot be copied."""
        begin, end = self._span(wanted)
        try:
            made = cutter()(source, wanted.path(self._out), from_ns=begin, to_ns=end)
        except SourceError as error:
            logger.info("camera %s: %s: encoding its clips", self._child.name, error)
            return False
        except OSError as error:
            self._fail([wanted], error)
            return True
        self._settle(wanted, made)
        return True

    def _film(self, wanted: list[Wanted]) -> None:
        """Decode once, from the beginning to the end of the last clip."""
        waiting = sorted(wanted, key=lambda each: self._span(each)[0])
        under_way: list[tuple[Wanted, Any]] = []
        capture = build_capture(self._config, self._child.name, self._child.clock)
        try:
            capture.open(session=0, next_index=0, last_media_ns=-1)
            while waiting or under_way:
                self._child.answer()
                captured = capture.capture(None)
                now = captured.frame.media_ns
                while waiting and self._span(waiting[0])[0] <= now:
                    under_way.append((waiting[0], build_film(self._item, waiting.pop(0).path(self._out))))
                for each, film in [pair for pair in under_way if self._span(pair[0])[1] < now]:
                    under_way.remove((each, film))
                    self._finish(each, film)
                for _, film in under_way:
                    film.add(captured.pixels, now)
        except SourceEnded:
            pass
        except (SourceError, OSError) as error:
            waiting, broken = [], [each for each, _ in under_way] + waiting
            under_way = []
            self._fail(broken, error)
        finally:
            capture.close()
        for each, film in under_way:
            self._finish(each, film)
        for each in waiting:
            self._give_up(each, "the recording ends before it")

    def _finish(self, wanted: Wanted, film: Any) -> None:
        try:
            made = film.close()
        except OSError as error:
            self._fail([wanted], error)
            return
        if made is None:
            self._give_up(wanted, "no picture came in its time")
        else:
            self._settle(wanted, made)

    def _settle(self, wanted: Wanted, made: Recorded) -> None:
        facts = {"codec": made.codec, "frames": made.frames, "size": made.size, "clock": "file", "short": ""}
        facts |= {"hide": to_hide(self._config, self._child.name)}
        try:
            settle(wanted, self._out, facts, live=False, started_ns=made.started_ns, ended_ns=made.ended_ns)
        except OSError as error:
            self._full = error.strerror or str(error)
            return
        self._done += 1
        self._child.tell(Backlog(0, self._done, self._failed))

    def _fail(self, wanted: list[Wanted], error: Exception) -> None:
        """Give them up, unless there was only no room for them."""
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            self._full = error.strerror or str(error)
            return
        reason = f"cannot be written: {error.strerror}" if isinstance(error, OSError) else str(error)
        for each in wanted:
            self._give_up(each, reason)

    def _give_up(self, wanted: Wanted, reason: str) -> None:
        logger.warning("camera %s: no clip of event %s: %s", wanted.camera, wanted.event, reason)
        try:
            give_up(wanted, self._out, reason)
        except OSError as error:
            self._full = error.strerror or str(error)
            return
        self._failed += 1

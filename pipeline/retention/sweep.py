"""Deletes evidence that is to go, a little at a time, beside a run that goes on."""

import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from pipeline.clock import SECOND, Clock
from pipeline.configuration.retention import RetentionOptions
from pipeline.integrity.deletion import Wish, note_deletions, remove
from pipeline.integrity.witness import RECORDINGS, Witness
from pipeline.retention.plan import GB, Going, Item, Kind, Span, covered, merged, plan
from pipeline.store.event_store import EventStore
from pipeline.wall import rfc3339

logger = logging.getLogger(__name__)

EVERY_NS = 60 * SECOND
"""Between two looks at how old things are. How many they are and how full the disk is is looked at each time."""
REST = 20
"""Where a limit is broken and nothing may go, the next look waits so many times as long as this one took."""
MOST = 200
"""Files that are deleted in one round; the next round goes on."""
NOT_COUNTED = (".json", ".missing")
"""Notes beside a clip or in place of one stay with their event, so that nobody makes again what was deleted."""
AROUND_NS = 30 * SECOND
"""What was recorded so long before and after an event that is open or protected belongs to it."""
LONGEST_NS = 600 * SECOND
"""Of an event that does not end, no more of what is recorded all the time is kept."""
SEGMENT_NS = 2 * 3600 * SECOND
"""No segment is longer: an hour, and until the next key frame."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sweep:
    """The retention of one folder of results, in the process that holds its chain."""

    def __init__(
        self,
        out: Path,
        options: RetentionOptions,
        witness: Witness,
        store: EventStore,
        clock: Clock,
        answer: Callable[[], None] = lambda: None,
    ) -> None:
        """``answer`` is called between two files."""
        self._out = out
        self._options = options
        self._witness = witness
        self._store = store
        self._clock = clock
        self._answer = answer
        self._due_ns = 0
        self._rest_ns = 0
        self._looked_at = 0
        """Files that were in the chain when no camera held too much."""
        self._left: list[str] = []
        """Files with a tombstone that could not be removed."""
        self._short: list[str] = []
        """What was said last of limits that cannot be kept."""

    def look(self) -> int:
        """Delete what is to go now, ``MOST`` at most; how many these were."""
        now_ns = self._clock.wall_ns()
        began_ns = self._clock.monotonic_ns()
        is_due = began_ns >= self._due_ns
        free = shutil.disk_usage(self._out).free
        if not self._options.enabled or not (is_due or self._is_urgent(free)):
            return 0
        self._left = remove(self._out, self._left)
        planned = plan(self._items(now_ns), self._options, now_ns=now_ns, free=free)
        self._delete(planned.going[:MOST])
        self._complain(planned.short)
        if len(planned.going) <= MOST:
            self._due_ns = self._clock.monotonic_ns() + EVERY_NS
        if not planned.going:
            ended_ns = self._clock.monotonic_ns()
            self._rest_ns = ended_ns + min(EVERY_NS, REST * (ended_ns - began_ns))
        return min(len(planned.going), MOST)

    def _is_urgent(self, free: int) -> bool:
        """Whether the disk is nearly full, or a camera holds too much."""
        if self._clock.monotonic_ns() < self._rest_ns:
            return False
        return (self._options.free_gb is not None and free < self._options.free_gb * GB) or self._is_large()

    def _is_large(self) -> bool:
        limits = {each.most_gb for each in (self._options, *self._options.cameras.values())}
        number = len(self._witness.chain.names)
        if limits == {None} or number == self._looked_at:
            return False
        sizes: dict[str, int] = {}
        for name, held in self._witness.chain.held.items():
            camera = self._whose(name)[0]
            sizes[camera] = sizes.get(camera, 0) + (0 if name.endswith(NOT_COUNTED) else held.size)
        by_camera = ((size, self._options.of(camera).most_gb) for camera, size in sizes.items())
        is_large = any(most is not None and size > most * GB for size, most in by_camera)
        self._looked_at = 0 if is_large else number
        return is_large

    def _whose(self, name: str) -> tuple[str, str]:
        """Camera and event of a file; empty where nobody knows."""
        path = PurePosixPath(name)
        if path.parts[0] == RECORDINGS:
            return path.parts[1], ""
        owner = self._witness.owners.get(name) or self._witness.owners.get(f"media/{path.name}")
        return owner or (path.parts[1] if len(path.parts) > 2 else "", "")

    def _items(self, now_ns: int) -> list[Item]:
        """All evidence that counts."""
        found: list[tuple[str, str, str, Kind, int, int]] = []
        for name, held in self._witness.chain.held.items():
            if not name.endswith(NOT_COUNTED):
                kind: Kind = "recording" if name.startswith(f"{RECORDINGS}/") else "event"
                found.append((name, *self._whose(name), kind, moment_ns(held.taken), held.size))
        self._answer()
        standing = self._store.keeping.standing(sorted({event for _, _, event, *_ in found if event}))
        spans = self._spans(now_ns)
        self._answer()
        items = []
        for name, camera, event, kind, taken_ns, size in found:
            known = standing.get(event)
            severity, needed = (known.severity, known.needed) if known else ("", "")
            if kind == "recording" and covered(_recorded(name, taken_ns), spans.get(camera, [])):
                needed = "of an event that is open or protected"
            items.append(Item(name, camera, kind, taken_ns, size, severity, needed))
        return items

    def _spans(self, now_ns: int) -> dict[str, list[Span]]:
        """The times of each camera whose recording must stay."""
        spans: dict[str, list[Span]] = {}
        for each in self._store.keeping.stretches():
            end = min(now_ns, each.started_ns + LONGEST_NS) if each.ended_ns is None else each.ended_ns
            spans.setdefault(each.camera, []).append((each.started_ns - AROUND_NS, end + AROUND_NS))
        return {camera: merged(found) for camera, found in spans.items()}

    def _delete(self, going: list[Going]) -> None:
        if not going:
            return
        wishes = [Wish(each.item.name, each.item.size, each.why) for each in going]
        try:
            note_deletions(self._witness.chain, wishes, rfc3339(self._clock.wall_ns()))
        except OSError as error:
            logger.warning("retention: nothing was deleted, the chain cannot be written: %s", error.strerror)
            return
        self._left += remove(self._out, [wish.name for wish in wishes], self._answer)
        size = sum(wish.size for wish in wishes)
        whys = "; ".join(dict.fromkeys(wish.why for wish in wishes))
        logger.info("retention: deleted %d files, %.1f MB: %s", len(wishes), size / 1e6, whys)

    def _complain(self, short: list[str]) -> None:
        """Of limits that cannot be kept: once, and again when it is over."""
        if short == self._short:
            return
        self._short = short
        if short:
            stays = "what is left is open, protected, not delivered, or younger than grace_s"
            logger.warning("retention: %s; %s", "; ".join(short), stays)
        else:
            logger.info("retention: its limits are kept again")


def moment_ns(taken: str) -> int:
    """UTC in ns since 1970 of a time as the chain has it."""
    return (datetime.fromisoformat(taken) - _EPOCH) // timedelta(microseconds=1) * 1000


def _recorded(name: str, taken_ns: int) -> Span:
    """When a segment was recorded: its name says when it began."""
    stem = PurePosixPath(name).stem
    began_ns = int(stem) if stem.isdigit() else taken_ns
    return began_ns, min(taken_ns, began_ns + SEGMENT_NS)

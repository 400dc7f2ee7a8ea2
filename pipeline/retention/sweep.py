"""Deletes evidence that is to go, a little at a time, beside a run that goes on."""

import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from math import inf
from pathlib import Path, PurePosixPath

from pipeline.clock import SECOND, Clock
from pipeline.configuration.retention import RetentionOptions
from pipeline.integrity.chain import Held
from pipeline.integrity.deletion import Wish, note_deletions, remove
from pipeline.integrity.sealing import SUFFIX
from pipeline.integrity.witness import RECORDINGS, Witness
from pipeline.retention.plan import DAY, GB, Going, Item, Kind, Span, covered, merged, plan
from pipeline.spare_room import is_scarce
from pipeline.store.event_store import EventStore
from pipeline.store.keeping import Standing
from pipeline.wall import rfc3339

logger = logging.getLogger(__name__)

EVERY_NS = 60 * SECOND
"""Between two looks at how old things are. How many they are and how full the disk is is looked at each time."""
REST = 20
"""Where a limit is broken and nothing may go, the next look waits so many times as long as this one took."""
MOST = 200
"""Files that are deleted in one round; the next round goes on."""
MOST_FULL = 20
"""The same on a disk without room: the tombstones of so few fit into what the chain keeps, and what goes makes room."""
FEW = 1000
"""What is looked at between two answers to the supervisor."""
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
        self._going: list[Going] = []
        """What is planned and not deleted yet."""
        self._planned_ns = 0
        self._sizes: dict[str, int] = {}
        """Of what each camera holds, as far as it is counted."""
        self._counted = 0
        """Files that are."""
        self._left: list[str] = []
        """Files with a tombstone that could not be removed."""
        self._short: list[str] = []
        """What was said last of limits that cannot be kept."""

    def look(self) -> int:
        """Delete what is to go now, ``MOST`` at most; how many these were."""
        now_ns = self._clock.wall_ns()
        began_ns = self._clock.monotonic_ns()
        if not self._options.enabled:
            return 0
        self._count()
        if not self._going or began_ns > self._planned_ns + EVERY_NS:
            self._plan(began_ns, now_ns)
        most = MOST_FULL if is_scarce(self._out) else MOST
        going, self._going = self._going[:most], self._going[most:]
        return self._delete(self._still(going, now_ns))

    def recount(self) -> None:
        """Others have deleted files, too: count anew what each camera holds."""
        self._sizes, self._counted = {}, 0

    def _plan(self, began_ns: int, now_ns: int) -> None:
        """Look at what there is, if it is time; all of it only where there is too much."""
        self._going = []
        free = shutil.disk_usage(self._out).free
        is_urgent = began_ns >= self._rest_ns and not self._is_kept(free)
        if not is_urgent and began_ns < self._due_ns:
            return
        if self._witness.chain.is_synced:  # else their tombstones are not on the disk yet
            self._left = remove(self._out, self._left)
        items = self._items(self._held(now_ns, is_urgent=is_urgent), now_ns)
        planned = plan(items, self._options, now_ns=now_ns, free=free if is_urgent else inf)
        self._going = planned.going
        ended_ns = self._planned_ns = self._clock.monotonic_ns()
        self._due_ns = ended_ns + EVERY_NS
        if is_urgent or self._is_kept(free):
            self._complain(planned.short)
        if not planned.going:
            self._rest_ns = ended_ns + min(EVERY_NS, REST * (ended_ns - began_ns))

    def _is_kept(self, free: int) -> bool:
        """Whether the disk is not nearly full, and no camera holds too much."""
        if self._options.free_gb is not None and free < self._options.free_gb * GB:
            return False
        by_camera = ((size, self._options.of(camera).most_gb) for camera, size in self._sizes.items())
        return all(most is None or size <= most * GB for size, most in by_camera)

    def _count(self) -> None:
        """Add what the chain has taken note of since the last look."""
        chain = self._witness.chain
        fresh = len(chain.names) - self._counted
        for name in islice(reversed(chain.held), fresh):
            if not name.endswith(NOT_COUNTED):
                camera = self._whose(name)[0]
                self._sizes[camera] = self._sizes.get(camera, 0) + chain.held[name].size
        self._counted = len(chain.names)

    def _held(self, now_ns: int, *, is_urgent: bool) -> list[tuple[str, Held]]:
        """What is to be looked at: everything, or what may be too old."""
        held = self._witness.chain.held.items()
        if is_urgent:
            return [each for each in held if not each[0].endswith(NOT_COUNTED)]
        each = (limits.shortest_days for limits in (self._options, *self._options.cameras.values()))
        shortest = min((days for days in each if days is not None), default=None)
        if shortest is None:
            return []
        before = rfc3339(max(0, now_ns - round(shortest * DAY)))
        old = takewhile(lambda each: each[1].taken < before, held)  # in the order in which they came
        return [each for each in old if not each[0].endswith(NOT_COUNTED)]

    def _still(self, going: list[Going], now_ns: int) -> list[Going]:
        """Those that may still go: an event may have been protected since the plan was made."""
        if not going:
            return []
        held = self._witness.chain.held
        names = [(each.item.name, held[each.item.name]) for each in going if each.item.name in held]
        free = {item.name for item in self._items(names, now_ns) if not item.needed}
        return [each for each in going if each.item.name in free]

    def _whose(self, name: str) -> tuple[str, str]:
        """Camera and event of a file; empty where nobody knows."""
        path = PurePosixPath(name)
        if path.parts[0] == RECORDINGS:
            return path.parts[1], ""
        owner = self._witness.owners.get(name) or self._witness.owners.get(f"media/{path.name.removesuffix(SUFFIX)}")
        return owner or (path.parts[1] if len(path.parts) > 2 else "", "")

    def _items(self, held: list[tuple[str, Held]], now_ns: int) -> list[Item]:
        """What is known of these files."""
        standing = self._standing(sorted({self._whose(name)[1] for name, _ in held}))
        spans = self._spans(now_ns)
        items = []
        for number, (name, each) in enumerate(held):
            if number % FEW == 0:
                self._answer()
            camera, event = self._whose(name)
            kind: Kind = "recording" if name.startswith(f"{RECORDINGS}/") else "event"
            taken_ns = moment_ns(each.taken)
            known = standing.get(event)
            severity, needed = (known.severity, known.needed) if known else ("", "")
            if kind == "recording" and covered(_recorded(name, taken_ns), spans.get(camera, [])):
                needed = "of an event that is open or protected"
            items.append(Item(name, camera, kind, taken_ns, each.size, severity, needed))
        return items

    def _standing(self, events: list[str]) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        for start in range(0, len(events), FEW):
            found |= self._store.keeping.standing(events[start : start + FEW])
            self._answer()
        return found

    def _spans(self, now_ns: int) -> dict[str, list[Span]]:
        """The times of each camera whose recording must stay."""
        spans: dict[str, list[Span]] = {}
        for each in self._store.keeping.stretches():
            end = min(now_ns, each.started_ns + LONGEST_NS) if each.ended_ns is None else each.ended_ns
            spans.setdefault(each.camera, []).append((each.started_ns - AROUND_NS, end + AROUND_NS))
        return {camera: merged(found) for camera, found in spans.items()}

    def _delete(self, going: list[Going]) -> int:
        if not going:
            return 0
        wishes = [Wish(each.item.name, each.item.size, each.why) for each in going]
        try:
            note_deletions(self._witness.chain, wishes, rfc3339(self._clock.wall_ns()))
        except OSError as error:
            logger.warning("retention: nothing was deleted, the chain cannot be written: %s", error.strerror)
            self._left += [wish.name for wish in wishes if wish.name in self._witness.chain.gone]
            return 0
        for each in going:
            self._sizes[each.item.camera] = self._sizes.get(each.item.camera, 0) - each.item.size
        self._left += remove(self._out, [wish.name for wish in wishes], self._answer)
        self._witness.chain.take_room()  # before others do
        size = sum(wish.size for wish in wishes)
        whys = "; ".join(dict.fromkeys(wish.why for wish in wishes))
        logger.info("retention: deleted %d files, %.1f MB: %s", len(wishes), size / 1e6, whys)
        return len(wishes)

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

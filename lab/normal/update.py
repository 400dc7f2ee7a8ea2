"""A new generation of a model of normal from what a run has logged since the last time; no video is read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from lab.normal.alarms import Alarm, Reports, reported, said_of
from lab.normal.following import Following, LogHead, head_of
from lab.normal.footage import is_run
from lab.normal.in_force import note_threshold
from lab.normal.keeping import is_same, keep
from lab.normal.learning import LEAST_S
from lab.normal.reservoir import BUCKETS, FOLDER, UNKNOWN, Entry, Followed, Reservoir, Terms
from lab.normal.reteaching import Retaught, hours_of, teach
from lab.normal.run_answers import RunAnswers
from lab.normal.stretch import Stretch
from pipeline.clock import SECOND
from pipeline.errors import CannotStart, UsageError
from pipeline.file_lock import lock
from stages.alert.normal.feedback import read_feedback
from stages.alert.normal.store import GENERATIONS, Stored, generations, read, read_manifest

ENOUGH_S = 3600.0
"""A generation that was learned from more gives way to a sample of this much ..."""
SHARE = 0.5
"""... and another to this share of what it was learned from."""
FEWEST_STRETCHES = 2
"""One is scored by a model of the others."""
AHEAD_NS = 24 * 3600 * SECOND
"""What claims to be later than now by more was taken by a wrong clock; it would own the sample until that time."""
A_DAY_NS = 23 * 3600 * SECOND
"""The sample must reach over so much of a day, or a quiet hour would be all that is known."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an update found in a log."""

    offered: int
    """Stretches that were complete since the last time."""
    seconds: float
    """Of them."""
    ordinary: int
    """Events that were taken for daily life."""
    short_s: float = 0.0
    """Time in pieces of too few frames."""
    later_s: float = 0.0
    """Time that by its clock has not come yet."""
    latest_ns: int = 0
    """Of that, the latest (UTC)."""


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update came to."""

    gathered: Gathered
    stretches: int
    """In the sample."""
    hours: dict[int, float]
    """Of it, by quarter of the day."""
    dropped: list[str]
    """Stretches that could not be read, a line each."""
    waits: str = ""
    """Why no generation was made."""
    stored: Stored | None = None
    """The new generation."""
    taught: Retaught | None = field(default=None, repr=False)


def update(
    folder: Path,
    out: Path,
    *,
    camera: str = "",
    terms: Terms | None = None,
    ordinary: tuple[str, ...] = (),
    resume: bool = False,
    now_ns: int | None = None,
) -> Updated:
    """Take in what is new, and learn the next generation from the sample.

    ``terms`` None: as before. After ``rollback`` no generation is made until ``resume``. ``now_ns``: UTC, default the
    clock's; stretches that are later by a day are not taken in. Nothing is written where nothing is new; an update that
    is killed leaves what was there, and the next one does its work. Raises ``UsageError`` or ``CannotStart``, one line.
    """
    stored = read(folder)
    name = camera or stored.manifest.camera
    if name != stored.manifest.camera:
        raise UsageError(f"--camera {name}: {folder} holds the model of camera {stored.manifest.camera!r}")
    log = _log(out, name)
    head = head_of(log)
    if head is None:
        raise UsageError(f"{log}: holds no frame yet")
    learned = stored.manifest.detector
    if learned and head.detector and learned != head.detector:
        raise UsageError(
            f"{out}: was made with another detector (sha256 {head.detector[:12]}) than the model in {folder} "
            f"({learned[:12]}); learn that camera anew with 'bartizan learn'"
        )
    with _alone(folder):
        reservoir = Reservoir.open(folder, name, terms)
        before = msgspec.msgpack.encode(reservoir.index)
        latest_ns = (time.time_ns() if now_ns is None else now_ns) + AHEAD_NS
        gathered = _gather(reservoir, out, log, head, stored, ordinary, latest_ns)
        dropped = reservoir.check()
        _heed(reservoir, stored)
        held = _held(stored, reservoir, resume=resume)
        if msgspec.msgpack.encode(reservoir.index) != before:
            reservoir.commit()
        if held:
            entries = reservoir.index.entries
            return Updated(gathered, len(entries), hours_of(reservoir, entries), dropped, waits=held)
        return _learn(reservoir, stored, dropped, gathered)


def _gather(
    reservoir: Reservoir,
    out: Path,
    log: Path,
    head: LogHead,
    stored: Stored,
    ordinary: tuple[str, ...],
    latest_ns: int,
) -> Gathered:
    """Offer what is new in the log, and note what its run reported."""
    events, until = reported(out, reservoir.index.camera)
    followed = reservoir.index.logs.setdefault(head.origin, Followed())
    verdicts = {each.event: each.verdict for each in read_feedback(stored).given}
    reports = Reports(events, ordinary=ordinary, verdicts=verdicts)
    reports.recall(followed.alarms)
    following = Following(
        log, head, until, followed.offset, followed.state, reports.look, RunAnswers.of(out, reservoir.index.camera)
    )
    offered, lasted, moved = 0, 0.0, False
    later_s, later_ns = 0.0, 0
    for stretch in following.stretches():
        moved = moved or _has_motion(stretch)
        offered += 1
        followed.reached_ns = stretch.header.end_ns
        if (wall_ns := stretch.header.wall_ns) is not None and wall_ns > latest_ns:
            later_s, later_ns = later_s + stretch.header.seconds, max(later_ns, wall_ns)
            continue
        reservoir.offer([stretch if stored.manifest.embedder else _without_looks(stretch)])
        lasted += stretch.header.seconds
    if offered and not moved:
        raise UsageError(
            f"{log}: motion was not measured in that run, as no rule needed it; run with a rule `anomaly`; "
            "`mode: shadow` will do"
        )
    followed.offset, followed.state = following.offset, following.state
    for alarm in reports.gone:
        if alarm.end_ns is None:  # nobody can tell any more; it was over when it was pruned
            alarm.end_ns = max(followed.reached_ns, alarm.start_ns)
    followed.alarms = list(reports.alarms.values())
    note_threshold(followed, events, reservoir.folder, stored)
    return Gathered(offered, lasted, reports.ordinary, following.short_s, later_s, later_ns)


def _heed(reservoir: Reservoir, stored: Stored) -> None:
    """Leave out what somebody said is a true alarm though it is no event, as its rule only shadowed."""
    logs = reservoir.index.logs
    for each in logs.values():
        each.alarms = [alarm for alarm in each.alarms if not alarm.said]
    known = {alarm.event for each in logs.values() for alarm in each.alarms}
    for given in read_feedback(stored).of("true_alarm"):
        times = [spot.time * SECOND for shown in given.shown if shown.lead for spot in shown.path]
        if given.event in known or not times:
            continue
        found: dict[str, Alarm] = {}
        for entry in reservoir.index.entries:
            header = entry.header
            if header.start_ns <= max(times) and header.end_ns >= min(times):
                alarm = said_of(given, reservoir.read(entry).frames)
                if alarm is not None:
                    alarm.subjects = sorted({*alarm.subjects, *found.get(header.origin, alarm).subjects})
                    found[header.origin] = alarm
        for origin, alarm in found.items():
            if origin in logs:
                logs[origin].alarms.append(alarm)


def _held(stored: Stored, reservoir: Reservoir, *, resume: bool) -> str:
    """Why no generation is made although there may be something new: somebody went back; empty if nobody did.

    What was said about alarms is no other model.
    """
    folder, index = reservoir.folder, reservoir.index
    newest = now = stored.manifest.model_of or stored.manifest.generation
    for each in generations(folder):
        with suppress(CannotStart):  # damaged: nobody goes on to it
            newest = max(newest, read_manifest(folder / GENERATIONS / str(each)).model_of or each)
    if resume:
        index.resumed = (newest, now)
    if now >= newest or index.resumed == (newest, now):
        return ""
    return f"held: generation {now} was put in use again after {newest}; --resume goes on from here"


def _learn(reservoir: Reservoir, stored: Stored, dropped: list[str], gathered: Gathered) -> Updated:
    detector = stored.manifest.detector
    entries = [each for each in reservoir.index.entries if not detector or each.header.detector == detector]
    if foreign := len(reservoir.index.entries) - len(entries):
        dropped.append(f"{reservoir.folder / FOLDER}: {foreign} stretches of another detector are not used")
    done = Updated(gathered, len(entries), hours_of(reservoir, entries), dropped)
    content = reservoir.content
    if content == reservoir.index.taught:
        return replace(done, waits="nothing new")
    if waits := _missing(reservoir, stored, entries):
        return replace(done, waits=waits)
    taught = teach(reservoir, entries, counting=stored.calibration.counting)
    made = None
    if not is_same(stored, taught.learned.model, taught.learned.calibration):
        made = keep(
            reservoir.folder,
            reservoir.index.camera,
            taught.learned.model,
            taught.learned.calibration,
            taught.learned.footage,
            exemplars=_crops(stored),
            sample=_sample(taught),
            embedder=stored.manifest.embedder if "appearance" in taught.learned.model.features else "",
        )
    reservoir.index.taught = content
    reservoir.commit()
    return replace(done, waits="" if made else "nothing new", stored=made, taught=taught)


def _missing(reservoir: Reservoir, stored: Stored, entries: list[Entry]) -> str:
    """Why the sample cannot follow the generation in use yet; empty if it can."""
    seconds = sum(entry.header.seconds for entry in entries)
    wanted = max(min(SHARE * stored.manifest.footage.seconds, ENOUGH_S), LEAST_S)
    if seconds < wanted or len(entries) < FEWEST_STRETCHES:
        return f"gathering: {seconds / 60:.1f} of at least {wanted / 60:.1f} minutes"
    walls = [each for entry in entries if (each := entry.header.wall_ns) is not None]
    known = {reservoir.bucket(entry.header) for entry in entries} - {UNKNOWN}
    if walls and len(known) < UNKNOWN and max(walls) - min(walls) < A_DAY_NS:
        return f"gathering: {(max(walls) - min(walls)) / 3600 / SECOND:.1f} of 24 hours"
    return ""


def _log(out: Path, camera: str) -> Path:
    if not is_run(out):
        raise UsageError(f"{out}: is no folder of results: it has no events.db and logs")
    log = out / "logs" / f"{camera}.log"
    if not log.is_file():
        known = ", ".join(sorted(each.stem for each in (out / "logs").glob("*.log"))) or "none"
        raise UsageError(f"{out}: has no log of camera {camera!r}; cameras there: {known}")
    return log


def _has_motion(stretch: Stretch) -> bool:
    return any(frame.motion is not None for frame in stretch.frames)


def _without_looks(stretch: Stretch) -> Stretch:
    """What objects look like is kept only where the model asks for it."""
    return replace(stretch, frames=[replace(each, looks=None) for each in stretch.frames])


def _sample(taught: Retaught) -> dict[str, Any]:
    left = taught.left
    return {
        "hours": {(*BUCKETS, "unknown")[number]: round(each, 3) for number, each in taught.hours.items()},
        "objects_left_out": left.objects,
        "seconds_left_out": round(left.seconds, 1),
        "alarms": left.of,
        "alarms_counted_as_false": left.counted,
    }


def _crops(stored: Stored) -> dict[str, bytes]:
    """Those of the generation in use: nothing was seen of which new ones could be made."""
    crops: dict[str, bytes] = {}
    for name in stored.manifest.exemplars:
        try:
            content = stored.exemplar(name)
        except CannotStart:
            continue
        if content is not None:
            crops[name] = content
    return crops


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Raises ``UsageError`` while another update is at work on this model."""
    file = folder / FOLDER / ".lock"
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as held:
        if not lock(held):
            raise UsageError(f"{folder}: another update is at work; wait until it is done")
        yield

"""What a camera's model of normal is learned from as time goes on: a bounded sample of all stretches seen so far.

::

    DIR/reservoir/index.msgpack     what is there, with digests, and how far each log has been read
                  stretches/ID.xz   one stretch each, see ``lab.normal.stretch``

Each quarter of the day has its own sample of at most ``Terms.most`` stretches, drawn without replacement with weights
that halve every ``Terms.half_life_days`` (Efraimidis and Spirakis 2006). Their keys are hashes of what a stretch is, so
the sample is a function of the set of all stretches seen and of the terms: neither order nor number of updates
matters, and what is offered again changes nothing. Stretches never change; the index is replaced as a whole.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import log
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from lab.normal.alarms import Alarm
from lab.normal.keeping import RESERVOIR
from lab.normal.stretch import Header, Stretch, pack, unpack
from pipeline.clock import SECOND
from pipeline.errors import UsageError
from pipeline.whole_file import write_whole

FOLDER, INDEX, STRETCHES = RESERVOIR, "index.msgpack", "stretches"
KIND, SCHEMA = "bartizan reservoir", 1
BUCKETS = ("00-06", "06-12", "12-18", "18-24")
"""Hours of the day, by the clock on the camera's wall."""
UNKNOWN = len(BUCKETS)
"""The bucket of stretches of which that is not known."""
REMEMBERED_NS = 3600 * SECOND
"""Whom an alarm named is known for so long after its end, should he be seen in stretches to come."""
_DAY_NS = 86_400 * SECOND
_DIGEST = 32


class Terms(msgspec.Struct, frozen=True):
    """How the sample is drawn."""

    most: int = 240
    """Stretches of each bucket: four hours."""
    half_life_days: float = 7.0
    """One this much older is half as likely to be in it."""
    time_zone: str = "UTC"
    """Of the hours of the day."""


class Entry(msgspec.Struct, frozen=True):
    """One stretch of the sample."""

    id: str
    """Names it by what it is: camera, origin, and where it begins."""
    sha256: str
    """Of its file."""
    bytes: int
    frames: int
    subjects: list[int]
    """Everybody in it."""
    header: Header

    @property
    def file(self) -> str:
        """Its name in the folder of stretches."""
        return f"{self.id}.xz"


class Followed(msgspec.Struct):
    """How far one log has been read, and what its run reported."""

    offset: int = 0
    """Everything before this byte has been offered ..."""
    state: bytes = b""
    """... and this is remembered of it: who was there."""
    reached_ns: int = 0
    """Media time of the last stretch that was offered."""
    alarms: list[Alarm] = []
    """What is never learned."""
    expected_per_day: float = 0.0
    """False alarms a day that the rule ``anomaly`` allowed itself there; 0: it raised none at all."""
    threshold: float | None = None
    """The last that raised one, at which it is that many."""


class Index(msgspec.Struct):
    """What ``index.msgpack`` says."""

    kind: str = KIND
    schema: int = SCHEMA
    camera: str = ""
    terms: Terms = msgspec.field(default_factory=Terms)
    logs: dict[str, Followed] = {}
    """By origin."""
    entries: list[Entry] = []
    """In order of time."""
    taught: str = ""
    """``Reservoir.content`` when a generation was last made of it."""
    resumed: tuple[int, int] = (0, 0)
    """After which going back updates were asked to go on: the newest model then, and the one in use."""


@dataclass
class Reservoir:
    """The sample of one camera, changed in memory and kept by ``commit``."""

    folder: Path
    """That of the model."""
    index: Index
    fresh: dict[str, bytes] = field(default_factory=dict)
    """Stretches that are not on the disk yet, by id."""

    @classmethod
    def open(cls, folder: Path, camera: str, terms: Terms | None = None) -> "Reservoir":
        """The one that lies beside the generations, or a new one. ``terms``: from now on.

        Raises ``UsageError`` for one that is damaged, of a later version, or another camera's.
        """
        index = read_index(folder) or Index(camera=camera)
        if index.camera != camera:
            raise UsageError(f"{folder / FOLDER}: is of camera {index.camera!r}, not of {camera!r}")
        reservoir = cls(folder, index)
        if terms is not None and terms != index.terms:
            index.terms = terms
            reservoir._choose(index.entries)
        return reservoir

    def offer(self, stretches: Iterable[Stretch]) -> int:
        """Show it what was seen: how many of them it takes in for now."""
        known = {each.id for each in self.index.entries}
        taken = 0
        for stretch in stretches:
            name = identity(self.index.camera, stretch.header)
            if name in known or not self._would_stay(stretch.header, name):
                continue
            content = pack(stretch)
            digest = hashlib.sha256(content).hexdigest()
            self.fresh[name] = content
            subjects = sorted({each for frame in stretch.frames for each in frame.subject.tolist()})
            entry = Entry(name, digest, len(content), len(stretch.frames), subjects, stretch.header)
            self._choose([*self.index.entries, entry])
            known.add(name)
            taken += 1
        return taken

    def check(self) -> list[str]:
        """Drop what is damaged or not there, and tell, a line each."""
        dropped: list[str] = []
        for entry in list(self.index.entries):
            try:
                self._content(entry)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                dropped.append(f"{self._stretches / entry.file}: dropped: {reason}")
                self.index.entries.remove(entry)
        return dropped

    def read(self, entry: Entry) -> Stretch:
        """One stretch. Raises ``UsageError`` where it cannot be read any more."""
        try:
            stretch = unpack(self._content(entry))
            if stretch.header != entry.header:
                raise ValueError("is another stretch")
        except (OSError, ValueError) as error:
            raise UsageError(f"{self._stretches / entry.file}: {error}; run the update again") from error
        return stretch

    def commit(self) -> None:
        """Keep everything: the stretches first, then the index, then what is no longer in it goes."""
        self._stretches.mkdir(parents=True, exist_ok=True)
        for entry in self.index.entries:
            if (content := self.fresh.get(entry.id)) is not None:
                write_whole(self._stretches / entry.file, [content])
        self._forget()
        body = msgspec.msgpack.encode(self.index)
        write_whole(self.folder / FOLDER / INDEX, [hashlib.sha256(body).digest(), body])
        kept = {entry.file for entry in self.index.entries}
        for file in self._stretches.iterdir():
            if file.name not in kept:
                file.unlink()
        self.fresh.clear()

    @property
    def content(self) -> str:
        """sha256 of what there is to be learned: the stretches, and what of them is left out."""
        digest = hashlib.sha256()
        for entry in self.index.entries:
            said = (entry.id, entry.sha256, self.bucket(entry.header), self.alarms(entry))
            digest.update(msgspec.msgpack.encode(said))
        return digest.hexdigest()

    def alarms(self, entry: Entry) -> list[Alarm]:
        """Those that bear on a stretch."""
        log = self.index.logs.get(entry.header.origin)
        return [] if log is None else [each for each in log.alarms if bears(each, entry)]

    def bucket(self, header: Header) -> int:
        """Which quarter of the day it is of; ``UNKNOWN`` where its time is not known."""
        return bucket(header.wall_ns, self.index.terms.time_zone)

    def _choose(self, entries: list[Entry]) -> None:
        """Of each bucket keep those with the highest keys."""
        kept: list[Entry] = []
        for number in range(UNKNOWN + 1):
            inside = [each for each in entries if self.bucket(each.header) == number]
            inside.sort(key=self._key, reverse=True)
            kept += inside[: self.index.terms.most]
        kept.sort(key=lambda each: (each.header.wall_ns or 0, each.header.origin, each.header.start_ns))
        gone = {each.id for each in entries} - {each.id for each in kept}
        self.fresh = {name: content for name, content in self.fresh.items() if name not in gone}
        self.index.entries = kept

    def _would_stay(self, header: Header, name: str) -> bool:
        there = [each for each in self.index.entries if self.bucket(each.header) == self.bucket(header)]
        mine = key(name, header.wall_ns, self.index.terms.half_life_days)
        return len(there) < self.index.terms.most or mine > min(map(self._key, there))[0]

    def _key(self, entry: Entry) -> tuple[float, str]:
        return key(entry.id, entry.header.wall_ns, self.index.terms.half_life_days), entry.id

    def _content(self, entry: Entry) -> bytes:
        content = self.fresh.get(entry.id)
        if content is None:
            file = self._stretches / entry.file
            if file.stat().st_size != entry.bytes:
                raise ValueError(f"has {file.stat().st_size} bytes, not {entry.bytes}")
            content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise ValueError("is not what was written: its digest differs")
        return content

    def _forget(self) -> None:
        """Alarms that bear on nothing in the sample, once they are over for so long that whom they name is gone."""
        for name, each in self.index.logs.items():
            there = [entry for entry in self.index.entries if entry.header.origin == name]
            each.alarms = [
                alarm
                for alarm in each.alarms
                if alarm.span[1] > each.reached_ns - REMEMBERED_NS or any(bears(alarm, entry) for entry in there)
            ]

    @property
    def _stretches(self) -> Path:
        return self.folder / FOLDER / STRETCHES


def read_index(folder: Path) -> Index | None:
    """What the reservoir of this model says, or None where there is none. Raises ``UsageError`` for a damaged one."""
    file = folder / FOLDER / INDEX
    remedy = f"delete the folder {folder / FOLDER}: the next update starts a new one"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        raise UsageError(f"{file}: is damaged: its digest differs; {remedy}")
    try:
        index = msgspec.msgpack.decode(content[_DIGEST:], type=Index)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{file}: is no index of a reservoir, or a later version's: {error}; {remedy}") from error
    if (index.kind, index.schema) != (KIND, SCHEMA):
        raise UsageError(f"{file}: has schema {index.schema}, this version reads {SCHEMA}; {remedy}")
    if any(not each.id.isalnum() for each in index.entries):
        raise UsageError(f"{file}: names a file outside itself; {remedy}")
    return index


def bears(alarm: Alarm, entry: Entry) -> bool:
    """Whether something of this stretch is left out for that alarm."""
    start, end = alarm.span
    meanwhile = start <= entry.header.end_ns and end >= entry.header.start_ns
    return (alarm.placed and meanwhile) or not set(alarm.subjects).isdisjoint(entry.subjects)


def identity(camera: str, header: Header) -> str:
    """The name of a stretch: the same wherever and whenever it is seen."""
    said = msgspec.msgpack.encode(("stretch", camera, header.origin, header.number, header.start_ns))
    return hashlib.sha256(said).hexdigest()[:_DIGEST]


def bucket(wall_ns: int | None, time_zone: str) -> int:
    """Which of ``BUCKETS`` a moment (UTC) lies in; ``UNKNOWN`` for None."""
    if wall_ns is None:
        return UNKNOWN
    local = datetime.fromtimestamp(wall_ns // SECOND, UTC).astimezone(ZoneInfo(time_zone))
    return local.hour * len(BUCKETS) // 24


def key(name: str, wall_ns: int | None, half_life_days: float) -> float:
    """The larger, the sooner it is in the sample.

    Efraimidis and Spirakis draw by ``u ** (1 / w)``, which has the order of ``ln w - ln(-ln u)``. With ``w`` falling by
    half in a half-life the first is linear in time, so no moment need be called now.
    """
    drawn = (int(hashlib.sha256(f"draw {name}".encode()).hexdigest()[:13], 16) + 0.5) / 16**13
    halves = (wall_ns or 0) / _DAY_NS / half_life_days
    return halves * log(2) - log(-log(drawn))

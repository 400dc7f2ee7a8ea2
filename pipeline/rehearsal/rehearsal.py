"""A whole output directory asked again: what was raised, and what these rules would have raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.rehearsal.difference import Pair, Verdict, compare
from pipeline.rehearsal.rerun import Stored, Told, rerun
from pipeline.rehearsal.window import Window
from pipeline.spec import RunSpec
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position

_LINE = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True)
class Rehearsal:
    """What came of it; events are in the order of ``events.jsonl`` of a recording."""

    analysis_sha256: str
    """Of a run with these rules."""
    raised: list[Event]
    told: list[Event]
    cameras: dict[str, Told]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Each event that was raised or would be, beside what it corresponds to."""
        return compare(self.raised, self.told)

    @property
    def differs(self) -> bool:
        """Whether anything would be told otherwise."""
        return any(pair.verdict is not Verdict.SAME for pair in self.pairs)

    @property
    def is_identical(self) -> bool:
        """Whether it would be the same to the byte, names of events included."""
        return self.lines() == [line_of(event) for event in self.raised]

    @property
    def frames(self) -> int:
        """Frames that were told again."""
        return sum(told.frames for told in self.cameras.values())

    def lines(self) -> list[bytes]:
        """What ``events.jsonl`` would hold."""
        return [line_of(event) for event in self.told]


def line_of(event: Event) -> bytes:
    """An event as it stands in ``events.jsonl``, with its newline."""
    return _LINE(event) + b"\n"


def rehearse(out: Path, kept: KeptAnalysis, *, cameras: Sequence[str] = (), window: Window) -> Rehearsal:
    """Run the rules of ``kept`` over the cameras (none named: all) of an output directory, which is not changed.

    A run that is still going on is asked as far as it has committed. Raises ``UsageError`` for what is not there,
    ``LogError`` and ``StoreError`` for what is damaged.
    """
    for name in cameras:
        if name not in kept.cameras:
            near = did_you_mean(name, kept.cameras) or ","
            raise UsageError(f"--camera {name}: the run has no such camera{near} allowed: {listed(kept.cameras)}")
    chosen = [name for name in kept.cameras if not cameras or name in cameras]
    raised: dict[str, list[Event]] = {name: [] for name in chosen}
    with EventStore.open(find_address(out), analysis_sha256=None) as store:
        positions, last = store.reached()
        stored = _stored(out, kept, chosen, store, positions)
        for row in store.events("content"):
            if row.number <= last and (event := row.event).camera in raised:
                raised[event.camera].append(event)
    told = {camera: rerun(stored[camera], kept, window=window) for camera in chosen if camera in stored}
    return Rehearsal(
        kept.sha256,
        [event for events in raised.values() for event in window.narrowed(events)],
        [event for each in told.values() for event in window.narrowed(_in_order(each.events))],
        told,
    )


def _stored(
    out: Path, kept: KeptAnalysis, chosen: list[str], store: EventStore, positions: Mapping[str, Position]
) -> dict[str, Stored]:
    """The cameras of which there is something, as far as the run had come."""
    spec = RunSpec(
        config=b"",
        out=str(out),
        run_dir="",
        ring_dir="",
        endpoint="",
        analysis_sha256=store.analysis_sha256,
        cameras=list(kept.cameras),
    )
    return {
        camera: Stored(spec, camera, kept.cameras[camera], positions[camera].log_records, tuple(store.missed(camera)))
        for camera in chosen
        if camera in positions
    }


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.media_time, event.ordinal))

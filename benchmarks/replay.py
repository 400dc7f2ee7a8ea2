"""How fast ``bartizan replay`` is: a generated camera-week (5 frames a second, people in 5 % of them), five rules.

``python -m benchmarks.replay [--days 7]`` writes the log, the spool and the event store of such a week into a
temporary folder, as a run would, and replays it with other rules than it ran with.
"""

import argparse
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from pipeline.clock import SECOND
from pipeline.configuration.config import RuleConfig, StageConfig
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.kinds import options_of
from pipeline.detections import Detections, Tracks
from pipeline.journal.log import LogWriter
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, Event, Frame, FrameRecord, LogHeader, Status
from pipeline.registry import ALERTS, RULES, TRACKERS
from pipeline.rehearsal.difference import Verdict
from pipeline.rehearsal.rehearsal import rehearse
from pipeline.rehearsal.window import Window
from pipeline.spec import RunSpec
from pipeline.spool import Spool
from pipeline.stage import TrackedFrame
from pipeline.store.address import STORE
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position

CAMERA, FPS, BUSY, SIZE = "gate", 5, 0.05, (1280, 720)
FOUND_EVERY = 10
"""While nobody is there the picture is static, but for every tenth frame, in which nothing is found."""
ZONE = [[0.2, 0.4], [0.8, 0.4], [0.8, 0.95], [0.2, 0.95]]
RULES_OF_THE_RUN: list[dict[str, object]] = [
    {"rule": "in_field", "zone": ZONE},
    {"rule": "line_crossed", "line": [[0.5, 0.3], [0.5, 1.0]]},
    {"rule": "loitering", "zone": ZONE, "seconds": 15},
    {"rule": "crowding", "zone": ZONE, "limit": 2},
    {"rule": "wrong_way", "direction": [[0.0, 0.5], [1.0, 0.5]]},
]
OTHER_RULES: list[dict[str, object]] = [
    {"rule": "in_field", "zone": ZONE, "enter_inertia_s": 1.0},
    {"rule": "line_crossed", "line": [[0.6, 0.3], [0.6, 1.0]]},
    {"rule": "loitering", "zone": ZONE, "seconds": 10},
    {"rule": "crowding", "zone": ZONE, "limit": 1},
    {"rule": "wrong_way", "direction": [[0.0, 0.5], [1.0, 0.5]], "angle_deg": 45},
]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=float, default=7.0)
    arguments.add_argument("--keep", type=Path, help="write here and leave it, or take what lies here")
    chosen = arguments.parse_args()
    out = chosen.keep or Path(tempfile.mkdtemp(prefix="bartizan-week-"))
    try:
        if not (out / STORE).exists():
            generate(out, frames=round(chosen.days * 86400 * FPS))
        report(out)
    finally:
        if chosen.keep is None:
            shutil.rmtree(out)


def report(out: Path) -> None:
    own = KeptAnalysis.read(out)
    frames = (out / "logs" / f"{CAMERA}.log").stat().st_size, (out / "tracks" / f"{CAMERA}.spool").stat().st_size
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for title, kept in (("its own rules", own), ("other rules", own.with_rules(configured(OTHER_RULES)))):
        wall, processor = time.perf_counter(), time.process_time()
        again = rehearse(out, kept, window=Window())
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        verdicts = {verdict.value: sum(pair.verdict is verdict for pair in again.pairs) for verdict in Verdict}
        print(
            f"{title}: {again.frames:,} frames of {again.frames / FPS / 86400:.2f} camera-days, "
            f"{len(kept.rules)} rules, {len(again.raised):,} and {len(again.told):,} messages"
        )
        print(f"  {wall:.1f} s, {again.frames / wall:,.0f} records a second")
        print(f"  {processor:.1f} s of processor, {again.frames / processor:,.0f} records a second of it")
        print(f"  identical: {again.is_identical}; {verdicts}")
    print("bytes a frame: {:.0f} of log, {:.0f} of spool".format(*(size / again.frames for size in frames)))


def configured(rules: Sequence[Mapping[str, object]]) -> tuple[RuleConfig, ...]:
    options = [options_of(str(rule["rule"]), RULES).model_validate(rule) for rule in rules]
    kinds = [str(rule["rule"]) for rule in rules]
    return tuple(RuleConfig(kind, kind, (CAMERA,), each) for kind, each in zip(kinds, options, strict=True))


# ---- a week


@dataclass(frozen=True)
class Visitor:
    """Somebody who walks through the picture, pauses on the way, and leaves."""

    track: int
    first: int
    """Frame."""
    frames: int
    x: tuple[float, float]
    y: float
    pause: float
    """Share of the time that is spent standing in the middle of the way."""

    def box(self, index: int, random: Random) -> tuple[float, float, float, float]:
        done = (index - self.first) / self.frames
        way = min(done, max(0.5, done - self.pause) if done > 0.5 else done) / (1 - self.pause)
        x, y = self.x[0] + (self.x[1] - self.x[0]) * min(way, 1.0), self.y
        left, top = x - 0.03 + random.gauss(0, 0.001), y - 0.25 + random.gauss(0, 0.001)
        return left * SIZE[0], top * SIZE[1], (left + 0.06) * SIZE[0], y * SIZE[1]


def visitors(frames: int, random: Random) -> Iterator[list[Visitor]]:
    """Groups of one to three, one group after another, so that somebody is there in a share ``BUSY`` of all frames."""
    track, index = 0, 0
    while True:
        group, length = [], round(random.uniform(8, 40) * FPS)
        index += max(1, round(random.expovariate(1.0) * length * (1 - BUSY) / BUSY))
        if index + length >= frames:
            return
        for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
            track += 1
            way = (0.0, 1.0) if random.random() < 0.7 else (1.0, 0.0)
            late = random.randrange(2 * FPS)
            pause = random.choice((0.0, 0.0, 0.5))
            group.append(Visitor(track, index + late, length - late, way, random.uniform(0.5, 0.9), pause))
        index += length
        yield group


def generate(out: Path, *, frames: int) -> None:
    """The folder that a run of ``frames`` frames would leave, without pictures."""
    for name in ("logs", "tracks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    kept = KeptAnalysis(
        covered={"a generated camera": CAMERA, "rules": []},
        cameras={CAMERA: True},
        track=StageConfig("bytetrack", options_of("bytetrack", TRACKERS)()),
        alert=StageConfig("rules", options_of("rules", ALERTS)()),
        classify=(),
        rules=(),
    ).with_rules(configured(RULES_OF_THE_RUN))
    kept.write(out)
    records, spooled = write_week(out, kept, frames)
    with EventStore.open(out / STORE, analysis_sha256=kept.sha256, source_order=[CAMERA]) as store:
        position = Position(b"", 0, records, spool_offset=spooled)
        store.commit(CAMERA, [], position, lambda _event: [])
        events: list[Event] = rehearse(out, kept, window=Window()).told
        store.commit(CAMERA, events, position, lambda _event: [])


def write_week(out: Path, kept: KeptAnalysis, frames: int) -> tuple[int, int]:
    """The log and the spool; records of the one and bytes of the other."""
    random = Random(0)
    spec = RunSpec(config=b"", out=str(out), run_dir="", ring_dir="", endpoint="", analysis_sha256="", cameras=[CAMERA])
    log = LogWriter.open(spec.log_path(CAMERA), LogHeader(SCHEMA, CAMERA, True, kept.sha256, ""))
    spool = Spool(spec.spool_path(CAMERA), 0)
    log.append(EngineRecord("generated", {"name": "generated", "sha256": "0" * 64}, ["person"]))
    groups = visitors(frames, random)
    group = next(groups, [])
    void = Tracks.empty()
    for index in range(frames):
        while group and index >= max(one.first + one.frames for one in group):
            group = next(groups, [])
        here = [one for one in group if one.first <= index < one.first + one.frames]
        busy = bool(here) or index % FOUND_EVERY == 0
        frame = _frame(index)
        found = _found(here, index, random)
        log.append(FrameRecord(frame, Status.ANALYSED if busy else Status.STATIC, found.pack() if busy else b""))
        spool.append([TrackedFrame(index, frame.media_ns, _tracked(found, here) if here else void)])
    log.append(EndRecord(frames - 1, "stopped"))
    length = spool.length
    log.close()
    spool.close()
    return frames + 3, length


def _frame(index: int) -> Frame:
    media_ns = round(index * SECOND / FPS)
    return Frame(
        camera=CAMERA,
        session=0,
        index=index,
        media_ns=media_ns,
        wall_ns=1_790_000_000 * SECOND + media_ns,
        arrived_ns=media_ns + 1,
        width=SIZE[0],
        height=SIZE[1],
        features=b"\x81\xa6motion\xcb\x3f\xb0\x00\x00\x00\x00\x00\x00",
    )


def _found(here: list[Visitor], index: int, random: Random) -> Detections:
    if not here:
        return Detections.empty()
    boxes = np.array([one.box(index, random) for one in here], np.float32)
    boxes = np.clip(boxes, 0, (SIZE[0], SIZE[1], SIZE[0], SIZE[1])).astype(np.float32)
    confidence = np.array([random.uniform(0.6, 0.9) for _ in here], np.float32)
    return Detections(boxes, confidence, np.zeros(len(here), np.int32))


def _tracked(found: Detections, here: list[Visitor]) -> Tracks:
    return Tracks(
        found.xyxy,
        found.confidence,
        found.class_id,
        np.array([one.track for one in here], np.int32),
        np.ones(len(here), np.bool_),
        np.full(len(here), 0.75, np.float32),
    )


if __name__ == "__main__":
    main()

"""What follows when a process has ended."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.clock import SECOND, Clock
from pipeline.control import ClassifyLost, GiveUp, WorkerDied
from pipeline.process import Death, Process
from pipeline.report import Restart
from pipeline.supervisor.progress import progress_of
from pipeline.supervisor.status import Status
from pipeline.wall import rfc3339
from pipeline.worker import NO_ROOM

logger = logging.getLogger(__name__)

CANNOT_START = 3
FEW = 3
"""Restarts in a row, of one process and for one cause, that stand in the report each by itself. A process that dies by
no fault of its own is started again without end: on a full disk every 5 s."""


@dataclass(slots=True)
class _Row:
    """Deaths of one process in a row, all for one cause."""

    cause: str
    count: int = 0
    place: int = 0
    """Where in ``restarts`` the last entry of the row is."""


class Deaths:
    """Has who died started again, or gives it up, and tells those who should know."""

    def __init__(self, processes: list[Process], status: Status, ring_dir: Path, clock: Clock) -> None:
        self._processes = processes
        self._status = status
        self._ring_dir = ring_dir
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        """By label."""

    def died(self, process: Process) -> None:
        """A process has ended."""
        incarnation, drained = process.incarnation, process.draining
        death = process.bury(self._clock.monotonic_ns())
        if process.role.stage == "capture":
            shutil.rmtree(self._ring_dir / incarnation, ignore_errors=True)
        if process.role.stage == "detect":
            by_itself = death.by_itself and death.code not in (0, CANNOT_START)
            self._tell("dispatch", WorkerDied(incarnation, by_itself))
        if death.code == 0 and (drained or process.role.stage == "capture"):
            process.finished = True
            return
        if drained and process.role.stage == "classify":
            process.finished = True  # nobody needs its answers any more
            return
        row = self._row(process.role.label, death)
        level = logging.INFO if drained or row.count > FEW + 1 else logging.WARNING
        more = "; more of this is counted in the report and no longer told" if row.count == FEW + 1 else ""
        logger.log(level, "%s ended: %s%s", process.role.label, death.reason, more)
        if death.code == CANNOT_START:
            self._give_up(process, death)
            return
        self._start_again(process, death, row)

    def _row(self, label: str, death: Death) -> _Row:
        """What this death goes on with."""
        row = self._rows.get(label)
        cause = "" if death.by_itself else "no room" if death.code == NO_ROOM else death.reason
        if row is None or not cause or row.cause != cause:
            row = self._rows[label] = _Row(cause)
        row.count += 1
        return row

    def _start_again(self, process: Process, death: Death, row: _Row) -> None:
        process.careful = process.careful or death.by_itself
        delay_s = process.policy.died(
            death.time_ns, progress=progress_of(process.role, self._status), from_outside=not death.by_itself
        )
        if delay_s is None:
            self._give_up(process, death)
            return
        self._note(process, death, row)
        process.next_launch_ns = death.time_ns + int(delay_s * SECOND)

    def _note(self, process: Process, death: Death, row: _Row) -> None:
        now, restarts = rfc3339(self._clock.wall_ns()), self._status.restarts
        if row.count > FEW + 1:
            together = restarts[row.place]
            restarts[row.place] = msgspec.structs.replace(together, count=together.count + 1, last=now)
            return
        camera = process.role.name if process.role.stage == "capture" else None
        row.place = len(restarts)
        restarts.append(Restart(stage=process.role.label, reason=death.reason, time=now, camera=camera))

    def _give_up(self, process: Process, death: Death) -> None:
        process.finished = True
        if process.role.stage == "capture":
            camera = process.role.name
            self._status.given_up[camera] = death.reason
            logger.error("camera %s is given up: %s", camera, death.reason)
            self._tell("dispatch", GiveUp(camera, death.reason))
            return
        if process.role.stage == "detect" and any(p.role.stage == "detect" and not p.finished for p in self._processes):
            logger.error("%s is given up: %s; the other workers go on", process.role.label, death.reason)
            return
        if process.role.stage == "classify":
            self._status.classifiers_lost[process.role.name] = death.reason
            self._tell("alert", ClassifyLost(process.role.name, death.reason))
        if process.role.stage in ("classify", "evidence", "record", "deliver"):
            logger.error("%s is given up: %s; analysis goes on", process.role.label, death.reason)
            self._status.unfinished.append(f"{process.role.label} was given up: {death.reason}")
            return
        self._status.failed = f"{process.role.label}: {death.reason}"
        logger.error("the run cannot go on: %s", self._status.failed)

    def _tell(self, stage: str, order: WorkerDied | GiveUp | ClassifyLost) -> None:
        for process in self._processes:
            if process.role.stage == stage:
                process.send(order)

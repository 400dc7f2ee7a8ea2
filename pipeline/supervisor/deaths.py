"""What follows when a process has ended."""

import logging
import shutil
from pathlib import Path

from pipeline.clock import SECOND, Clock
from pipeline.control import ClassifyLost, GiveUp, WorkerDied
from pipeline.process import Death, Process
from pipeline.report import Restart
from pipeline.supervisor.progress import progress_of
from pipeline.supervisor.status import Status
from pipeline.wall import rfc3339

logger = logging.getLogger(__name__)

CANNOT_START = 3


class Deaths:
    """Has who died started again, or gives it up, and tells those who should know."""

    def __init__(self, processes: list[Process], status: Status, ring_dir: Path, clock: Clock) -> None:
        self._processes = processes
        self._status = status
        self._ring_dir = ring_dir
        self._clock = clock

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
        logger.log(logging.WARNING if not drained else logging.INFO, "%s ended: %s", process.role.label, death.reason)
        if death.code == CANNOT_START:
            self._give_up(process, death)
            return
        self._start_again(process, death)

    def _start_again(self, process: Process, death: Death) -> None:
        process.careful = process.careful or death.by_itself
        delay_s = process.policy.died(
            death.time_ns, progress=progress_of(process.role, self._status), from_outside=not death.by_itself
        )
        if delay_s is None:
            self._give_up(process, death)
            return
        camera = process.role.name if process.role.stage == "capture" else None
        self._status.restarts.append(
            Restart(stage=process.role.label, reason=death.reason, time=rfc3339(self._clock.wall_ns()), camera=camera)
        )
        process.next_launch_ns = death.time_ns + int(delay_s * SECOND)

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

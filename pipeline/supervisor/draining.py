"""The end of a run, one stage after the other."""

import logging

from pipeline.clock import SECOND, Clock
from pipeline.configuration.settings import SupervisorOptions
from pipeline.process import Process
from pipeline.shutdown import Shutdown
from pipeline.supervisor.progress import progress_of
from pipeline.supervisor.status import Status

logger = logging.getLogger(__name__)

FINISH_S = 30.0
"""Least patience with what has no receiver to wait for."""

PHASES = (("capture",), ("detect",), ("alert",), ("classify", "evidence", "record"), ("dispatch",), ("deliver",))


class Draining:
    """Has each stage finish what it has, in the order of the work, as long as it comes on."""

    def __init__(
        self,
        processes: list[Process],
        status: Status,
        *,
        cameras: list[str],
        options: SupervisorOptions,
        clock: Clock,
        shutdown: Shutdown,
    ) -> None:
        self._processes = processes
        self._status = status
        self._cameras = cameras
        self._options = options
        self._clock = clock
        self._shutdown = shutdown
        self._phase = 0
        self._phase_since_ns = 0
        self._phase_done = -1
        self._stopping = False

    def drain_in_order(self) -> None:
        """End of all recordings, or a signal: one stage after the other finishes what it has."""
        if not self._stopping:
            if not (self._shutdown.asked or self._complete()):
                return
            self._stopping = True
            self._begin_phase(0)
        while self._phase < len(PHASES) and self._phase_over():
            self._begin_phase(self._phase + 1)

    def _begin_phase(self, phase: int) -> None:
        self._phase, self._phase_since_ns = phase, self._now()
        for process in self._in_phase():
            process.drain()
            if not process.alive and process.role.stage == "capture":
                process.finished = True

    def _in_phase(self) -> list[Process]:
        stages = PHASES[self._phase] if self._phase < len(PHASES) else ()
        return [process for process in self._processes if process.role.stage in stages]

    def _phase_over(self) -> bool:
        unfinished = [process for process in self._in_phase() if not process.finished]
        if not unfinished:
            return self._phase != 0 or self._settled()
        progress = sum(progress_of(process.role, self._status) for process in unfinished)
        if progress != self._phase_done:
            self._phase_done = progress
            if not self._is_limited():
                self._phase_since_ns = self._now()
        if self._now() - self._phase_since_ns > self._patience_s() * SECOND:
            self._phase_since_ns = self._now()
            for process in unfinished:
                self._lose_patience(process)
        return False

    def _patience_s(self) -> float:
        """With what is to finish now. Who will not wait for receivers does not want the analysis cut short."""
        asked_s = self._options.drain_timeout_s or FINISH_S
        return asked_s if self._is_limited() else max(asked_s, FINISH_S)

    def _is_limited(self) -> bool:
        """Only receivers are waited for, and the user said how long, whether they come on or not."""
        return self._phase == len(PHASES) - 1 and self._options.drain_timeout_s is not None

    def _lose_patience(self, process: Process) -> None:
        """It does not come on. Starting it again may help, once; a receiver that is away it does not."""
        reason = f"did not finish within {self._patience_s():g} s"
        process.kill(reason)
        process.overdue += 1
        if process.overdue > 1 or process.role.stage == "deliver":
            process.finished = True
            logger.warning("%s %s", process.role.label, reason)
            if process.role.stage != "deliver":
                self._status.unfinished.append(f"{process.role.label} {reason}")

    def _settled(self) -> bool:
        """Everything announced is in the logs, or it takes too long."""
        late = self._now() - self._phase_since_ns > self._patience_s() * SECOND
        return late or all(camera.pending_offers == 0 for camera in self._status.cameras.values())

    def _complete(self) -> bool:
        """Every camera's log has its end, and the alert process has taken all of it in."""
        cameras, consumed = self._status.cameras, self._status.consumed
        return all(
            name in cameras
            and cameras[name].ended
            and name in consumed
            and consumed[name].ended
            and consumed[name].frames == cameras[name].next_index
            for name in self._cameras
        )

    def is_over(self) -> bool:
        """Everything has finished, or was left."""
        return self._stopping and self._phase >= len(PHASES)

    def _now(self) -> int:
        return self._clock.monotonic_ns()

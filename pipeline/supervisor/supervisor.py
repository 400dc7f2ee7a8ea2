"""The supervisor: starts every process of a run, watches it, starts it again, drains in order.

It waits for three things at once: a process that ended (pidfd), a word from a process (its line), and a signal. A
process is alive if its work loop answers pings; one that hangs, spins or is frozen is killed and replaced.
"""

import logging
import selectors
from pathlib import Path
from typing import IO

from pipeline.clock import SECOND, Clock
from pipeline.configuration.settings import SupervisorOptions
from pipeline.process import Process, Role
from pipeline.restarts import RestartLimits
from pipeline.shutdown import Shutdown
from pipeline.supervisor.deaths import Deaths
from pipeline.supervisor.draining import Draining
from pipeline.supervisor.liveness import Liveness
from pipeline.supervisor.notices import Notices
from pipeline.supervisor.status import Observer, Status

logger = logging.getLogger(__name__)

POLL_S = 0.2


class Supervisor:
    """One run. ``run`` returns when everything is drained or the run has failed."""

    def __init__(
        self,
        roles: list[Role],
        *,
        spec: Path,
        cameras: list[str],
        ring_dir: Path,
        options: SupervisorOptions,
        clock: Clock,
        shutdown: Shutdown,
        stderr: IO[bytes] | None = None,
    ) -> None:
        limits = RestartLimits(options.restarts, options.window_s, options.backoff_first_s, options.backoff_max_s)
        self.processes = [Process(role, limits) for role in roles]
        self.status = Status()
        self._spec = spec
        self._clock = clock
        self._shutdown = shutdown
        self._stderr = stderr
        self._notices = Notices(self.processes, self.status)
        self._deaths = Deaths(self.processes, self.status, ring_dir, clock)
        self._liveness = Liveness(options, clock)
        self._draining = Draining(
            self.processes, self.status, cameras=cameras, options=options, clock=clock, shutdown=shutdown
        )

    def run(self, observer: Observer | None = None) -> Status:
        """Start everything and stay until it is over."""
        try:
            while not self._over():
                self._launch_due()
                self._wait()
                self._liveness.look_after(self.processes)
                self._draining.drain_in_order()
                if observer is not None:
                    observer(self.status, self.processes)
        finally:
            self._end_all()
        return self.status

    def _launch_due(self) -> None:
        now = self._now()
        for process in self.processes:
            if not process.alive and not process.finished and now >= process.next_launch_ns:
                self._launch(process, now)

    def _launch(self, process: Process, now: int) -> None:
        try:
            process.launch(self._spec, now, stderr=self._stderr)
        except OSError as error:
            logger.error("%s cannot be started now: %s", process.role.label, error)
            process.next_launch_ns = now + SECOND

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._shutdown, selectors.EVENT_READ, None)
            for process in self.processes:
                if process.alive and process.line is not None:
                    selector.register(process.pidfd, selectors.EVENT_READ, (process, True))
                    selector.register(process.line, selectors.EVENT_READ, (process, False))
            ready = [key.data for key, _ in selector.select(POLL_S)]
        self._shutdown.drain()
        for data in ready:
            if data is not None and not data[1]:
                self._notices.listen(data[0])
        for data in ready:
            if data is not None and data[1] and data[0].alive:
                self._notices.listen(data[0])
                self._deaths.died(data[0])

    def _over(self) -> bool:
        self.status.latency_ms = self._notices.latency_ms()
        if self._shutdown.urgent or self.status.failed:
            return True
        return self._draining.is_over()

    def _end_all(self) -> None:
        """Nothing survives the run."""
        for process in self.processes:
            process.kill("the run is over")
        for process in self.processes:
            if process.alive:
                process.bury(self._now())
        self.status.cpu_s = {process.role.label: round(process.cpu_s, 3) for process in self.processes}

    def _now(self) -> int:
        return self._clock.monotonic_ns()

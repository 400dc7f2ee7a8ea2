"""Processes that hang, spin or are frozen."""

from pipeline.clock import SECOND, Clock
from pipeline.configuration.settings import SupervisorOptions
from pipeline.process import Process


class Liveness:
    """A process is alive if its work loop answers pings; one that does not is killed."""

    def __init__(self, options: SupervisorOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def look_after(self, processes: list[Process]) -> None:
        """Ping those that should answer by now, kill those that did not."""
        now = self._clock.monotonic_ns()
        for process in processes:
            if process.alive and not self._is_frozen(process, now):
                self._check_answer(process, now)

    def _is_frozen(self, process: Process, now: int) -> bool:
        """Somebody sent it SIGSTOP: it is replaced after the usual patience, also while it starts."""
        if not process.is_stopped():
            process.stopped_ns = 0
            return False
        process.stopped_ns = process.stopped_ns or now
        if now - process.stopped_ns > self._options.liveness_s * SECOND:
            process.kill(f"no answer for {self._options.liveness_s:g} s")
        return True

    def _check_answer(self, process: Process, now: int) -> None:
        patience_s = max(self._options.liveness_s, process.role.patience_s)
        if not process.started:
            if now - process.launched_ns > self._options.start_timeout_s * SECOND:
                process.kill(f"did not start within {self._options.start_timeout_s:g} s")
        elif process.answered < process.ping:
            if now - process.pinged_ns > patience_s * SECOND:
                process.kill(f"no answer for {patience_s:g} s")
        elif now - process.pinged_ns > self._options.liveness_s * SECOND / 4:
            process.send_ping(now)

"""Whether and when a process that died is started again. Pure: time and progress come in by argument."""

from dataclasses import dataclass, field

from pipeline.clock import SECOND


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """Bounds, in seconds."""

    restarts: int = 5
    window_s: float = 60.0
    first_s: float = 0.5
    max_s: float = 30.0


@dataclass(slots=True)
class RestartPolicy:
    """One process's history. Deaths by somebody's hand, and deaths after progress, do not count against it."""

    limits: RestartLimits
    _deaths: list[int] = field(default_factory=list)
    _killings: int = 0
    """By somebody's hand and without progress in between, such as by the kernel when memory is short."""
    _progress: int = -1

    def died(self, now_ns: int, *, progress: int, from_outside: bool) -> float | None:
        """Seconds to wait before the next start, or None to give up.

        ``progress`` is any count that grows while the process does its work; ``from_outside`` says that it was
        killed or frozen by somebody, which says nothing about the process itself.
        """
        if progress > self._progress:
            self._deaths.clear()
            self._killings = 0
            self._progress = progress
        if from_outside:
            self._killings += 1
            return 0.0 if self._killings <= 3 else min(5.0, 0.1 * 2.0 ** min(self._killings - 3, 10))
        horizon = now_ns - int(self.limits.window_s * SECOND)
        self._deaths = [*(death for death in self._deaths if death > horizon), now_ns]
        if len(self._deaths) > self.limits.restarts:
            return None
        return min(self.limits.max_s, self.limits.first_s * 2.0 ** (len(self._deaths) - 1))

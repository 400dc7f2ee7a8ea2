"""A process of the pipeline, seen from inside: set up, run one stage's loop, say why it ended.

Started by the supervisor as ``python -m pipeline.worker``. Exit codes: 0 drained, 1 failed (restart me), 3 cannot
start (do not), 4 failed while the disk was full (restart me until there is room).
"""

import argparse
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.clock import Clock, SystemClock
from pipeline.control import (
    ClassifyLost,
    Closed,
    Drain,
    Fatal,
    GiveUp,
    Line,
    Notice,
    Order,
    Ping,
    Pong,
    Started,
    WorkerDied,
    child_end,
)
from pipeline.errors import CannotStart, UsageError
from pipeline.registry import resolve
from pipeline.spare_room import is_scarce
from pipeline.spec import RunSpec

logger = logging.getLogger(__name__)

CANNOT_START = 3
"""Exit code of a process that a restart would not help."""
NO_ROOM = 4
"""Exit code of a process of a live run that failed while the disk of its results was full."""

RUNNERS = {
    "capture": "pipeline.runners.capture:run",
    "dispatch": "pipeline.runners.dispatch:run",
    "detect": "pipeline.runners.detect:run",
    "classify": "pipeline.runners.classify:run",
    "alert": "pipeline.runners.alert:run",
    "evidence": "pipeline.runners.evidence:run",
    "record": "pipeline.runners.record:run",
    "deliver": "pipeline.runners.deliver:run",
}


class Child:
    """This process's side of the line to its supervisor. ``answer`` is called between two pieces of work."""

    def __init__(self, line: Line[Order], *, name: str, incarnation: str, clock: Clock, careful: bool = False) -> None:
        self._line = line
        self.name = name
        """Camera of a capture, number of a worker, else empty."""
        self.incarnation = incarnation
        """Unique in the run; a restarted process has another."""
        self.clock = clock
        self.careful = careful
        """The process before this one died by itself: have as little as possible under way when it happens again."""
        self.draining = False
        self.orders: list[WorkerDied | GiveUp | ClassifyLost] = []
        """What the supervisor asked for beside pings and draining; the loop takes them out."""

    def fileno(self) -> int:
        """For polling."""
        return self._line.fileno()

    def answer(self) -> None:
        """Answer pings and note orders; never blocks. Raises ``Closed`` when the supervisor is gone."""
        for order in self._line.receive():
            match order:
                case Ping(number):
                    self._line.send(Pong(number))
                case Drain():
                    self.draining = True
                case WorkerDied() | GiveUp() | ClassifyLost():
                    self.orders.append(order)

    def started(self) -> None:
        """Say that the stage is built. What it consists of is no garbage: it is not searched for any from now on."""
        gc.freeze()
        gc.enable()
        self._line.send(Started())

    def tell(self, notice: Notice) -> None:
        """Send a notice; lost if the supervisor does not read, so send the state and not the change."""
        self._line.send(notice)


class Every:
    """True once in each interval; for what a loop does now and then."""

    def __init__(self, interval_s: float, clock: Clock) -> None:
        self._interval_ns = int(interval_s * 1e9)
        self._clock = clock
        self._next_ns = 0

    def due(self) -> bool:
        """Whether the interval is over; starts the next one if so."""
        now = self._clock.monotonic_ns()
        if now < self._next_ns:
            return False
        self._next_ns = now + self._interval_ns
        return True


def die_with_parent() -> None:
    """Have the kernel kill this process when its supervisor dies (Linux: PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(parent_death_signal, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of every child process; returns its exit code."""
    options = _parser().parse_args(arguments)
    die_with_parent()
    gc.disable()  # until the stage is built: importing makes many objects and leaves few
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else all that is installed is searched for them
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C and systemd reach the whole group; the supervisor decides
        signal.signal(number, signal.SIG_IGN)
    _name_process(options.title)
    child = Child(
        child_end(options.fd),
        name=options.name,
        incarnation=options.incarnation,
        clock=SystemClock(),
        careful=options.careful,
    )
    spec = RunSpec.load(Path(options.spec))
    _configure_logs(spec, options.title)
    return _guarded(child, spec, resolve(options.role, RUNNERS))


def _guarded(child: Child, spec: RunSpec, run: Callable[[Child, RunSpec], None]) -> int:
    """Run the loop; the one place that catches everything."""
    try:
        run(child, spec)
    except Closed:
        return 1
    except (CannotStart, UsageError) as error:
        logger.error("cannot start: %s", error)
        if _waits_for_room(spec):
            child.tell(Fatal(_one_line(error), restart=True))
            return NO_ROOM
        child.tell(Fatal(_one_line(error), restart=False))
        return CANNOT_START
    except Exception as error:
        waits = _waits_for_room(spec)
        if waits:  # it will again every few seconds
            logger.error("failed on a full disk: %s", _one_line(error), exc_info=logger.isEnabledFor(logging.DEBUG))
        else:
            logger.exception("failed")
        child.tell(Fatal(_one_line(error), restart=True))
        return NO_ROOM if waits else 1
    return 0


def _waits_for_room(spec: RunSpec) -> bool:
    """Whether the disk is to blame, and the run has cameras that go on when there is room again."""
    if not is_scarce(Path(spec.out)):
        return False
    from pipeline.configuration.config import PipelineConfig

    config = PipelineConfig.from_spec(spec.config)
    return any(config.is_live(camera) for camera in config.cameras)


def _one_line(error: BaseException) -> str:
    from pipeline.redaction import redact

    return redact(f"{type(error).__name__}: {error}".splitlines()[0])[:500]


def _name_process(title: str) -> None:
    import setproctitle

    setproctitle.setproctitle(title)


def _configure_logs(spec: RunSpec, title: str) -> None:
    from pipeline.configuration.config import PipelineConfig
    from pipeline.logs import configure

    logs = PipelineConfig.from_spec(spec.config).logs
    configure(level=logs.level, format=logs.format, process_title=title, stream=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline.worker", description="A process of a Bartizan pipeline.")
    for name in ("role", "name", "title", "incarnation", "spec"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--careful", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())

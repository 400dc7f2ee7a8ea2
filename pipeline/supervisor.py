"""The supervisor: starts every process of a run, watches it, starts it again, drains in order.

It waits for three things at once: a process that ended (pidfd), a word from a process (its line), and a signal. A
process is alive if its work loop answers pings; one that hangs, spins or is frozen is killed and replaced.
"""

import logging
import selectors
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pipeline.clock import SECOND, Clock
from pipeline.configuration.settings import SupervisorOptions
from pipeline.control import (
    Backlog,
    CameraConsumed,
    CameraProgress,
    ClassifyLost,
    Closed,
    Consumed,
    Fatal,
    GiveUp,
    Metrics,
    Notice,
    OverdueWorker,
    Pong,
    Progress,
    Started,
    WorkerDied,
)
from pipeline.histogram import Histogram
from pipeline.process import Death, Process, Role
from pipeline.report import Restart
from pipeline.restarts import RestartLimits
from pipeline.shutdown import Shutdown
from pipeline.wall import rfc3339

logger = logging.getLogger(__name__)

POLL_S = 0.2
CANNOT_START = 3
FINISH_S = 30.0
"""Least patience with what has no receiver to wait for."""
MOST_POISON = 20
"""Frames that kill workers count as progress up to this many: a damaged stretch of a recording is worth getting past,
a detector that dies on every frame is not worth restarting for each."""


@dataclass
class Status:
    """What is known of a run, from what its processes said last."""

    cameras: dict[str, CameraProgress] = field(default_factory=dict)
    consumed: dict[str, CameraConsumed] = field(default_factory=dict)
    backlogs: dict[str, Backlog] = field(default_factory=dict)
    """Of ``evidence``, ``deliver``, and record and classify processes, by label."""
    answers: dict[str, int] = field(default_factory=dict)
    """Given by each incarnation of a classify process."""
    classifiers_lost: dict[str, str] = field(default_factory=dict)
    """Classify processes that will not come back in this run, and why."""
    refused: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    latency_ms: Histogram = field(default_factory=Histogram)
    restarts: list[Restart] = field(default_factory=list)
    given_up: dict[str, str] = field(default_factory=dict)
    """Cameras that will not come back in this run, and why."""
    unfinished: list[str] = field(default_factory=list)
    """What was cut short at the end of the run."""
    failed: str = ""
    """Why the run as a whole cannot go on."""
    cpu_s: dict[str, float] = field(default_factory=dict)
    """Processor time by process, at the end of the run."""
    metrics: dict[str, dict[str, object]] = field(default_factory=dict)
    """Latest snapshot of each process's counters, by label."""

    @property
    def frames(self) -> int:
        """Frames committed so far."""
        return sum(camera.next_index for camera in self.cameras.values())


Observer = Callable[[Status, list[Process]], None]


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
        self._cameras = cameras
        self._ring_dir = ring_dir
        self._options = options
        self._clock = clock
        self._shutdown = shutdown
        self._stderr = stderr
        self._latencies: dict[str, Histogram] = {}
        self._phase = 0
        self._phase_since_ns = 0
        self._phase_done = -1
        self._stopping = False

    def run(self, observer: Observer | None = None) -> Status:
        """Start everything and stay until it is over."""
        try:
            while not self._over():
                self._launch_due()
                self._wait()
                self._look_after()
                self._drain_in_order()
                if observer is not None:
                    observer(self.status, self.processes)
        finally:
            self._end_all()
        return self.status

    # ---- starting

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

    # ---- listening

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
                self._listen(data[0])
        for data in ready:
            if data is not None and data[1] and data[0].alive:
                self._listen(data[0])
                self._died(data[0])

    def _listen(self, process: Process) -> None:
        if process.line is None:
            return
        try:
            notices = process.line.receive()
        except Closed:
            return  # its pidfd will tell
        for notice in notices:
            self._take(process, notice)

    def _take(self, process: Process, notice: Notice) -> None:
        match notice:
            case Pong(number):
                process.answered = max(process.answered, number)
            case Started():
                process.started = True
                if process.role.stage == "dispatch":
                    for camera, reason in self.status.given_up.items():
                        process.send(GiveUp(camera, reason))
                if process.role.stage == "alert":
                    for name, reason in self.status.classifiers_lost.items():
                        process.send(ClassifyLost(name, reason))
            case Fatal(reason):
                process.fatal = reason
            case Progress(cameras, refused, workers):
                self.status.cameras, self.status.refused = cameras, refused
                self.status.workers.update(workers)
            case Consumed(cameras, latency_ms):
                self.status.consumed = cameras
                self._latencies[process.incarnation] = latency_ms
            case Backlog(done=done) if process.role.stage == "classify":
                self.status.backlogs[process.role.label] = notice
                self.status.answers[process.incarnation] = done
            case Backlog():
                self.status.backlogs[process.role.label] = notice
            case OverdueWorker(worker):
                self._kill_overdue(worker)
            case Metrics(snapshot):
                self.status.metrics[process.role.label] = snapshot

    def _kill_overdue(self, worker: str) -> None:
        for process in self.processes:
            if process.incarnation == worker:
                process.kill("held a frame for longer than its lease")

    # ---- deaths

    def _died(self, process: Process) -> None:
        incarnation, drained = process.incarnation, process.draining
        death = process.bury(self._now())
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
        process.careful = process.careful or death.by_itself
        delay_s = process.policy.died(
            death.time_ns, progress=self._progress_of(process), from_outside=not death.by_itself
        )
        if delay_s is None:
            self._give_up(process, death)
            return
        camera = process.role.name if process.role.stage == "capture" else None
        self.status.restarts.append(
            Restart(stage=process.role.label, reason=death.reason, time=rfc3339(self._clock.wall_ns()), camera=camera)
        )
        process.next_launch_ns = death.time_ns + int(delay_s * SECOND)

    def _give_up(self, process: Process, death: Death) -> None:
        process.finished = True
        if process.role.stage == "capture":
            camera = process.role.name
            self.status.given_up[camera] = death.reason
            logger.error("camera %s is given up: %s", camera, death.reason)
            self._tell("dispatch", GiveUp(camera, death.reason))
            return
        if process.role.stage == "detect" and any(p.role.stage == "detect" and not p.finished for p in self.processes):
            logger.error("%s is given up: %s; the other workers go on", process.role.label, death.reason)
            return
        if process.role.stage == "classify":
            self.status.classifiers_lost[process.role.name] = death.reason
            self._tell("alert", ClassifyLost(process.role.name, death.reason))
        if process.role.stage in ("classify", "evidence", "record", "deliver"):
            logger.error("%s is given up: %s; analysis goes on", process.role.label, death.reason)
            self.status.unfinished.append(f"{process.role.label} was given up: {death.reason}")
            return
        self.status.failed = f"{process.role.label}: {death.reason}"
        logger.error("the run cannot go on: %s", self.status.failed)

    def _progress_of(self, process: Process) -> int:
        match process.role.stage:
            case "capture":
                camera = self.status.cameras.get(process.role.name)
                return camera.next_index if camera else 0
            case "alert":
                return sum(c.frames for c in self.status.consumed.values())
            case "evidence" | "record" | "deliver":
                backlog = self.status.backlogs.get(process.role.label)
                return backlog.done + backlog.steps if backlog else 0
            case "classify":
                label = f"{process.role.label}-"
                return sum(count for name, count in self.status.answers.items() if name.startswith(label))
            case "detect":
                label = f"{process.role.label}-"
                accepted = sum(count for name, count in self.status.workers.items() if name.startswith(label))
                poison = sum(camera.counts.get("poison", 0) for camera in self.status.cameras.values())
                return accepted + min(poison, MOST_POISON)
            case _:
                return self.status.frames

    def _tell(self, stage: str, order: WorkerDied | GiveUp | ClassifyLost) -> None:
        for process in self.processes:
            if process.role.stage == stage:
                process.send(order)

    # ---- liveness

    def _look_after(self) -> None:
        now = self._now()
        for process in self.processes:
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

    # ---- draining

    PHASES = (("capture",), ("detect",), ("alert",), ("classify", "evidence", "record"), ("dispatch",), ("deliver",))

    def _drain_in_order(self) -> None:
        """End of all recordings, or a signal: one stage after the other finishes what it has."""
        if not self._stopping:
            if not (self._shutdown.asked or self._complete()):
                return
            self._stopping = True
            self._begin_phase(0)
        while self._phase < len(self.PHASES) and self._phase_over():
            self._begin_phase(self._phase + 1)

    def _begin_phase(self, phase: int) -> None:
        self._phase, self._phase_since_ns = phase, self._now()
        for process in self._in_phase():
            process.drain()
            if not process.alive and process.role.stage == "capture":
                process.finished = True

    def _in_phase(self) -> list[Process]:
        stages = self.PHASES[self._phase] if self._phase < len(self.PHASES) else ()
        return [process for process in self.processes if process.role.stage in stages]

    def _phase_over(self) -> bool:
        unfinished = [process for process in self._in_phase() if not process.finished]
        if not unfinished:
            return self._phase != 0 or self._settled()
        progress = sum(self._progress_of(process) for process in unfinished)
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
        return self._phase == len(self.PHASES) - 1 and self._options.drain_timeout_s is not None

    def _lose_patience(self, process: Process) -> None:
        """It does not come on. Starting it again may help, once; a receiver that is away it does not."""
        reason = f"did not finish within {self._patience_s():g} s"
        process.kill(reason)
        process.overdue += 1
        if process.overdue > 1 or process.role.stage == "deliver":
            process.finished = True
            logger.warning("%s %s", process.role.label, reason)
            if process.role.stage != "deliver":
                self.status.unfinished.append(f"{process.role.label} {reason}")

    def _settled(self) -> bool:
        """Everything announced is in the logs, or it takes too long."""
        late = self._now() - self._phase_since_ns > self._patience_s() * SECOND
        return late or all(camera.pending_offers == 0 for camera in self.status.cameras.values())

    def _complete(self) -> bool:
        """Every camera's log has its end, and the alert process has taken all of it in."""
        cameras, consumed = self.status.cameras, self.status.consumed
        return all(
            name in cameras
            and cameras[name].ended
            and name in consumed
            and consumed[name].ended
            and consumed[name].frames == cameras[name].next_index
            for name in self._cameras
        )

    def _over(self) -> bool:
        self.status.latency_ms = _merged(self._latencies)
        if self._shutdown.urgent or self.status.failed:
            return True
        return self._stopping and self._phase >= len(self.PHASES)

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


def _merged(histograms: dict[str, Histogram]) -> Histogram:
    total = Histogram()
    for histogram in histograms.values():
        total.merge(histogram)
    return total

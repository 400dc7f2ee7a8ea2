"""``status.json`` of a running pipeline: what ``bartizan top`` and other programs look at."""

import logging
from pathlib import Path

import msgspec

from pipeline.clock import SECOND, Clock, SystemClock
from pipeline.control import CameraProgress
from pipeline.errors import UsageError
from pipeline.process import Process
from pipeline.supervisor.status import Status
from pipeline.whole_file import write_whole

logger = logging.getLogger(__name__)

INTERVAL_NS = SECOND
STALE_S = 15.0
"""A file older than this is what a killed run left."""


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process. ``state``: starting, running, waiting (to be started again), draining, done."""

    label: str
    pid: int
    state: str
    restarts: int
    uptime_s: float


class CameraStatus(msgspec.Struct, frozen=True):
    """One camera. ``behind``: frames in its log that the alert process has not taken in yet."""

    name: str
    state: str
    frames: int
    media_s: float
    pending: int
    behind: int
    events: int
    counts: dict[str, int]
    classified: dict[str, dict[str, int]] = {}
    """By classifier: crops ``wished`` and ``answered``, and those missed by reason."""


class RunStatus(msgspec.Struct, frozen=True):
    """The whole file. Times are seconds; ``monotonic_s`` tells how old it is."""

    pid: int
    monotonic_s: float
    cameras: list[CameraStatus]
    processes: list[ProcessStatus]
    refused: dict[str, int]
    latency_ms: dict[str, float | None]
    backlogs: dict[str, int]


class StatusFile:
    """Writes the file about once a second. An observer of the supervisor."""

    def __init__(self, path: Path, clock: Clock, pid: int) -> None:
        self._path = path
        self._clock = clock
        self._pid = pid
        self._due_ns = 0
        self._is_behind = False
        """It has been said that the file cannot be written."""

    def __call__(self, status: Status, processes: list[Process]) -> None:
        """Write if it is time. That the disk is full does not end a run: what is there is then old."""
        now = self._clock.monotonic_ns()
        if now >= self._due_ns:
            self._due_ns = now + INTERVAL_NS
            content = status_of(status, processes, now_ns=now, pid=self._pid)
            try:
                write_whole(self._path, [msgspec.json.encode(content)], flush=False)
            except OSError as error:
                if not self._is_behind:
                    logger.warning("%s cannot be written: %s", self._path, error.strerror)
                self._is_behind = True
            else:
                self._is_behind = False

    def remove(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)


def status_of(status: Status, processes: list[Process], *, now_ns: int, pid: int) -> RunStatus:
    """What the file says."""
    quantiles = {f"p{share:g}": status.latency_ms.quantile(share / 100) for share in (50, 95, 99)}
    return RunStatus(
        pid=pid,
        monotonic_s=now_ns / SECOND,
        cameras=[_camera(name, camera, status) for name, camera in status.cameras.items()],
        processes=[_process(process, now_ns) for process in processes],
        refused=status.refused,
        latency_ms=quantiles,
        backlogs={stage: backlog.waiting for stage, backlog in status.backlogs.items()},
    )


def read_status(out: Path, clock: Clock | None = None) -> RunStatus:
    """The status of the pipeline whose output directory this is. Raises ``UsageError`` if none runs there."""
    path = out / "status.json"
    try:
        status = msgspec.json.decode(path.read_bytes(), type=RunStatus)
    except FileNotFoundError as error:
        raise UsageError(f"no pipeline is running with --out {out}: {path} is not there") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    age_s = (clock or SystemClock()).monotonic_ns() / SECOND - status.monotonic_s
    if not 0 <= age_s <= STALE_S:
        raise UsageError(f"no pipeline is running with --out {out}: {path} was left by one that was killed or hangs")
    return status


def _camera(name: str, camera: CameraProgress, status: Status) -> CameraStatus:
    consumed = status.consumed.get(name)
    return CameraStatus(
        name=name,
        state=_state(camera, given_up=name in status.given_up),
        frames=camera.next_index,
        media_s=max(0, camera.media_ns) / SECOND,
        pending=camera.pending,
        behind=max(0, camera.next_index - (consumed.frames if consumed else 0)),  # it may have told later than dispatch
        events=consumed.events if consumed else 0,
        counts=camera.counts,
        classified=consumed.classified if consumed else {},
    )


def _state(camera: CameraProgress, *, given_up: bool) -> str:
    if given_up:
        return "given up"
    return "ended" if camera.ended else "online" if camera.online else "offline"


def _process(process: Process, now_ns: int) -> ProcessStatus:
    if process.child is None:
        state = "done" if process.finished else "waiting"
    else:
        state = "draining" if process.draining else "running" if process.started else "starting"
    return ProcessStatus(
        label=process.role.label,
        pid=process.child.pid if process.child else 0,
        state=state,
        restarts=max(0, process.launches - 1),
        uptime_s=(now_ns - process.launched_ns) / SECOND if process.child else 0.0,
    )

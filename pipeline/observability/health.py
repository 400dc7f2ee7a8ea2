"""Whether a run is well, camera by camera and process by process, with reasons."""

from enum import StrEnum

import msgspec

from pipeline.process import Process
from pipeline.supervisor.status import Status


class State(StrEnum):
    """How well something is; the worst of the parts is not the state of the whole, see ``health_of``."""

    OK = "ok"
    DEGRADED = "degraded"
    """It works in part, or is being brought back."""
    FAILED = "failed"
    """It does not work and will not by itself."""


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A camera's or process's state, and why it is not ok."""

    state: State
    reason: str = ""


class Health(msgspec.Struct, frozen=True):
    """What ``/healthz`` says."""

    state: State
    reasons: list[str]
    cameras: dict[str, Condition]
    stages: dict[str, Condition]
    """By process, such as ``detect[0]``."""


def health_of(status: Status, processes: list[Process]) -> Health:
    """The health of a run.

    Failed: the run as a whole cannot go on, or every camera has been given up. Degraded: some camera or process
    is not ok. A camera whose recording is over is ok.
    """
    cameras = {name: _camera(name, status) for name in sorted({*status.cameras, *status.given_up})}
    stages = {process.role.label: _process(process) for process in processes}
    reasons = [status.failed] if status.failed else []
    reasons += [f"camera {name}: {condition.reason}" for name, condition in cameras.items() if condition.reason]
    reasons += [f"{label}: {condition.reason}" for label, condition in stages.items() if condition.reason]
    lost = bool(cameras) and all(condition.state is State.FAILED for condition in cameras.values())
    whole = State.FAILED if status.failed or lost else State.DEGRADED if reasons else State.OK
    return Health(whole, reasons, cameras, stages)


def _camera(name: str, status: Status) -> Condition:
    if name in status.given_up:
        return Condition(State.FAILED, f"given up: {status.given_up[name]}")
    progress = status.cameras[name]
    if not progress.online and not progress.ended:
        return Condition(State.DEGRADED, "offline")
    if progress.ended and progress.end_reason.startswith("failed"):
        return Condition(State.FAILED, progress.end_reason)
    return Condition(State.OK)


def _process(process: Process) -> Condition:
    if process.finished or process.draining:
        return Condition(State.OK)
    if process.stopped_ns:
        return Condition(State.DEGRADED, "stopped by somebody")
    if not process.alive:
        return Condition(State.DEGRADED, f"waits to be started again (after {max(process.launches, 1)} starts)")
    if not process.started:
        return Condition(State.DEGRADED, "starting")
    return Condition(State.OK)

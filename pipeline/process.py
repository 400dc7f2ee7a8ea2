"""One process of a run, seen from its supervisor."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pipeline.control import Drain, Line, Notice, Order, Ping, pair
from pipeline.restarts import RestartLimits, RestartPolicy
from pipeline.worker import NO_ROOM

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that a process does not raise by its own mistakes."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a process is for. ``name``: camera of a capture, number of a worker, else empty."""

    stage: str
    name: str = ""
    patience_s: float = 0.0
    """Its work may keep it from answering for this long, whatever the liveness option says."""

    @property
    def label(self) -> str:
        """Such as ``detect[0]``."""
        return f"{self.stage}[{self.name}]" if self.name else self.stage

    @property
    def title(self) -> str:
        """The process's title in ``ps``."""
        return f"bartizan: {self.label}"


@dataclass(slots=True)
class Death:
    """How a process ended."""

    reason: str
    by_itself: bool
    """False where somebody killed or froze it from outside, or filled its disk."""
    code: int
    time_ns: int


@dataclass(slots=True)
class Process:
    """A role and the process that plays it now."""

    role: Role
    limits: RestartLimits
    policy: RestartPolicy = field(init=False)
    child: subprocess.Popen[bytes] | None = None
    line: Line[Notice] | None = None
    pidfd: int = -1
    incarnation: str = ""
    launches: int = 0
    launched_ns: int = 0
    started: bool = False
    finished: bool = False
    """It will not be started again: done, or given up."""
    draining: bool = False
    next_launch_ns: int = 0
    ping: int = 0
    answered: int = 0
    pinged_ns: int = 0
    fatal: str = ""
    killed_for: str = ""
    """Why the supervisor killed it."""
    killed_from_outside: bool = False
    stopped_ns: int = 0
    """Since when it is stopped (SIGSTOP); 0 while it is not."""
    careful: bool = False
    """It died by itself before."""
    cpu_s: float = 0.0
    """Processor time of all that played this role and have ended."""
    overdue: int = 0
    """How often it did not finish in time."""

    def __post_init__(self) -> None:
        self.policy = RestartPolicy(self.limits)

    @property
    def alive(self) -> bool:
        """There is a process now."""
        return self.child is not None

    def launch(self, spec: Path, now_ns: int, *, stderr: IO[bytes] | None) -> None:
        """Start it, in an interpreter of its own."""
        self.line, theirs = pair()
        self.launches += 1
        self.incarnation = f"{self.role.label}-{self.launches}-{os.urandom(3).hex()}"
        descriptor = theirs.fileno()
        command = [sys.executable, "-m", "pipeline.worker", "--fd", str(descriptor), "--spec", str(spec)]
        command += ["--role", self.role.stage, "--name", self.role.name, "--title", self.role.title]
        command += ["--incarnation", self.incarnation, *(["--careful"] if self.careful else [])]
        try:
            self.child = subprocess.Popen(command, pass_fds=[descriptor], stdin=subprocess.DEVNULL, stderr=stderr)
        finally:
            theirs.close()
        self.pidfd = os.pidfd_open(self.child.pid)
        self.launched_ns = self.pinged_ns = now_ns
        self.started = False
        self.ping = self.answered = 0
        self.fatal = self.killed_for = ""
        self.killed_from_outside = False
        if self.draining:
            self.send(Drain())

    def send(self, order: Order) -> None:
        """Tell it something; lost if it is not there."""
        if self.line is not None:
            self.line.send(order)

    def send_ping(self, now_ns: int) -> None:
        """Ask for an answer from its work loop."""
        self.ping += 1
        self.pinged_ns = now_ns
        self.send(Ping(self.ping))

    def drain(self) -> None:
        """Ask it to finish; survives its restarts."""
        self.draining = True
        self.send(Drain())

    def kill(self, reason: str) -> None:
        """End it at once, noting why, and whether somebody had frozen it."""
        if self.child is not None and not self.killed_for:
            self.killed_for = reason
            self.killed_from_outside = is_stopped(self.child.pid)
            if self.killed_from_outside:
                self.killed_for = f"frozen from outside (SIGSTOP): {reason}"
            with contextlib.suppress(ProcessLookupError):
                self.child.kill()

    def is_stopped(self) -> bool:
        """Whether somebody sent it SIGSTOP."""
        return self.child is not None and is_stopped(self.child.pid)

    def bury(self, now_ns: int) -> Death:
        """Collect a process that has ended."""
        assert self.child is not None  # called when its pidfd says that it has ended
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = self.child.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_s += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.child = None
        os.close(self.pidfd)
        self.pidfd = -1
        if self.line is not None:
            self.line.close()
            self.line = None
        if self.killed_for:
            return Death(self.killed_for, not self.killed_from_outside, code, now_ns)
        if -code in FROM_OUTSIDE:
            return Death(f"killed from outside ({_name(-code)})", False, code, now_ns)
        if code < 0:
            return Death(f"died of {_name(-code)}", True, code, now_ns)
        waits = code == NO_ROOM and not self.draining  # who is to finish does not wait for room for ever
        return Death(self.fatal or f"exited with {code}", not waits, code, now_ns)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def is_stopped(pid: int) -> bool:
    """Whether somebody sent the process SIGSTOP (Linux: state T in /proc/PID/stat)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")

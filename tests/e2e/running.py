"""A whole pipeline in processes of its own, to be disturbed from outside."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals
from typing import Any, TypeVar

import psutil

from pipeline.journal.log import LogReader
from pipeline.messages import FrameRecord

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240.0
"""For what has to come. It is no promise of how soon: only what never comes fails, and is told before pytest's own
time-out ends the test without a word."""
Found = TypeVar("Found")


class Running:
    """A started ``bartizan`` command; every wait has a deadline, and ends when the command does."""

    def __init__(
        self,
        arguments: list[str],
        out: Path,
        *,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        if arguments[0] in ("process", "watch") and not any("stages.detect.kind=" in word for word in arguments):
            # These tests disturb the machine around the detector: what moves is found soonest.
            arguments = [*arguments, "--set", "stages.detect.kind=motion"]
        self.out = out
        self.output = out.parent / f"{out.name}.terminal"
        with self.output.open("wb") as terminal:
            self.command = subprocess.Popen(
                [*prefix, sys.executable, "-m", "pipeline.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                env={**_environment(), **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        self.process = psutil.Process(self.command.pid)

    def children(self) -> dict[str, psutil.Process]:
        """The run's processes by label, such as ``detect[0]``."""
        found: dict[str, psutil.Process] = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in self.process.children():
                with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, IndexError):
                    title = child.cmdline()[0]
                    if title.startswith("bartizan: "):
                        found[title.removeprefix("bartizan: ")] = child
        return found

    def wait_for(self, claim: Callable[[], Found | None], what: str) -> Found:
        """What ``claim`` gives, once that is true. Fails if the command ends before."""
        for _ in until(PATIENCE_S, what):
            over = self.command.poll() is not None
            if found := claim():
                return found
            assert not over, f"the run ended before {what}:\n{self.said()}"
        raise AssertionError

    def child(self, label: str) -> psutil.Process:
        """The process of this label, once it is there."""
        return self.wait_for(lambda: self.children().get(label), f"process {label}")

    def frames(self, camera: str) -> int:
        """Frames in the camera's log."""
        reader, count = LogReader(self.out / "logs" / f"{camera}.log"), 0
        try:
            while batch := reader.read(4096):
                count += sum(isinstance(record, FrameRecord) for record, _ in batch)
        finally:
            reader.close()
        return count

    def wait_frames(self, camera: str, count: int) -> None:
        """Until the camera's log has that many frames."""
        self.wait_for(lambda: self.frames(camera) >= count, f"{count} frames of {camera}")

    def signal(self, label: str, number: Signals) -> int:
        """Send a signal to the process of this label; gives its pid."""
        while True:
            child = self.child(label)
            try:
                child.send_signal(number)
            except psutil.NoSuchProcess:
                continue
            return child.pid

    def another(self, label: str, than: int) -> None:
        """Wait until the process of this label is not that of this pid any more."""
        self.wait_for(
            lambda: (child := self.children().get(label)) is not None and child.pid != than, f"another {label}"
        )

    def replace(self, label: str, number: Signals = SIGKILL) -> None:
        """Kill the process of this label, or freeze it, and wait for the next one."""
        self.another(label, self.signal(label, number))

    def wait(self) -> int:
        """Until the command has ended; its exit code."""
        try:
            return self.command.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not over within {PATIENCE_S:g} s:\n{self.said()}") from None

    def kill(self) -> None:
        """SIGKILL, as the kernel sends when memory is short; its processes die with it."""
        children = list(self.children().values())
        self.command.kill()
        self.command.wait(PATIENCE_S)
        for child in children:
            child.wait(PATIENCE_S)

    def stop(self) -> int:
        """As Ctrl-C does."""
        self.command.send_signal(SIGINT)
        return self.wait()

    def said(self) -> str:
        """What stood on the terminal, and the log of the processes."""
        log = self.out / "bartizan.log"
        return self.output.read_text() + (log.read_text() if log.exists() else "")

    def report(self) -> dict[str, Any]:
        """The report of the run that ended."""
        report: dict[str, Any] = json.loads((self.out / "report.json").read_text())
        return report

    def events(self) -> list[dict[str, Any]]:
        """The messages of ``events.jsonl``."""
        return [json.loads(line) for line in (self.out / "events.jsonl").read_text().splitlines()]

    def events_so_far(self) -> list[dict[str, Any]]:
        """Those that stand there while it runs."""
        path = self.out / "events.jsonl"
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        return [json.loads(line) for line in whole.splitlines()]

    def restarts(self, label: str) -> list[str]:
        """Why the process of this label was started again, time by time."""
        restarts = [restart for restart in self.report()["restarts"] if restart["stage"] == label]
        return [restart["reason"] for restart in restarts for _ in range(restart["count"])]

    def end(self) -> None:
        """Nothing is left behind."""
        children = list(self.children().values())
        if self.command.poll() is None:
            self.command.kill()
            self.command.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def run_to_end(
    arguments: list[str],
    out: Path,
    *,
    code: int = 0,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    prefix: Sequence[str] = (),
) -> Running:
    """A run that is over, with this exit code and books that balance."""
    run = Running(arguments, out, env=env, cwd=cwd, prefix=prefix)
    try:
        assert run.wait() == code, run.said()
    finally:
        run.end()
    report = run.report()
    assert report["balanced"], report["imbalances"]
    return run


def bartizan(*arguments: str | Path, code: int = 0, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself, with this exit code; what it said."""
    command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def _environment() -> dict[str, str]:
    """In which a command is found from any folder."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}


def until(seconds: float, what: str) -> Iterator[None]:
    """Comes round until the time is over, then fails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:g} s for {what}")


def process_command(source: str | Path, out: Path, *options: str) -> list[str]:
    """``bartizan process`` with patience cut short, for tests that freeze processes."""
    quick = ["--set", "supervisor.liveness_s=2", "--set", "supervisor.backoff_first_s=0.1"]
    return ["process", str(source), "--out", str(out), *quick, *options]

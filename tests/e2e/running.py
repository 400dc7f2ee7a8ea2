"""A whole pipeline in processes of its own, to be disturbed from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from pipeline.journal.log import LogReader
from pipeline.messages import FrameRecord

ROOT = Path(__file__).resolve().parents[2]


class Running:
    """A started ``bartizan`` command; every wait has a deadline."""

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
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", **(env or {})},
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

    def child(self, label: str, *, within_s: float = 30.0) -> psutil.Process:
        """The process of this label, once it is there."""
        for _ in until(within_s, f"process {label} to appear"):
            if (child := self.children().get(label)) is not None:
                return child
        raise AssertionError

    def frames(self, camera: str) -> int:
        """Frames in the camera's log."""
        reader, count = LogReader(self.out / "logs" / f"{camera}.log"), 0
        try:
            while batch := reader.read(4096):
                count += sum(isinstance(record, FrameRecord) for record, _ in batch)
        finally:
            reader.close()
        return count

    def wait_frames(self, camera: str, count: int, *, within_s: float = 60.0) -> None:
        """Until the camera's log has that many frames."""
        for _ in until(within_s, f"{count} frames of {camera}"):
            if self.frames(camera) >= count:
                return
            assert self.command.poll() is None, f"the run ended early:\n{self.said()}"

    def signal(self, label: str, number: signal.Signals) -> int:
        """Send a signal to the process of this label; gives its pid."""
        while True:
            child = self.child(label)
            try:
                child.send_signal(number)
            except psutil.NoSuchProcess:
                continue
            return child.pid

    def wait(self, *, within_s: float = 120.0) -> int:
        """Until the command has ended; its exit code."""
        try:
            return self.command.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not over within {within_s} s:\n{self.said()}") from None

    def stop(self) -> int:
        """As Ctrl-C does."""
        self.command.send_signal(signal.SIGINT)
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

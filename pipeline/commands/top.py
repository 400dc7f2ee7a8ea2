"""``bartizan top``: a live table of a running pipeline's cameras and processes."""

import contextlib
import time
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from pipeline.commands.console import table_console
from pipeline.errors import UsageError
from pipeline.observability.status_file import CameraStatus, RunStatus, read_status

AT_WORK = {"online": "green", "running": "green", "offline": "red", "given up": "red", "waiting": "yellow"}


def top(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of the running pipeline.")] = Path(
        "results"
    ),
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    interval_s: Annotated[float, typer.Option("--interval", min=0.2, help="Seconds between updates.")] = 1.0,
) -> None:
    """Show a running pipeline: cameras, rates, drops by reason, processes, restarts. Ctrl-C ends."""
    console = table_console()
    viewer = Viewer()
    first = read_status(out)
    if once:
        viewer.draw(first)  # rates and loads come from the difference to it
        time.sleep(interval_s)
        console.print(viewer.draw(read_status(out)))
        return
    with Live(viewer.draw(first), console=console, auto_refresh=False) as live, contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(interval_s)
            try:
                live.update(viewer.draw(read_status(out)), refresh=True)
            except UsageError:
                return


class Viewer:
    """Draws a status; rates come from the difference to the one before."""

    def __init__(self) -> None:
        self._before: RunStatus | None = None
        self._rates: dict[str, float] = {}
        self._processes: dict[int, psutil.Process] = {}

    def draw(self, status: RunStatus) -> Group:
        """Both tables, and a line of what is worth knowing."""
        self._measure(status)
        latency = ", ".join(f"{name} {value:.0f} ms" for name, value in status.latency_ms.items() if value is not None)
        refused = ", ".join(f"{count} x {reason}" for reason, count in status.refused.items())
        waiting = ", ".join(f"{escape(stage)}: {count} waiting" for stage, count in status.backlogs.items())
        lines = [f"capture to event: {latency or 'no event yet'}", waiting]
        lines += [f"refused: {refused}"] if refused else []
        lines += [
            _crops(camera.name, name, counts) for camera in status.cameras for name, counts in camera.classified.items()
        ]
        return Group(self._cameras(status), self._processes_table(status), *lines)

    def _measure(self, status: RunStatus) -> None:
        before = self._before
        if before is not None and status.monotonic_s > before.monotonic_s:
            earlier = {camera.name: camera.frames for camera in before.cameras}
            elapsed = status.monotonic_s - before.monotonic_s
            for camera in status.cameras:
                self._rates[camera.name] = (camera.frames - earlier.get(camera.name, 0)) / elapsed
        if before is None or status.monotonic_s > before.monotonic_s:
            self._before = status

    def _cameras(self, status: RunStatus) -> Table:
        table = Table("camera", "state", title=f"pipeline {status.pid}", title_justify="left")
        for heading in ("frames/s", "frames", "analysed", "media time", "pending", "behind", "events"):
            table.add_column(heading, justify="right")
        table.add_column("not analysed")
        for camera in status.cameras:
            table.add_row(*self._camera_row(camera))
        return table

    def _camera_row(self, camera: CameraStatus) -> list[str]:
        drops = ", ".join(
            f"{count} {reason}" for reason, count in sorted(camera.counts.items()) if reason != "analysed"
        )
        rate = self._rates.get(camera.name)
        numbers = (camera.frames, camera.counts.get("analysed", 0))
        return [
            camera.name,
            _coloured(camera.state),
            "" if rate is None else f"{rate:.1f}",
            *map(str, numbers),
            f"{camera.media_s:.1f} s",
            str(camera.pending),
            str(camera.behind),
            str(camera.events),
            drops,
        ]

    def _processes_table(self, status: RunStatus) -> Table:
        table = Table("process", "state")
        for heading in ("pid", "cpu %", "memory MiB", "uptime", "restarts"):
            table.add_column(heading, justify="right")
        for process in status.processes:
            cpu, memory = self._load(process.pid)
            row = [str(process.pid or ""), cpu, memory, f"{process.uptime_s:.0f} s", str(process.restarts)]
            table.add_row(escape(process.label), _coloured(process.state), *row)
        return table

    def _load(self, pid: int) -> tuple[str, str]:
        if not pid:
            return "", ""
        try:
            process = self._processes.setdefault(pid, psutil.Process(pid))
            return f"{process.cpu_percent():.0f}", f"{process.memory_info().rss / 2**20:.0f}"
        except psutil.NoSuchProcess:
            self._processes.pop(pid, None)
            return "", ""


def _crops(camera: str, classifier: str, counts: dict[str, int]) -> str:
    missed = "".join(
        f", {count} {reason}" for reason, count in sorted(counts.items()) if reason not in ("wished", "answered")
    )
    return f"{camera}, {classifier}: {counts.get('wished', 0)} crops, {counts.get('answered', 0)} answered{missed}"


def _coloured(state: str) -> str:
    colour = AT_WORK.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state

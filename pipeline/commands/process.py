"""``bartizan process``: recorded files, faster than real time, with a progress bar."""

import io
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pipeline.commands.options import (
    DrainTimeoutOption,
    OutOption,
    OverwriteOption,
    RuleOption,
    SetOption,
    drain_override,
)
from pipeline.commands.outcome import conclude
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.logs import configure
from pipeline.out_directory import open_log
from pipeline.run import run_pipeline
from pipeline.supervisor.status import Status


def process(
    sources: Annotated[list[str], typer.Argument(metavar="FILE...", help="Video files or folders of pictures.")],
    rules: RuleOption = None,
    overrides: SetOption = None,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    drain_timeout: DrainTimeoutOption = None,
) -> None:
    """Run recorded files through, faster than real time. A run that was interrupted goes on where it was."""
    overrides = [*(overrides or []), *drain_override(drain_timeout)]
    config = default_config(sources, rules=rules or [], overrides=overrides, out=out)
    raise typer.Exit(run_with_progress(config, overwrite=overwrite))


def run_with_progress(config: PipelineConfig, *, overwrite: bool, file: Path | None = None) -> int:
    """Run over recordings; the processes' log goes to ``bartizan.log`` in the output directory. ``file``: where the
    configuration was read."""
    console = Console()
    with open_log(config.out) as log, _bar(console) as bar:
        configure(config.logs.level, config.logs.format, process_title="bartizan: supervisor", stream=_Above(bar))
        tasks = {camera: bar.add_task(camera, total=None, frames=0) for camera in config.cameras}
        totals = dict.fromkeys(config.cameras) | _frame_counts(config)
        finished = run_pipeline(
            config,
            overwrite=overwrite,
            observer=lambda status, _: _show(bar, tasks, totals, status),
            stderr=log,
            file=file,
        )
        reached: dict[str, int | None] = {name: at.next_index for name, at in finished.status.cameras.items()}
        _show(bar, tasks, reached, finished.status)
    return conclude(finished, console)


class _Above(io.StringIO):
    """A stream that writes above the progress bar."""

    def __init__(self, bar: Progress) -> None:
        super().__init__()
        self._bar = bar

    def write(self, text: str) -> int:
        """Print whole lines."""
        if text.strip():
            self._bar.console.print(text.rstrip("\n"), highlight=False, markup=False, soft_wrap=True)
        return len(text)


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[frames]} frames"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not sys.stdout.isatty())


def _frame_counts(config: PipelineConfig) -> dict[str, int | None]:
    """How many frames the recordings say that they have; good for a progress bar only."""
    from pipeline.registry import resolve

    count = resolve("stages.capture.counting:count_frames", {})
    return {camera: count(options) for camera, options in config.cameras.items()}


def _show(bar: Progress, tasks: dict[str, TaskID], totals: dict[str, int | None], status: Status) -> None:
    for camera, progress in status.cameras.items():
        bar.update(tasks[camera], completed=progress.next_index, total=totals.get(camera), frames=progress.next_index)

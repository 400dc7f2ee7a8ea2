"""``bartizan run``: the pipeline that a YAML file describes, until it is done or told to stop."""

import dataclasses
import sys

import typer
from rich.console import Console

from pipeline.commands.options import (
    ConfigArgument,
    DrainTimeoutOption,
    OutOption,
    OverwriteOption,
    SetOption,
    drain_override,
)
from pipeline.commands.outcome import conclude
from pipeline.commands.process import run_with_progress
from pipeline.configuration.loading import load_config
from pipeline.logs import configure
from pipeline.run import run_pipeline


def run(
    config: ConfigArgument,
    overrides: SetOption = None,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    drain_timeout: DrainTimeoutOption = None,
) -> None:
    """Run the pipeline that a YAML file describes. Ctrl-C finishes what is under way; twice stops at once."""
    loaded = load_config(config, [*(overrides or []), *drain_override(drain_timeout)])
    file = config.resolve()
    if out is not None:
        loaded = dataclasses.replace(loaded, out=out)
    if not any(loaded.is_live(camera) for camera in loaded.cameras):
        raise typer.Exit(run_with_progress(loaded, overwrite=overwrite, file=file))
    configure(loaded.logs.level, loaded.logs.format, process_title="bartizan: supervisor", stream=sys.stderr)
    finished = run_pipeline(loaded, overwrite=overwrite, file=file)
    raise typer.Exit(conclude(finished, Console()))

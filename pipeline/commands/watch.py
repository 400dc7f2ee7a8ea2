"""``bartizan watch``: cameras without a YAML file, alerts on the terminal as they happen."""

import dataclasses
import sys
from typing import Annotated

import typer
from rich.console import Console

from pipeline.commands.options import OutOption, OverwriteOption, RuleOption, SetOption
from pipeline.commands.outcome import conclude
from pipeline.configuration.defaults import default_config
from pipeline.logs import configure
from pipeline.run import run_pipeline


def watch(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="rtsp:// or http:// address, usb:0, or a video file.")
    ],
    rules: RuleOption = None,
    overrides: SetOption = None,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Watch live cameras; alerts appear as they happen. Ctrl-C stops."""
    config = default_config(
        sources, rules=rules or [], overrides=["sinks=[{kind: terminal}]", *(overrides or [])], out=out, live=True
    )
    if out is None:
        config = dataclasses.replace(config, out=config.out / "-".join(config.cameras)[:100])
    configure(config.logs.level, config.logs.format, process_title="bartizan: supervisor", stream=sys.stderr)
    finished = run_pipeline(config, overwrite=overwrite)
    raise typer.Exit(conclude(finished, Console()))

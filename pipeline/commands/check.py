"""``bartizan check``: is this configuration right? Starts nothing, opens nothing."""

import json
from typing import Annotated, Any

import typer

from pipeline.commands.options import ConfigArgument, JsonOption, SetOption
from pipeline.configuration.analysis import analysis_sha256
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.faults import Fault
from pipeline.configuration.loading import load
from pipeline.errors import UsageError


def check(
    config: ConfigArgument,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    safe: Annotated[
        bool, typer.Option("--safe", help="Accept it if what remains without the wrong parts can run.")
    ] = False,
) -> None:
    """Say everything that is wrong with a configuration; start nothing. Exit code 2 if anything is."""
    try:
        loaded = load(config, overrides=overrides or (), safe=safe)
    except UsageError as error:
        if not as_json:
            raise
        print(json.dumps({"ok": False, "faults": str(error).splitlines()}, indent=2))
        raise typer.Exit(2) from error
    if as_json:
        print(json.dumps({"ok": True, **_summary(loaded.config), "faults": _lines(loaded.faults)}, indent=2))
        return
    for line in _lines(loaded.faults):
        print(f"left out: {line}")
    print(_one_line(loaded.config))


def _lines(faults: list[Fault]) -> list[str]:
    return [str(fault) for fault in faults]


def _summary(config: PipelineConfig) -> dict[str, Any]:
    return {
        "cameras": list(config.cameras),
        "rules": [{"rule": rule.kind, "name": rule.name, "cameras": list(rule.cameras)} for rule in config.rules],
        "sinks": [sink.name for sink in config.sinks],
        "detect": {"kind": config.detect.kind, "workers": config.detect.workers},
        "classify": [{"name": item.name, "kind": item.kind, "workers": item.workers} for item in config.classify],
        "out": str(config.out),
        "analysis_sha256": analysis_sha256(config),
    }


def _one_line(config: PipelineConfig) -> str:
    counts = [(len(config.cameras), "camera"), (len(config.rules), "rule"), (len(config.sinks), "sink")]
    words = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    classify = "".join(f", classify {item.name}" for item in config.classify)
    return f"ok: {words}, detect {config.detect.kind}{classify}, analysis {analysis_sha256(config)[:12]}"

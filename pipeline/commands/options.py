"""Arguments that several commands take, spelt and explained the same everywhere."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pipeline.configuration.units import quantity
from pipeline.errors import UsageError

ConfigArgument: TypeAlias = Annotated[Path, typer.Argument(metavar="CONFIG.yml", help="The configuration.")]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value, such as cameras.gate.fps=5; may be repeated."),
]
RuleOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="NAME[:key=value,...]",
        help="Alert on this, such as loitering:seconds=20; may be repeated. Default: any object anywhere.",
    ),
]
OutOption: TypeAlias = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results; default: results.")
]
DrainTimeoutOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--drain-timeout",
        metavar="TIME",
        help="How long receivers are waited for at the end, such as 10min; default: until they took nothing for 30s.",
    ),
]
OverwriteOption: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Throw away the results of another analysis that are in --out.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


def seconds(text: str, option: str) -> float:
    """A duration that was given to an option: a number of seconds, or with units. Raises ``UsageError``."""
    found = quantity(text if text.strip()[-1:].isalpha() else f"{text}s", "s")
    if not found:
        raise UsageError(f"{option} {text!r} is no duration: write 30s, 10min or 2h")
    return found


def drain_override(text: str | None) -> list[str]:
    """What ``--drain-timeout`` sets in the configuration."""
    return [] if text is None else [f"supervisor.drain_timeout_s={seconds(text, '--drain-timeout'):g}"]

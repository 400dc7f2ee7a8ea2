"""Arguments that several commands take, spelt and explained the same everywhere."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

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
OverwriteOption: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Throw away the results of another analysis that are in --out.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]

"""The command ``bartizan``: finds a command by name, runs it, and turns errors into lines and exit codes.

Exit codes: 0 done; 1 a source failed, the others finished; 2 usage or configuration; 3 cannot start; 4 the outbox is
not empty at the timeout; 70 a fault of Bartizan itself; 130 interrupted.
"""

import os
import sys
import traceback
from importlib import import_module
from typing import Annotated, Any

import typer

from pipeline.errors import BartizanError, CannotStart, DeliveryError, SourceError, UsageError
from pipeline.redaction import redact
from pipeline.registry import COMMANDS
from pipeline.version import version

SOURCE_FAILED = 1
USAGE = 2
CANNOT_START = 3
OUTBOX_NOT_EMPTY = 4
OWN_FAULT = 70
INTERRUPTED = 130

SUMMARIES = {
    "run": "Run the pipeline that a YAML file describes.",
    "watch": "Watch live cameras without a YAML file; alerts appear as they happen.",
    "process": "Run recorded files through, faster than real time.",
    "check": "Say everything that is wrong with a configuration; start nothing.",
    "graph": "Draw the processes of a configuration and the links between them.",
    "schema": "Print the JSON Schema of the configuration, for editors.",
    "top": "Show a running pipeline: cameras, stages, rates, drops.",
    "replay": "Try other rules on the tracks that a run stored; show how its events would differ.",
    "events": "List, show, export and prune the events of a run.",
    "deliver": "Look at what has not reached its sink, send it, send it again, and try sinks out.",
    "export": "Hand events to others, with all that proves them and a script that checks it.",
    "verify": "Say whether the evidence of a run is as it was taken, and what was altered, removed or inserted.",
    "keys": "Make and list the keys of encrypted links.",
    "models": "List, verify, add and fetch the weights that Bartizan knows by name.",
    "bench": "Measure what each inference engine and precision gives on this machine.",
    "dataset": "Collect, import, label, check and export annotated frames.",
    "train": "Fine-tune a detector, a classifier or a behaviour model on annotated footage.",
    "evaluate": "Measure detection, classification, behaviour and tracking against ground truth.",
    "why": "Say why an event was raised, and what would have prevented it.",
    "explain": "Show what in a picture a detection or classification rests on.",
    "compress": "Make a model smaller and faster, and refuse where it loses too much.",
    "learn": "Learn what is normal on a camera, with a threshold for a number of false alarms.",
    "normal": "Look at a camera's model of normal, go back, forget it, carry it.",
}
"""One line for each command, so that ``--help`` imports none of them."""

app = typer.Typer(
    name="bartizan",
    help="Streaming video surveillance: cameras in, alerts you can trust and check out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    typer.echo(f"bartizan {version() or '(not installed)'}")
    raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _add(name: str) -> None:
    """Register a stand-in for a command that is imported only when it is called."""

    @app.command(
        name,
        help=SUMMARIES.get(name, ""),
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def stand_in(context: typer.Context) -> None:
        _load(name)(args=list(context.args), prog_name=f"bartizan {name}")


for _name in COMMANDS:
    _add(_name)


def _load(name: str) -> Any:
    """The command ``name``, ready to be called with arguments. Raises ``CannotStart`` when it cannot be imported."""
    module, _, attribute = COMMANDS[name].partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise CannotStart(f"command {name!r} is not available here: {error}") from error
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(found)
    return typer.main.get_command(single)


def exit_code(error: BartizanError) -> int:
    """What the command ends with after this error."""
    match error:
        case UsageError():
            return USAGE
        case SourceError():
            return SOURCE_FAILED
        case DeliveryError():
            return OUTBOX_NOT_EMPTY
        case _:
            return CANNOT_START


def main() -> None:
    """Entry point of the command ``bartizan``; always ends in ``SystemExit``."""
    sys.path.append(os.getcwd())  # kinds of the user's own beside the configuration, as `python -m` allows it
    try:
        app()
    except BartizanError as error:
        _complain(error)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:
        sys.stderr.write(redact(traceback.format_exc()))
        sys.stderr.write("bartizan: this is a fault of Bartizan itself; please report it with the lines above\n")
        sys.exit(OWN_FAULT)


def _complain(error: BartizanError) -> None:
    """All lines of a usage error, the first line of any other; with ``--debug`` the traceback before it."""
    options = sys.argv[1:]
    if "--debug" in options[: next((i for i, word in enumerate(options) if word in COMMANDS), len(options))]:
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    lines = str(error).splitlines() or [type(error).__name__]
    shown = lines if isinstance(error, UsageError) else lines[:1]
    sys.stderr.write("".join(f"{redact(line)}\n" for line in shown))


if __name__ == "__main__":
    main()

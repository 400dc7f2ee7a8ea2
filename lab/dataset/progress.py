"""How far a long command is: a bar on a terminal, a line now and then elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

import typer

Item = TypeVar("Item")
LINES = 10
"""Lines of progress where there is no terminal."""


def progress(items: Iterable[Item], total: int | None, what: str) -> Iterator[Item]:
    """The items, shown as they pass, on standard error."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, what, total, console=Console(stderr=True))
        return
    step = max((total or 1000) // LINES, 25)
    for number, item in enumerate(items, 1):
        yield item
        if number % step == 0 or number == total:
            typer.echo(f"{what}: {number}" + (f" of {total}" if total else ""), err=True)

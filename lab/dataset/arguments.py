"""Arguments that several of ``bartizan dataset``'s commands take, and how their text is read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pipeline.errors import UsageError

OutFolder: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="folder of the result")]
ClassesOption: TypeAlias = Annotated[
    str, typer.Option(metavar="A,B,...", help="the classes wanted, in the order of their numbers")
]
MapOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="NAME=NEW", help="rename a class; NAME= drops it; may be repeated"),
]


def names_of(text: str) -> tuple[str, ...]:
    """``a,b`` as names. Raises ``UsageError`` for an empty one, or one that stands twice."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise UsageError(f"{text!r}: expected different names, with commas between them")
    return names


def pairs_of(texts: Iterable[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` texts as a table. Raises ``UsageError``."""
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, sign, value = (part.strip() for part in text.partition("="))
        if not name or not sign or name in pairs:
            raise UsageError(f"{text!r}: expected NAME=VALUE, each NAME once")
        pairs[name] = value
    return pairs

"""Arguments that several of ``bartizan dataset``'s commands take, and how their text is read."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lab.dataset.labelled import Dataset
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


class SplitBy(StrEnum):
    """Along which border a data set is split."""

    CAMERA = "camera"
    TIME = "time"


def fresh(out: Path, *, overwrite: bool) -> None:
    """Raises ``UsageError`` if ``out`` is a file or holds anything, unless ``overwrite``."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise UsageError(f"--out {out}: is not empty; name another folder, or give --overwrite")


def summary(dataset: Dataset) -> str:
    """``train 80, val 20 pictures; 312 boxes of 3 classes``."""
    splits = ", ".join(f"{split} {len(images)}" for split, images in dataset.splits.items())
    boxes = sum(len(image) for image in dataset)
    return f"{splits} pictures; {boxes} boxes of {len(dataset.names)} classes"

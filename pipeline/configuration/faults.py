"""What is wrong with a configuration, and where: one line for each fault."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.errors import UsageError
from pipeline.redaction import redact

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the top of the configuration down to a value."""


def dotted(path: KeyPath) -> str:
    """``cameras.gate.masks.0``: the spelling of a key in messages and in ``--set``."""
    return ".".join(str(part) for part in path)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody wrote something: a file with line and column (counting from 1), or an argument."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; its text is the line the user reads, without credentials."""

    place: Place
    key: KeyPath
    problem: str

    def __str__(self) -> str:
        parts = [str(self.place), dotted(self.key), self.problem]
        return " ".join(redact(": ".join(part for part in parts if part)).splitlines())


def ordered(faults: Iterable[Fault]) -> list[Fault]:
    """Each fault once, in the order of the file, arguments after it."""
    unique = dict.fromkeys(faults)
    return sorted(unique, key=lambda fault: (fault.place.line == 0, fault.place.line, fault.place.column))


def usage_error(faults: Iterable[Fault]) -> UsageError:
    """All faults as one error, a line for each."""
    return UsageError("\n".join(str(fault) for fault in ordered(faults)))

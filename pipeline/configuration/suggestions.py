"""Did you mean: what the user may have wanted to write."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

UNIT_ENDINGS = ("_ns", "_us", "_ms", "_min", "_s", "_h", "_px", "_fps", "_hz", "_bytes", "_kib", "_mib", "_gib")


MOST_FILES = 2000
"""Files of a folder that are looked at for a name like the one that is missing."""


def without_unit(name: str) -> str:
    """``open_timeout_s`` without its unit: ``open_timeout``."""
    ending = next((ending for ending in UNIT_ENDINGS if name.endswith(ending)), "")
    return name[: len(name) - len(ending)] if ending else name


def close_to(word: str, known: Iterable[str], *, at_most: int = 3) -> list[str]:
    """Known names that ``word`` may stand for, best first: other unit, part of a name, typing error."""
    names = list(known)
    bare = without_unit(word.lower().replace("-", "_"))
    same = [name for name in names if without_unit(name) == bare]
    containing = [name for name in names if len(bare) > 2 and f"_{bare}_" in f"_{without_unit(name)}_"]
    similar = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    similar_bare = get_close_matches(bare, [without_unit(name) for name in names], n=1, cutoff=0.7)
    similar += [name for name in names if without_unit(name) in similar_bare]
    return list(dict.fromkeys(same or containing or similar))[:at_most]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``, did you mean 'fps'?`` to append to a message, or nothing when no known name is near."""
    near = [repr(name) for name in close_to(word, known)]
    return f", did you mean {' or '.join(near)}?" if near else ""


def did_you_mean_file(file: Path) -> str:
    """``did_you_mean`` for a file that is not there: another one in its folder."""
    if not file.parent.is_dir():
        return ""
    names = sorted(entry.name for entry in islice(file.parent.iterdir(), MOST_FILES))
    near = get_close_matches(file.name, names, n=1, cutoff=0.75)
    return f", did you mean {near[0]!r}?" if near else ""


def listed(names: Iterable[str], *, at_most: int = 24) -> str:
    """Names for a message, shortened when there are very many."""
    every = list(names)
    return ", ".join(every[:at_most]) + (f" and {len(every) - at_most} more" if len(every) > at_most else "")

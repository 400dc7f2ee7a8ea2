"""Tables for a terminal."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns of text, the first ones flush left, numbers flush right."""
    cells = [list(header), *([_shown(value) for value in each] for each in rows)]
    wide = [max(len(line[column]) for line in cells) for column in range(len(header))]
    texts = [not all(_is_number(line[column]) for line in cells[1:]) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(line, wide, texts, strict=True)
        ).rstrip()
        for line in cells
    )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if isfinite(value) else "-"
    return str(value)


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.lstrip("+-").replace(".", "", 1).isdigit()

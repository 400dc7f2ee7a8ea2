"""The results, for people."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from lab.bench.measure import Result

BUSY = 0.3
COLUMNS = ("ms/frame", "80 %", "cpu ms", "mAP50-95", "same", "batch: frames/s")
LEGEND = (
    "ms/frame: from picture to boxes, one at a time, median; 80 %: range of the middle 80 % of turns; cpu ms: what "
    "the processor spent on it; same: boxes that the first float32 engine finds too, and it finds of that one's."
)


def show(results: Sequence[Result], machine: dict[str, Any], *, what: str) -> None:
    """Print the table, 80 columns wide, and what must be known to believe it."""
    console = Console()
    console.print(f"{machine['processor']}, {machine['cores']} cores; {what}", highlight=False)
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("engine", no_wrap=True)
    for name in COLUMNS[:-1]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(COLUMNS[-1], min_width=len(COLUMNS[-1]))
    model = None
    for result in results:
        if result.fault is None and result.alone is not None:
            if result.contender.model != model:
                model = result.contender.model
                table.add_row(f"[bold]{model.name}")
            table.add_row(*_row(result))
    console.print(table)
    console.print(LEGEND, highlight=False)
    for result in results:
        if result.fault:
            console.print(f"{result.contender.label}: {result.fault}", highlight=False)
    for remark in remarks(results, machine):
        console.print(remark, highlight=False)


def remarks(results: Sequence[Result], machine: dict[str, Any]) -> list[str]:
    """What speaks against the figures."""
    said = []
    if machine["load"] > 0.5:
        busy = f"The machine was busy when this began (load {machine['load']} a core)"
        said.append(f"{busy}: times are too long; cpu ms, what the processor spent, less so.")
    spreads = [result.alone.spread for result in results if result.alone]
    if spreads and max(spreads) > BUSY:
        said.append("Turns of one engine differ much: compare ratios between rows, taken in turn, not milliseconds.")
    return said


def _row(result: Result) -> list[str]:
    one, taken = result.contender, result.alone
    assert taken is not None
    curve = [f"{batch}:\N{NO-BREAK SPACE}{rate:.1f}" for batch, rate in sorted(result.curve.items())]
    return [
        f" {one.runtime} {one.precision}" + (" cuda" if one.device == "cuda" else ""),
        f"{taken.median_ms:.1f}",
        f"{taken.low_ms:.0f}-{taken.high_ms:.0f}",
        f"{taken.cpu_ms:.1f}",
        "" if result.average_precision is None else f"{result.average_precision:.3f}",
        "-" if result.agreement is None else f"{result.agreement:.1%}",
        "  ".join(curve),
    ]

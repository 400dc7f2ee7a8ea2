"""The results, for people."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.bench.measure import Result

BUSY = 0.3


def show(results: Sequence[Result], machine: dict[str, Any], *, what: str) -> None:
    """Print the table, and what must be known to believe it."""
    console = Console()
    table = Table(title=f"{machine['processor']}, {machine['cores']} cores; {what}")
    table.add_column("model")
    table.add_column("runtime")
    table.add_column("precision")
    for name in (
        "ms a frame",
        "80 % between",
        "cpu ms",
        "frames/s",
        "frames/s by batch",
        "mAP50-95",
        "boxes as in the first",
    ):
        table.add_column(name, justify="right")
    for result in results:
        if result.fault is None and result.alone is not None:
            table.add_row(*_row(result))
    console.print(table)
    for result in results:
        if result.fault:
            console.print(f"{result.contender.label}: {result.fault}", highlight=False)
    for remark in remarks(results, machine):
        console.print(remark, highlight=False)


def remarks(results: Sequence[Result], machine: dict[str, Any]) -> list[str]:
    """What speaks against the figures."""
    said = []
    if machine["load"] > 0.5:
        said.append(
            f"The machine was busy when this began (load {machine['load']} a core): times are too long, cpu ms less so."
        )
    spreads = [result.alone.spread for result in results if result.alone]
    if spreads and max(spreads) > BUSY:
        said.append("Turns of one engine differ much: compare ratios between rows, taken in turn, not milliseconds.")
    return said


def _row(result: Result) -> list[str]:
    one, taken = result.contender, result.alone
    assert taken is not None
    curve = "  ".join(f"{batch}: {rate:.1f}" for batch, rate in sorted(result.curve.items()))
    return [
        one.model.name,
        one.runtime + (" (cuda)" if one.device == "cuda" else ""),
        one.precision,
        f"{taken.median_ms:.1f}",
        f"{taken.low_ms:.1f} to {taken.high_ms:.1f}",
        f"{taken.cpu_ms:.1f}",
        f"{1e3 / taken.median_ms:.1f}",
        curve,
        "" if result.average_precision is None else f"{result.average_precision:.3f}",
        "-" if result.agreement is None else f"{result.agreement:.1%}",
    ]

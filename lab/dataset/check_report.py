"""The findings of a check as a table on the terminal and as ``report.json``."""

from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import typer

from lab.dataset.check import Checked
from lab.dataset.finding import Finding, Kind, Severity
from lab.dataset.labelled import Dataset
from pipeline.whole_file import write_whole

EXAMPLES = 3
"""Places shown of each kind; the report has all."""


def write_report(checked: Checked, dataset: Dataset, folder: Path) -> Path:
    """Write ``folder/report.json``: counts, class balance, and every finding with what to do about it."""
    folder.mkdir(parents=True, exist_ok=True)
    report = {
        "errors": _count(checked, Severity.ERROR),
        "warnings": _count(checked, Severity.WARNING),
        "pictures": checked.pictures,
        "classes": {
            name: {split: counts[number] for split, counts in checked.balance.items()}
            for number, name in enumerate(dataset.names)
        },
        "findings": [
            {
                "kind": each.kind.name,
                "severity": str(each.kind.severity),
                "where": each.where,
                "box": each.box,
                "what": each.what,
                "advice": each.kind.advice,
            }
            for each in checked.findings
        ],
    }
    write_whole(folder / "report.json", [msgspec.json.format(msgspec.json.encode(report), indent=2), b"\n"])
    return folder / "report.json"


def print_report(checked: Checked, dataset: Dataset, report: Path, *, strict: bool) -> bool:
    """Say it on the terminal; True if the check failed."""
    for line in _lines(checked, dataset):
        typer.echo(line)
    errors, warnings = _count(checked, Severity.ERROR), _count(checked, Severity.WARNING)
    typer.echo(f"{errors} errors, {warnings} warnings; all of them: {report}")
    return errors > 0 or (strict and warnings > 0)


def _lines(checked: Checked, dataset: Dataset) -> list[str]:
    width = max([len(name) for name in dataset.names] + [8])
    lines = [f"{'':<{width}}" + "".join(f"{split:>10}" for split in checked.pictures)]
    lines.append(f"{'pictures':<{width}}" + "".join(f"{count:>10}" for count in checked.pictures.values()))
    for number, name in enumerate(dataset.names):
        lines.append(f"{name:<{width}}" + "".join(f"{counts[number]:>10}" for counts in checked.balance.values()))
    groups: dict[Kind, list[Finding]] = defaultdict(list)
    for each in checked.findings:
        groups[each.kind].append(each)
    for kind, found in sorted(groups.items(), key=lambda group: (group[0].severity, -len(group[1]))):
        lines += ["", f"{kind.severity}: {kind.name}, {len(found)}: {kind.advice}"]
        lines += [f"  {each.where}{_box(each)}: {each.what}" for each in found[:EXAMPLES]]
        if len(found) > EXAMPLES:
            lines.append(f"  and {len(found) - EXAMPLES} more")
    return [*lines, ""]


def _box(each: Finding) -> str:
    return "" if each.box is None else f", box {each.box}"


def _count(checked: Checked, severity: Severity) -> int:
    return Counter(each.kind.severity for each in checked.findings)[severity]

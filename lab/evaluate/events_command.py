"""``bartizan evaluate events``: do rules tell what they should, and when."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.evaluate.events.result import Result


def events(
    rule: Annotated[list[str] | None, typer.Option(help="only this kind of rule; repeatable")] = None,
    scripts: Annotated[int, typer.Option(min=0, help="scenes for each rule, each under every disturbance")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="number of the first scene; they are counted from there")] = 0,
    staged: Annotated[
        list[str] | None,
        typer.Option(metavar="RULES=TRUTH", help="rules (YAML) over ground-truth tracks (gt.txt); repeatable"),
    ] = None,
    alpha: Annotated[
        float, typer.Option(min=0.01, max=100, help="recall bias of F1: above 1 recall weighs more, below precision")
    ] = 1.0,
    window_s: Annotated[float, typer.Option(min=0, help="an alarm counts up to so long after the alarm time")] = 3.0,
    early_s: Annotated[float, typer.Option(min=0, help="and from so long before it; i-LIDS has 0")] = 0.5,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="folder for report.html and result.json")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Event F1 by the rules of i-LIDS, on generated scenes and on ground-truth tracks of recordings.

    Raises ``UsageError`` for an unknown rule or a file that cannot be used.
    """
    from lab.dataset.progress import progress
    from lab.evaluate.detect_options import open_out
    from lab.evaluate.events.disturbance import DISTURBANCES
    from lab.evaluate.events.interleaving import alone, site, together
    from lab.evaluate.events.kind import KINDS
    from lab.evaluate.events.result import Result
    from lab.evaluate.events.scoring import Window
    from lab.evaluate.events.staging import read_staging, stage
    from lab.evaluate.events.trial import trials

    rules = rule or list(KINDS)
    for each in rules:
        if each not in KINDS:
            raise UsageError(f"--rule {each}: there are no scenes for it; there are for {', '.join(KINDS)}")
    stagings = [(read_staging(file), truth) for file, truth in map(_pair, staged or ())]
    if out is not None:
        open_out(out)
    window = Window(window_s, early_s)
    seeds = range(seed, seed + scripts)
    tried = trials(rules, seeds, DISTURBANCES, window)
    done = list(progress(tried, len(rules) * len(seeds) * len(DISTURBANCES), "scripts"))
    built, logs = site(rules * 2 if scripts else [], seed=seed)
    same = together(built, logs, Random(seed)) == alone(built, logs)
    found = {each.name: stage(each, truth, window) for each, truth in stagings}
    result = Result(done, found, len(logs), same, window, alpha)
    frame_s = {each.name: 1 / each.fps for each, _ in stagings}
    facts = _facts(result, frame_s)
    if out is not None:
        from lab.evaluate.events.report import write_report
        from lab.train.run_folder import write_json

        write_report(out, result, frame_s)
        write_json(out / "result.json", facts)
    typer.echo(msgspec.json.encode(facts).decode() if as_json else _text(result, frame_s))


def _pair(text: str) -> tuple[Path, Path]:
    rules, equals, truth = text.partition("=")
    if not equals:
        raise UsageError(f"--staged {text}: write RULES=TRUTH, such as staged/pets.yml=gt/gt.txt")
    return Path(rules), Path(truth)


def _text(result: "Result", frame_s: dict[str, float]) -> str:
    from lab.evaluate.events.result import HEADER, MOST, by_disturbance, by_rule, failure, matrix, staged_rows
    from lab.evaluate.text_table import table

    parts = []
    if result.trials:
        parts += [
            table(("disturbance", *HEADER), by_disturbance(result)),
            "undisturbed, by rule\n" + table(("rule", *HEADER), by_rule(result)),
            "F1 of each rule\n" + table(("rule", "events", *result.disturbances), matrix(result)),
            f"{result.cameras} cameras interleaved in one process, interrupted and restored at random: events are "
            + ("those of separate runs, to the byte" if result.same else "DIFFERENT from those of separate runs"),
        ]
    if result.staged:
        parts.append(table(("recording", "rule", *HEADER[1:]), staged_rows(result, frame_s)))
    wrong = result.failed()
    if wrong:
        shown = [failure(trial) for trial in wrong[:MOST]]
        more = f" (the first {MOST})" if len(wrong) > MOST else ""
        parts.append(f"{len(wrong)} of {len(result.trials)} scripts went wrong{more}:\n" + "\n".join(shown))
    parts.append(
        f"alarms count from {result.window.before_s:g} s before the alarm time to {result.window.after_s:g} s after "
        f"it; alpha {result.alpha:g}; times in seconds"
    )
    return "\n\n".join(parts)


def _facts(result: "Result", frame_s: dict[str, float]) -> dict[str, Any]:
    from lab.evaluate.events.result import HEADER, by_disturbance, by_rule, failure, matrix, staged_rows

    def named(header: Sequence[str], rows: list[list[Any]]) -> list[dict[str, Any]]:
        return [dict(zip(header, row, strict=True)) for row in rows]

    return {
        "alpha": result.alpha,
        "window_s": result.window.after_s,
        "early_s": result.window.before_s,
        "disturbances": named(("disturbance", *HEADER), by_disturbance(result)),
        "rules": named(("rule", *HEADER), by_rule(result)),
        "f1": named(("rule", "events", *result.disturbances), matrix(result)),
        "staged": named(("recording", "rule", *HEADER[1:]), staged_rows(result, frame_s)),
        "interleaved_cameras": result.cameras,
        "interleaved_same": result.same,
        "wrong": [failure(trial) for trial in result.failed()],
    }

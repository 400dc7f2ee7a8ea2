"""What a comparison of behaviour models came to: JSON for machines, a table for the eye, an HTML page for both."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import typer

from lab.evaluate.behaviour import FIGURES, LEVELS, Judged, always, at_level, decide
from lab.statistics import Interval, paired_difference
from lab.train.behaviour.baselines import by_chance, by_shortcut, p_value
from lab.train.behaviour.calibration import softened
from lab.train.behaviour.folds import Outcome, chosen_in_each_fold, judged, of_candidate
from lab.train.behaviour.settings import BehaviourSettings, Candidate
from lab.train.behaviour.windows import Windows
from lab.train.run_folder import write_json
from lab.train.verdict import say_verdict

IntArray = npt.NDArray[np.int64]
RESULTS = "results.json"
REPORT = "report.html"


def write_results(
    out: Path,
    windows: Windows,
    which: IntArray,
    found: list[Outcome],
    settings: BehaviourSettings,
    *,
    best: Candidate,
    epochs: int,
    held: tuple[IntArray, npt.NDArray[np.float64]],
    calibration: tuple[float, tuple[float, ...]],
) -> dict[str, Any]:
    """Write ``results.json`` and ``report.html``, print the table; returns the headline for ``run.json``.

    ``held``: windows of the declared split ``val`` and the final model's logits for them.
    """
    from lab.train.behaviour.training import MODEL, progress

    names = [candidate.name for candidate in settings.candidates]
    table = {name: _figures(judged(windows, of_candidate(found, name))) for name in names}
    nested = judged(windows, chosen_in_each_fold(found))
    headline = _figures(nested)
    blind = always(nested.truth, nested.source, nested.classes)
    frequent = f"always {settings.names[blind.decided[0]]}"
    table[frequent] = _figures(blind)
    with progress(max(settings.permutations, 1), "labels shuffled") as step:
        chance = by_chance(windows, which, settings, best, epochs=epochs, step=step)
    reached = table[best.name]["roc_auc"].value
    results: dict[str, Any] = {
        "nested": {name: asdict(value) for name, value in headline.items()},
        "chosen_in_each_fold": [each.candidate for each in chosen_in_each_fold(found)],
        "final": best.name,
        "temperature": calibration[0],
        "thresholds": dict(zip(settings.names, calibration[1], strict=True)),
        "candidates": {name: {key: asdict(value) for key, value in table[name].items()} for name in names},
        "always": {key: asdict(value) for key, value in table[frequent].items()} | {"name": frequent},
        "levels": {level: at_level(nested, level) for level in LEVELS} if nested.classes == 2 else {},
        "confusion": nested.confusion().tolist(),
        "chance": {"roc_auc": chance, "p_value": p_value(reached, chance)},
        "shortcut_roc_auc": by_shortcut(windows, which, settings),
        "windows": len(which),
        "clips": len(np.unique(windows.clip[which])),
        "sources": len(np.unique(windows.source[which])),
    }
    if len(held[0]):
        results["declared_val"] = {name: asdict(value) for name, value in _held(windows, held, calibration).items()}
    write_json(out / RESULTS, results)
    _page(out, windows, table, nested, results, settings, found, best)
    _print(table, headline, results)
    say_verdict(
        out / MODEL,
        f"{best.name}, {epochs} epochs",
        "ROC-AUC on sources never seen",
        reached=headline["roc_auc"].value,
        start=0.5,
        known_as="guessing",
    )
    return {"nested": {name: str(value) for name, value in headline.items()}, "p_value": results["chance"]["p_value"]}


def _figures(judged: Judged) -> dict[str, Interval]:
    return {name: judged.interval(name) for name in FIGURES}


def _held(
    windows: Windows, held: tuple[IntArray, npt.NDArray[np.float64]], calibration: tuple[float, tuple[float, ...]]
) -> dict[str, Interval]:
    probability = softened(held[1], calibration[0])
    source = np.unique(windows.source[held[0]], return_inverse=True)[1].astype(np.int64)
    return _figures(Judged(probability, windows.truth[held[0]], source, decide(probability, calibration[1])))


def _print(table: dict[str, dict[str, Interval]], headline: dict[str, Interval], results: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(title="Tested on sources never seen, 95 % intervals over sources")
    for column in ("candidate", *FIGURES):
        shown.add_column(column)
    for name, row in table.items():
        shown.add_row(name, *[str(row[figure]) for figure in FIGURES], style="bold" if name == results["final"] else "")
    shown.add_row("chosen without the test", *[str(headline[figure]) for figure in FIGURES], style="bold")
    Console(width=190).print(shown)
    chance = results["chance"]
    shuffled = f"{np.mean(chance['roc_auc']):.3f}" if chance["roc_auc"] else "not tried"
    typer.echo(
        f"shuffled labels: ROC-AUC {shuffled} (p = {chance['p_value']:.3f}); "
        f"size, length and brightness of the clip alone: {results['shortcut_roc_auc']:.3f}"
    )


def _page(
    out: Path,
    windows: Windows,
    table: dict[str, dict[str, Interval]],
    nested: Judged,
    results: dict[str, Any],
    settings: BehaviourSettings,
    found: list[Outcome],
    best: Candidate,
) -> None:
    from lab.evaluate.behaviour_charts import confusion, precision_recall, reliability, roc
    from lab.report.charts import bars
    from lab.report.page import Page

    page = Page(
        f"Behaviour model: {settings.attribute}",
        f"{results['windows']} windows of {results['clips']} clips from {results['sources']} sources; "
        "each source is tested by a model that never saw it.",
    )
    page.section("How good").text(
        "The candidate, its epochs, temperature and threshold were chosen on other sources than those tested (nested "
        "cross-validation). Intervals hold 95 % and come from drawing the sources anew."
    )
    page.tiles(
        [(name, f"{v['value']:.3f}", f"{v['low']:.3f} to {v['high']:.3f}") for name, v in results["nested"].items()]
    )
    chance = results["chance"]
    if chance["roc_auc"]:
        worth = chance["p_value"] <= 0.1
        page.note(
            f"Trained on shuffled labels, {best.name} reaches {np.mean(chance['roc_auc']):.3f} on average, "
            f"{max(chance['roc_auc']):.3f} at best of {len(chance['roc_auc'])}; p = {chance['p_value']:.3f}, not "
            f"counting that it was chosen among {len(settings.candidates)}. "
            + ("It is more than chance." if worth else "This may be chance."),
            "good" if worth else "bad",
        )
    shortcut, area = results["shortcut_roc_auc"], results["nested"]["roc_auc"]
    if np.isfinite(shortcut):
        beaten = area["low"] > shortcut
        page.note(
            f"The clips' size, length and brightness alone reach {shortcut:.3f}. "
            + ("The model knows more." if beaten else "It is not shown that the model knows more than that."),
            "plain" if beaten else "bad",
        )
    page.section("Candidates")
    rows = [[name, *[str(row[figure]) for figure in FIGURES]] for name, row in table.items()]
    page.table(["features / head", *FIGURES], rows, "Each tested on sources that it never saw")
    areas = {name: row["roc_auc"] for name, row in table.items() if name in results["candidates"]}
    page.figure(bars(areas, x="ROC-AUC"), "ROC-AUC of the candidates")
    differences = _differences(windows, found, settings, best)
    page.table(["compared with " + best.name, "ROC-AUC, difference"], differences, "Paired: the same sources drawn")
    page.text("Chosen within the folds: " + ", ".join(results["chosen_in_each_fold"]) + f". Final: {best.name}.")
    if "declared_val" in results:
        page.section("Declared validation split")
        declared = results["declared_val"]
        page.table(list(declared), [[f"{v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for v in declared.values()]])
    if results["levels"]:
        page.section("Thresholds")
        page.table(
            ["threshold", f"{settings.names[1]} found", f"{settings.names[0]} taken for it"],
            [[f"{level}", f"{hit:.2f}", f"{wrong:.2f}"] for level, (hit, wrong) in results["levels"].items()],
            "Shares of windows of sources never seen; a rule of the pipeline chooses its own threshold",
        )
    page.section("Curves")
    page.figure(confusion(nested, settings.names), "Windows by what they are and what was said")
    page.figure(roc(nested, settings.names), "Receiver operating characteristic")
    page.figure(precision_recall(nested, settings.names), "Precision and recall")
    page.figure(reliability(nested), "How often what is said with a probability is right")
    page.write(out / REPORT)


def _differences(
    windows: Windows, found: list[Outcome], settings: BehaviourSettings, best: Candidate
) -> list[list[str]]:
    mine = judged(windows, of_candidate(found, best.name))
    rows = []
    for candidate in settings.candidates:
        if candidate.name == best.name:
            continue
        other = judged(windows, of_candidate(found, candidate.name))
        difference = paired_difference(
            lambda weights: mine.figure("roc_auc", weights),
            lambda weights, other=other: other.figure("roc_auc", weights),  # type: ignore[misc]  # mypy: lambda default
            mine.sources,
        )
        rows.append([candidate.name, str(difference)])
    return rows

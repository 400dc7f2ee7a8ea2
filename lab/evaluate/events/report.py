"""The page about events."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.evaluate.events.disturbance import DISTURBANCES
from lab.evaluate.events.result import HEADER, MOST, Result, by_disturbance, by_rule, failure, matrix, staged_rows
from lab.evaluate.events.scoring import total
from lab.report.charts import chart
from lab.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMIT_S = 3.0
"""Alarm-time errors beyond are drawn at the edge."""


def write_report(out: Path, result: Result, frame_s: dict[str, float]) -> Path:
    """Write ``out/report.html``."""
    page = Page(
        "Events: are they told, and when",
        "Generated scenes whose right events follow from where everybody is without noise, and rules staged over "
        "ground-truth tracks of recordings.",
    )
    clean = [each.name for each in DISTURBANCES if each.exact]
    tidy = result.score(disturbances=clean)
    rough = result.score(disturbances=[name for name in result.disturbances if name not in clean])
    staged = total(pairing.score for found in result.staged.values() for pairing in found.values())
    tiles = []
    for name, score in (("Undisturbed", tidy), ("Disturbed", rough), ("Recordings", staged)):
        if score.events or score.alarms:
            detail = f"{score.right} of {score.events} events told, {score.alarms - score.right} false alarms"
            tiles.append((f"F1: {name}", f"{score.f1(result.alpha):.3f}", detail))
    if result.cameras:
        tiles.append(
            (f"{result.cameras} cameras in one process", "same" if result.same else "DIFFERENT", "to the byte")
        )
    page.tiles(tiles)
    page.text(
        f"An alarm is right from {result.window.before_s:g} s before the event's alarm time to "
        f"{result.window.after_s:g} s after it; each event takes one. F1 with alpha {result.alpha:g}: above 1 recall "
        "weighs more, below 1 precision. Times are absolute alarm-time errors in seconds; 'same frame' and 'within "
        "one' count events told at the frame at which the definition is fulfilled, and at most one frame away."
    )
    page.section("By disturbance").table(("disturbance", *HEADER), by_disturbance(result))
    page.table(
        ("", "what is wrong"), [(each.name, each.what) for each in DISTURBANCES if each.name in result.disturbances]
    )
    page.figure(_times(result), "Alarm times less the times at which the events were due, for each disturbance.")
    page.section("By rule")
    page.table(("rule", *HEADER), by_rule(result), "Where nothing is disturbed")
    page.table(("rule", "events", *result.disturbances), matrix(result), "F1 of each rule under each disturbance")
    if result.staged:
        page.section("Staged over recordings").text(
            "Boxes of the ground truth go through the real tracker and the rules; what should be told follows from the "
            "ground truth by definition."
        )
        page.table(("recording", "rule", *HEADER[1:]), staged_rows(result, frame_s))
        wrong = [
            (recording, name, what, f"{time_s:.2f}")
            for recording, found in result.staged.items()
            for name, pairing in found.items()
            for what, time_s in (
                *(("missed", event.time_s) for event in pairing.missed),
                *(("false", alarm.time_s) for alarm in pairing.false),
            )
        ]
        if wrong:
            page.table(("recording", "rule", "what", "seconds"), wrong, "What was missed, and what was false")
    failed = result.failed()
    if failed:
        page.section("Scripts that went wrong").text(
            f"{len(failed)} of {len(result.trials)}. The number is the seed: --rule RULE --seed N --scripts 1."
        )
        page.code("\n".join(failure(trial) for trial in failed[: 4 * MOST]))
    return page.write(out / "report.html")


def _times(result: Result) -> "Figure":
    names = result.disturbances
    with chart(7.0, 0.9 + 0.36 * len(names)) as (figure, (axes,)):
        for place, name in enumerate(names):
            errors = np.array(result.score(disturbances=[name]).errors_s, np.float64)
            values, counts = np.unique(np.clip(errors, -LIMIT_S, LIMIT_S), return_counts=True)
            axes.scatter(values, np.full(len(values), place), s=6 + 8 * np.sqrt(counts), alpha=0.5, color="#0072b2")
        axes.axvline(0, color="#7f7f7f", linewidth=1)
        axes.set_yticks(np.arange(len(names)), names)
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="seconds late (left of 0: early)", ylim=(len(names) - 0.4, -0.6))
    return figure

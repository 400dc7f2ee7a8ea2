"""The page about anomalies: figures beside floors, alarms, and every clip's score over its labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.evaluate.anomaly.alarms import Trigger, alarms_of, spans_of
from lab.evaluate.anomaly.floors import FLOW
from lab.evaluate.anomaly.result import METHOD, Result
from lab.evaluate.anomaly.telling import ALARM_HEADER, AUC_HEADER, alarm_rows, auc_rows, caution, notes
from lab.report.charts import COLOURS, chart, curves
from lab.report.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 24
"""Clips that are drawn."""


def write_report(out: Path, result: Result, facts: Mapping[str, Any]) -> Path:
    """Write ``out/report.html``."""
    page = Page(
        "Anomalies: what a model of normal finds",
        "Learned from normal clips alone, scored frame by frame without looking ahead, beside scores that learned "
        "nothing.",
    )
    own, floor = facts["frame_auc"][METHOD], facts["frame_auc"][FLOW]
    micro, gain = facts["micro"], facts["gain_over_max_window_flow"]
    tiles = [
        ("Frame AUC, causal micro", f"{100 * micro['value']:.2f}", _range(micro)),
        ("Gain over max window flow", f"{100 * gain['value']:+.2f}", _range(gain)),
        (
            "Strict macro",
            f"{100 * own['macro']:.2f}",
            f"{own['clips']} clips; the floor has {100 * floor['macro']:.2f}",
        ),
    ]
    if facts["places"]:
        found = facts["places"]
        tiles.append(("RBDC", f"{100 * found['rbdc']:.1f}", f"{found['regions']} regions"))
        tiles.append(("TBDC", f"{100 * found['tbdc']:.1f}", f"{found['tracks']} tracks"))
    page.tiles(tiles)
    page.text(*notes(facts))
    page.section("Frame AUC").table(AUC_HEADER, _percents(auc_rows(facts)), "In percent")
    page.figure(_curves(result), "Receiver operating characteristic of causal scores, all frames of all clips.")
    page.section("Alarms").text(
        "Three frames in a row over a quantile of the scores of normal frames, by models that did not see them; then a "
        "second of quiet. False alarms have no anomalous frame within a second.",
        caution(facts),
    )
    page.table(ALARM_HEADER, alarm_rows(facts))
    threshold = next(row["threshold"] for row in facts["alarms"] if row["quantile"] == 0.999)
    page.section("Clips").text(
        "Scores over time; anomalous frames are shaded, the dashed line is the 0.999 quantile of normal frames, and "
        "triangles are the alarms it gives."
    )
    for name in list(result.truth)[:SHOWN]:
        page.figure(_clip(result, name, threshold), f"Clip {name}")
    if len(result.truth) > SHOWN:
        page.text(f"{len(result.truth) - SHOWN} more clips are not drawn.")
    return page.write(out / "report.html")


def _range(interval: Mapping[str, float]) -> str:
    return f"{100 * interval['low']:.2f} to {100 * interval['high']:.2f}"


def _percents(rows: list[list[Any]]) -> list[list[Any]]:
    return [[f"{value:.2f}" if isinstance(value, float) else value for value in row] for row in rows]


def _curves(result: Result) -> "Figure":
    kinds = np.concatenate(list(result.truth.values()))
    lines = {}
    for name, scores in ((METHOD, result.method), *result.floors.items()):
        every = np.concatenate([scores[clip] for clip in result.truth])
        order = np.argsort(-every, kind="stable")
        last = np.append(np.diff(every[order]) != 0, True)
        hits, false = np.cumsum(kinds[order])[last], np.cumsum(~kinds[order])[last]
        lines[name] = (np.append(0, false / max(false[-1], 1)), np.append(0, hits / max(hits[-1], 1)))
    return curves(lines, x="share of normal frames", y="share of anomalous frames")


def _clip(result: Result, name: str, threshold: float) -> "Figure":
    score, flagged = result.method[name], result.truth[name]
    frames = np.arange(1, len(score) + 1)
    with chart(7.5, 2.2) as (figure, (axes,)):
        for first, last in spans_of(flagged):
            axes.axvspan(first + 0.5, last + 1.5, color=COLOURS[1], alpha=0.15, linewidth=0)
        axes.plot(frames, score, color=COLOURS[0], linewidth=1.3)
        axes.axhline(threshold, color="#7f7f7f", linewidth=1, linestyle="--")
        raised = alarms_of(score, threshold, Trigger.at(result.fps[name]))
        axes.scatter([frame + 1 for frame in raised], [score[frame] for frame in raised], marker="v", color=COLOURS[1])
        axes.set(xlim=(1, max(len(score), 2)), ylim=(0, None), xlabel="frame", ylabel="score")
    return figure

"""The report of a behaviour model's evaluation, as HTML and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.evaluate.behaviour_charts import confusion, precision_recall, reliability, roc, timeline
from lab.report.page import Page

if TYPE_CHECKING:
    from lab.evaluate.behaviour_clips import Tested
    from lab.evaluate.behaviour_recording import Watched
    from stages.classify.behaviour import BehaviourModel

REPORT = "report.html"
RESULTS = "results.json"
MOST = 8
"""Timelines of clips that are shown."""


def write_report(
    out: Path,
    model: "BehaviourModel",
    results: dict[str, Any],
    tested: "Tested | None",
    recordings: "Sequence[Watched]",
) -> Path:
    """Write ``report.html`` and ``results.json`` into ``out``; returns the report."""
    from lab.train.run_folder import write_json

    out.mkdir(parents=True, exist_ok=True)
    write_json(out / RESULTS, results)
    seen_s = model.frames / model.fps
    page = Page(
        f"Behaviour model {model.model['name']}: {model.attribute}",
        f"{', '.join(model.names)}; looks at {model.frames} pictures of the {model.scope} in {seen_s:.1f} s.",
    )
    if tested is not None:
        _clips(page, model, results, tested)
    if "normal" in results:
        _normal(page, results["normal"])
    if tested is not None:
        page.section("Clips over time")
        page.text("Probability of the behaviour at the middle of each window; what the model looked at is below.")
        for clip, watched, why in _telling(model, tested):
            _lines(page, model, watched, f"{clip.name}: {why}", _spans(clip, model, tested.pictures_fps, watched))
    if recordings:
        page.section("Recordings over time")
        for watched in recordings:
            _lines(page, model, watched, f"{watched.path.name}: {len(watched.alarms)} alarms", [])
    return page.write(out / REPORT)


def _clips(page: Page, model: "BehaviourModel", results: dict[str, Any], tested: "Tested") -> None:
    page.section("How good")
    if tested.known:
        page.note(
            f"No test: the model was trained on {len(tested.known)} of these {len(tested.clips)} clips. Its figures on "
            "sources never seen are in the report of its training.",
            "bad",
        )
    page.text(
        f"{results['windows']} windows of {results['clips']} clips from {results['sources']} sources. Intervals hold "
        "95 % and come from drawing the sources anew."
    )
    figures = results["figures"]
    page.tiles([(name, f"{v['value']:.3f}", f"{v['low']:.3f} to {v['high']:.3f}") for name, v in figures.items()])
    page.figure(confusion(tested.judged, model.names), "Windows by what they are and what was said")
    page.figure(roc(tested.judged, model.names), "Receiver operating characteristic")
    page.figure(precision_recall(tested.judged, model.names), "Precision and recall")
    page.figure(reliability(tested.judged), "How often what is said with a probability is right")


def _normal(page: Page, normal: dict[str, Any]) -> None:
    rate, low, high = normal["per_hour"]
    page.section("False alarms")
    page.tiles([("false alarms an hour", f"{rate:.1f}", f"{low:.1f} to {high:.1f}, from {normal['minutes']:.1f} min")])
    rows = [list(row.values()) for row in normal["recordings"]]
    page.table(["recording", "minutes", "windows", "flagged", "alarms"], rows, "Footage in which nothing happens")
    if normal["levels"]:
        rows = [
            [f"{level}", f"{rate:.1f}", f"{low:.1f} to {high:.1f}"]
            for level, (rate, low, high) in normal["levels"].items()
        ]
        page.table(
            ["threshold", "false alarms an hour", "95 %"], rows, "What a higher threshold in the rule would give"
        )


def _telling(model: "BehaviourModel", tested: "Tested") -> list[tuple[Any, "Watched", str]]:
    """The clips with the worst mistakes and those judged best, worst first; those with intervals before all."""
    scored = []
    for clip, watched in zip(tested.clips, tested.watched, strict=True):
        if not watched.timelines:
            continue
        mean = np.mean([line.probability.mean(axis=0) for line in watched.timelines], axis=0)
        if clip.class_id is None:
            scored.append((0.0, clip, watched, "truth shaded"))
        else:
            scored.append((float(mean[clip.class_id]), clip, watched, f"is {model.names[clip.class_id]}"))
    scored.sort(key=lambda entry: entry[0])
    chosen = scored if len(scored) <= MOST else [*scored[: MOST - 2], *scored[-2:]]
    return [entry[1:] for entry in chosen]


def _spans(clip: Any, model: "BehaviourModel", pictures_fps: float, watched: "Watched") -> list[tuple[float, float]]:
    from lab.evaluate.behaviour_clips import spans

    if clip.class_id is None:
        return spans(clip, pictures_fps)
    return [(0.0, watched.seconds)] if clip.class_id else []


def _lines(
    page: Page, model: "BehaviourModel", watched: "Watched", caption: str, spans: list[tuple[float, float]]
) -> None:
    for line in watched.timelines:
        worst = 1 + int(np.argmax(line.probability[:, 1:].max(axis=0)))
        who = f", track {line.track_id}" if model.scope == "track" else ""
        figure = timeline(
            line.middle_s,
            line.probability[:, worst],
            threshold=model.thresholds[worst],
            name=model.names[worst],
            spans=spans,
            attention=line.looked_at(1 / model.fps),
        )
        page.figure(figure, caption + who)

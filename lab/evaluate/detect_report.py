"""The page that says how good a detector is."""

from collections.abc import Mapping, Sequence

import numpy as np

from lab.evaluate.calibration import PASSED_ON, calibration
from lab.evaluate.detect_charts import confusion_chart, f1_chart, precision_recall_chart
from lab.evaluate.drawing import LEGEND, draw
from lab.evaluate.figures import Figures
from lab.evaluate.mistakes import KINDS, Mistake, confusion, counts_of, worst_alarms, worst_misses
from lab.evaluate.observation import Observation
from lab.evaluate.slices import Slice
from lab.report.charts import bars, reliability
from lab.report.page import Page
from lab.statistics import Interval

PICTURES = 12
"""Misses and false alarms that are shown."""


def detect_page(
    observation: Observation,
    figures: Figures,
    parts: Sequence[Slice],
    made: list[Mistake],
    *,
    model: str,
    data: str,
    facts: Mapping[str, str],
) -> Page:
    """``model`` and ``data`` name what was measured; ``facts`` are the circumstances (precision, size, ...)."""
    page = Page(
        f"{model} on {data}",
        f"{figures.pictures} pictures, {figures.truths} labelled objects of {len(figures.classes)} classes. Figures "
        "stand with their 95 % bootstrap interval over pictures.",
    )
    _overview(page, figures)
    _doubts(page, observation, figures)
    _classes(page, figures)
    _curves(page, observation, figures)
    _slices(page, parts)
    _confusion(page, observation, figures)
    _mistakes(page, observation, figures, made)
    page.section("Circumstances").table(["", ""], list(facts.items()))
    return page


def _overview(page: Page, figures: Figures) -> None:
    page.section("Figures").tiles(
        [
            _tile("mAP50-95", figures.map),
            _tile("mAP50", figures.map50),
            _tile(f"precision at {figures.chosen.threshold:.2f}", figures.chosen.precision),
            _tile(f"recall at {figures.chosen.threshold:.2f}", figures.chosen.recall),
            _tile(f"F1 at {figures.chosen.threshold:.2f}", figures.chosen.f1),
            _tile(f"best F1, at {figures.best.threshold:.2f}", figures.best.f1),
            _tile("calibration error", figures.calibration_error),
        ]
    )
    page.text(
        "mAP is the mean over classes of the area under precision against recall (COCO's definition; IoU 0.5 to 0.95, "
        "or 0.5). Precision, recall and F1 count the boxes of all classes together, at IoU 0.5."
    )
    page.table(
        ["demanded", "recall at this precision", "precision at this recall"],
        [
            (f"{level:.2f}", str(recall), str(figures.precision_at_recall[level]))
            for level, recall in figures.recall_at_precision.items()
        ],
        "What can be had by choosing the threshold (all classes together, IoU 0.5); 0: not to be had",
    )


def _doubts(page: Page, observation: Observation, figures: Figures) -> None:
    if observation.vocabulary.unmeasured:
        names = ", ".join(observation.vocabulary.unmeasured)
        page.note(f"Not measured, since the model has no class of that name: {names}. --map says what means what.")
    few = [each.name for each in figures.classes if each.truths < 10]
    if few:
        page.note(f"Fewer than ten objects, so say nothing about them alone: {', '.join(few)}.")
    if figures.pictures < 30:
        page.note(f"Only {figures.pictures} pictures: the intervals are rough.", "warn")


def _classes(page: Page, figures: Figures) -> None:
    page.section("Classes")
    ranked = sorted(figures.classes, key=lambda each: -each.truths)
    page.figure(
        bars({each.name: each.ap for each in ranked[:30]}, x="average precision, IoU 0.5 to 0.95"),
        "Average precision of each class" + (" (the 30 most frequent)" if len(ranked) > 30 else ""),
        alt="; ".join(f"{each.name} {each.ap.value:.2f}" for each in ranked[:30]),
    )
    page.table(
        ["class", "objects", "AP50-95", "AP50", "precision", "recall", "F1"],
        [
            (each.name, each.truths, *map(str, (each.ap, each.ap50, each.precision, each.recall, each.f1)))
            for each in ranked
        ],
        f"Precision, recall and F1 at confidence {figures.chosen.threshold:.2f} and IoU 0.5",
    )


def _curves(page: Page, observation: Observation, figures: Figures) -> None:
    scores, names = observation.scores, observation.vocabulary.names
    page.section("Curves")
    page.figure(
        precision_recall_chart(scores, names),
        "Precision against recall at IoU 0.5, with the 95 % band of all boxes together.",
        alt=f"Precision against recall; mAP50 is {figures.map50.value:.3f}",
    )
    page.figure(
        f1_chart(scores, chosen=figures.chosen.threshold, best=figures.best.threshold),
        "Precision, recall and F1 of all boxes together, by the least confidence that counts.",
        alt=f"F1 is greatest, {figures.best.f1.value:.3f}, at confidence {figures.best.threshold:.2f}",
    )
    found = calibration(scores)
    some = found.boxes > 0
    page.figure(
        reliability(found.confidence[some], found.rate[some], found.boxes[some], width=0.1),
        f"Reliability: above the line the model is too modest, below too sure. Boxes of at least {PASSED_ON} only. "
        f"Expected calibration error {figures.calibration_error}.",
        alt="; ".join(
            f"of {n:.0f} boxes about {c:.2f} sure {r:.2f} are right"
            for n, c, r in zip(found.boxes[some], found.confidence[some], found.rate[some], strict=True)
        ),
    )


def _slices(page: Page, parts: Sequence[Slice]) -> None:
    if not parts:
        return
    page.section("Slices")
    page.table(
        ["", "part", "pictures", "objects", "mAP50-95", "mAP50", "recall"],
        [(p.kind, p.name, p.pictures, p.truths, str(p.map), str(p.map50), str(p.recall)) for p in parts],
        "By size of the object (COCO's), mean brightness of the picture, and camera; recall at the chosen threshold",
    )
    page.figure(
        bars({f"{p.name} ({p.truths})": p.map for p in parts}, x="mAP50-95"),
        "The same as bars; in brackets the number of objects.",
        alt="; ".join(f"{p.name} {p.map.value:.2f}" for p in parts),
    )


def _confusion(page: Page, observation: Observation, figures: Figures) -> None:
    counts = confusion(observation, threshold=figures.chosen.threshold)
    chart, shown = confusion_chart(counts, observation.vocabulary.names)
    page.section("Confusion").figure(
        chart,
        "Rows: what is there; columns: what was found. Last row: false alarms; last column: misses."
        + ("" if shown else " The classes with the most mistakes; all of them are in result.json."),
        alt=f"Of {counts[:-1].sum()} objects {np.trace(counts[:-1, :-1])} were found under the right name, "
        f"{counts[:-1, -1].sum()} not at all; {counts[-1].sum()} boxes are on nothing",
    )


def _mistakes(page: Page, observation: Observation, figures: Figures, made: list[Mistake]) -> None:
    threshold = figures.chosen.threshold
    counts = counts_of(made)
    page.section("Mistakes").table(
        ["mistake", "count", "meaning"],
        [(kind, counts[kind], meaning) for kind, meaning in KINDS.items()],
        f"At confidence {threshold:.2f} and IoU 0.5",
    )
    for heading, worst in (
        ("Surest false alarms", worst_alarms(made, PICTURES)),
        ("Largest misses", worst_misses(made, PICTURES)),
    ):
        page.heading(heading)
        if worst:
            page.text(f"{LEGEND} One of each picture. Look whether it is the label that is wrong.")
            page.pictures(draw(observation, mistake, threshold=threshold) for mistake in worst)
        else:
            page.text("None.")


def _tile(name: str, interval: Interval) -> tuple[str, str, str]:
    return name, f"{interval.value:.3f}", f"{interval.low:.3f} to {interval.high:.3f}"

"""The report of a classifier as one page."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lab.evaluate.classify import BINS, Answers, Figures, reliability
from lab.report import charts
from lab.report.page import Page
from lab.statistics import Interval

if TYPE_CHECKING:
    from lab.evaluate.classify_trial import Trial

WORST = 24


def page_of(
    trial: "Trial",
    figures: Figures,
    parts: dict[str, Interval],
    bad: dict[str, Interval],
    fooled: dict[str, Interval],
    *,
    severity: int,
    eps: float,
    facts: dict[str, Any],
) -> Page:
    """Everything that was measured, from the summary to the worst mistakes."""
    names, answers = trial.classifier.names, trial.answers
    page = Page(f"Classifier {trial.classifier.model['name']}", f"{figures.crops} crops of {len(names)} classes")
    shown = ("balanced_accuracy", "accuracy", "macro_f1", "calibration_error")
    page.tiles(
        (name.replace("_", " "), f"{_of(figures, name).value:.3f}", _range(_of(figures, name))) for name in shown
    )
    page.text(
        f"In brackets 95 % intervals: {figures.units} {figures.unit}s drawn again and again. Balanced accuracy is the "
        "mean of the classes' recalls. Whoever always says the most frequent class reaches an accuracy of "
        f"{figures.baseline}; the model has {figures.gain} more."
    )
    page.section("Classes")
    page.table(
        ("class", "crops", "precision", "recall", "F1", "ROC-AUC", "average precision"),
        [
            (name, each.crops, str(each.precision), str(each.recall), str(each.f1), each.auc, each.average_precision)
            for name, each in figures.classes.items()
        ],
    )
    counts = np.array(figures.confusion)
    page.figure(
        charts.matrix(counts, rows=names, columns=names, row_title="is", column_title="was called"),
        "Confusion: rows are what crops are, columns what they were called.",
    )
    page.section("Curves")
    page.figure(
        charts.curves(_precision_recall(answers), x="recall", y="precision"), "Precision and recall of each class."
    )
    page.figure(
        charts.curves(_roc(answers), x="false positive rate", y="true positive rate"), "ROC curve of each class."
    )
    page.section("Calibration")
    page.text(
        f"Expected calibration error {figures.calibration_error}, log loss {figures.log_loss:.3f}: how far the stated "
        "confidence is from the share that is right."
    )
    page.figure(charts.reliability(*reliability(answers), width=1 / BINS), "Stated confidence against share of hits.")
    if parts:
        page.section("Parts")
        page.figure(charts.bars(parts, x="balanced accuracy"), "By size, light and recording; in brackets the crops.")
    if bad:
        page.section("Bad conditions")
        compared = {"as it is": figures.balanced_accuracy} | bad
        page.figure(charts.bars(compared, x="balanced accuracy"), f"Under corruption at severity {severity} of 5.")
    if fooled:
        page.section("Attack")
        compared = {"as it is": figures.balanced_accuracy} | fooled
        page.figure(
            charts.bars(compared, x="balanced accuracy"), f"Pixels changed by up to {eps:g} of 255, weights known."
        )
    _mistakes(page, trial)
    page.section("How this was measured")
    page.table(("what", "which"), list(facts.items()))
    return page


def _mistakes(page: Page, trial: "Trial") -> None:
    answers = trial.answers
    wrong = np.flatnonzero(answers.said != answers.labels)
    page.section("Worst mistakes")
    if not len(wrong):
        page.note("No crop was called by another name.", "good")
        return
    sure = answers.probability[wrong, answers.said[wrong]]
    worst = wrong[np.argsort(-sure, kind="stable")][:WORST]
    page.text(f"{len(wrong)} of {len(answers.labels)} crops were called by another name; here the surest of them.")
    page.pictures(
        [(trial.pictures[at], _caption(answers, at, trial.crops[at].path.name)) for at in worst], longest_px=200
    )


def _caption(answers: Answers, at: int, file: str) -> str:
    said, label = answers.said[at], answers.labels[at]
    return f"{answers.names[label]}, called {answers.names[said]} ({answers.probability[at, said]:.2f}), {file}"


def _precision_recall(answers: Answers) -> dict[str, Any]:
    from sklearn.metrics import precision_recall_curve  # type: ignore[import-untyped]  # ships no types

    return {
        name: precision_recall_curve(answers.labels == k, answers.probability[:, k])[1::-1]
        for k, name in enumerate(answers.names)
        if (answers.labels == k).any()
    }


def _roc(answers: Answers) -> dict[str, Any]:
    from sklearn.metrics import roc_curve

    return {
        name: roc_curve(answers.labels == k, answers.probability[:, k])[:2]
        for k, name in enumerate(answers.names)
        if 0 < (answers.labels == k).sum() < len(answers.labels)
    }


def _of(figures: Figures, name: str) -> Interval:
    interval: Interval = getattr(figures, name)
    return interval


def _range(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"

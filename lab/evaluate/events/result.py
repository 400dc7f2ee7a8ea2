"""All that an evaluation of events found, and how it is told on a terminal and as JSON."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.evaluate.events.disturbance import DISTURBANCES
from lab.evaluate.events.scoring import Pairing, Score, Window, total
from lab.evaluate.events.trial import Trial

HEADER = ("scripts", "events", "alarms", "recall", "precision", "F1", "same frame", "within one", "median", "worst")
MOST = 12
"""Failed scripts that are named."""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything."""

    trials: Sequence[Trial]
    staged: dict[str, dict[str, Pairing]]
    """By recording and name of the rule."""
    cameras: int
    """Cameras that were interleaved; 0: it was not tried."""
    same: bool
    """They said, to the byte, what each says alone."""
    window: Window
    alpha: float

    def score(self, *, rules: Collection[str] | None = None, disturbances: Collection[str] | None = None) -> Score:
        """Of the trials of these rules and disturbances; None: of all."""
        return total(
            trial.pairing.score
            for trial in self.trials
            if (rules is None or trial.rule in rules) and (disturbances is None or trial.disturbance in disturbances)
        )

    @property
    def rules(self) -> list[str]:
        """Kinds of rules, in order of their first trial."""
        return list(dict.fromkeys(trial.rule for trial in self.trials))

    @property
    def disturbances(self) -> list[str]:
        """Names of the disturbances, in order of their first trial."""
        return list(dict.fromkeys(trial.disturbance for trial in self.trials))

    def failed(self) -> list[Trial]:
        """Trials with an event missed or a false alarm; those that should have none first."""
        clean = [each.name for each in DISTURBANCES if each.exact]
        wrong = [trial for trial in self.trials if trial.pairing.missed or trial.pairing.false]
        return sorted(wrong, key=lambda trial: trial.disturbance not in clean)


def row(score: Score, *, alpha: float, scripts: int | str, within: int) -> list[Any]:
    """The figures under ``HEADER``; times in seconds. ``within``: events told at most one frame away."""
    late = np.abs(score.errors_s)
    return [
        scripts,
        score.events,
        score.alarms,
        score.recall,
        score.precision,
        score.f1(alpha),
        score.exact(),
        within,
        float(np.median(late)) if len(late) else float("nan"),
        float(late.max()) if len(late) else float("nan"),
    ]


def by_disturbance(result: Result) -> list[list[Any]]:
    """A row for each."""
    return [_row_of(result, name, disturbances=[name]) for name in result.disturbances]


def by_rule(result: Result) -> list[list[Any]]:
    """A row for each rule, over what is not disturbed."""
    clean = [each.name for each in DISTURBANCES if each.exact]
    return [_row_of(result, rule, disturbances=clean, rule=rule) for rule in result.rules]


def _row_of(result: Result, name: str, *, disturbances: Collection[str], rule: str | None = None) -> list[Any]:
    trials = [
        trial for trial in result.trials if trial.disturbance in disturbances and (rule is None or trial.rule == rule)
    ]
    score = total(trial.pairing.score for trial in trials)
    within = sum(trial.pairing.score.exact(trial.frame_s + 1e-5) for trial in trials)
    return [name, *row(score, alpha=result.alpha, scripts=len(trials), within=within)]


def matrix(result: Result) -> list[list[Any]]:
    """F1 of each rule under each disturbance."""
    rows = []
    for rule in result.rules:
        scores = [result.score(rules=[rule], disturbances=[name]) for name in result.disturbances]
        rows.append([rule, scores[0].events, *(score.f1(result.alpha) for score in scores)])
    return rows


def staged_rows(result: Result, frame_s: dict[str, float]) -> list[list[Any]]:
    """A row for each staged rule and one for each recording."""
    rows = []
    for recording, found in result.staged.items():
        scores = {name: pairing.score for name, pairing in found.items()}
        for name, score in (scores | {"all": total(scores.values())}).items():
            figures = row(score, alpha=result.alpha, scripts="", within=score.exact(frame_s[recording] + 1e-5))
            rows.append([recording, name, *figures[1:]])
    return rows


def failure(trial: Trial) -> str:
    """One line that says what went wrong and how to see it again."""
    missed = [f"missed {event.time_s:.2f} s" for event in trial.pairing.missed]
    false = [f"false {alarm.time_s:.2f} s" for alarm in trial.pairing.false]
    return f"{trial.rule} {trial.seed}, {trial.disturbance}: {', '.join(missed + false)}"

"""What a model of normal and its calibration promise, in words and tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import log

import numpy as np
from rich.table import Table

from lab.normal.reservoir import BUCKETS, Index, bucket
from lab.normal.reteaching import Left
from pipeline.clock import SECOND
from stages.alert.normal.calibration import DAY_S, Calibration
from stages.alert.normal.poisson import upper_bound
from stages.alert.normal.store import Footage, Stored

BUDGETS = (0.1, 1.0, 2.0, 10.0, 100.0, 1440.0)
"""False alarms a day that ``bartizan normal show`` gives thresholds for; the last is one a minute."""
SHARES = (0.5, 0.1, 0.01)


def lasting(seconds: float) -> str:
    """``4.2 minutes``, ``1.5 hours``, ``3.0 days``."""
    for unit, length in (("days", DAY_S), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def rate(per_day: float) -> str:
    """``2 a day``, ``14 an hour``, ``1.2 a minute``."""
    if per_day >= 1000:
        return f"{_short(per_day / 1440)} a minute"
    return f"{_short(per_day / 24)} an hour" if per_day >= 240 else f"{_short(per_day)} a day"


def _short(number: float) -> str:
    """Two digits that count, and no zeros after the point: ``2``, ``0.35``, ``1.2``, ``140``."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def clips(footage: Footage) -> str:
    """``1 clip, 451 frames, 12 tracks``."""
    counts = ((footage.clips, "clip"), (footage.frames, "frame"), (footage.tracks, "track"))
    return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counts)


def promise(calibration: Calibration, budget: float) -> list[str]:
    """What the calibration footage can say of so many false alarms a day, and what it cannot."""
    threshold = calibration.threshold(budget)
    length = lasting(calibration.seconds)
    bound = calibration.upper_rate_per_day(threshold)
    raised = calibration.alarms_at(threshold)
    lines = [
        f"for {rate(budget)}: threshold {threshold:.1f}; in {length} held apart it would have raised {raised}; "
        f"the true rate is at most {rate(bound)} (95 %)"
    ]
    if calibration.extrapolated(threshold):
        lines += [
            f"extrapolated: {length} of normal footage cannot promise fewer than "
            f"{rate(calibration.smallest_budget_per_day)}; below that the threshold follows an exponential tail",
            f"to have seen one alarm at {rate(budget)} takes {lasting(DAY_S / budget)} of normal footage; "
            f"to bound it at twice that with 95 %, {lasting(needed_s(budget))}",
        ]
    return lines


def sample_words(hours: Mapping[int, float], stretches: int) -> str:
    """``120 stretches, 60 minutes of 06-12 h, 58 minutes of 12-18 h``."""
    if not stretches:
        return "empty"
    parts = ", ".join(
        f"{lasting(each * 3600)} of {(*BUCKETS, 'unknown')[number]} h" for number, each in sorted(hours.items())
    )
    return f"{stretches} stretches, {parts}"


def reservoir_words(index: Index) -> str:
    """What lies there: how much of each quarter of the day, how many bytes, and of which days."""
    hours: dict[int, float] = {}
    for each in index.entries:
        number = bucket(each.header.wall_ns, index.terms.time_zone)
        hours[number] = hours.get(number, 0.0) + each.header.seconds / 3600
    size = sum(each.bytes for each in index.entries) / 1e6
    walls = [each.header.wall_ns for each in index.entries if each.header.wall_ns is not None]
    said = f"{sample_words(hours, len(index.entries))}; {size:.1f} MB"
    return f"{said}, from {_date(min(walls))} to {_date(max(walls))} (UTC)" if walls else said


def _date(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns // SECOND, UTC).strftime("%Y-%m-%d")


def left_words(left: Left) -> list[str]:
    """What was not learned, and what of it counts all the same."""
    if not left.rules:
        return []
    objects = f"{left.objects} object{'' if left.objects == 1 else 's'} that alarmed"
    rules = ", ".join(left.rules)
    lines = [f"not learned: {objects}, and {lasting(left.seconds)} around them or of other alarms ({rules})"]
    if left.of:
        lines.append(
            f"{left.of} alarm{'' if left.of == 1 else 's'} of anomaly: counted as {left.counted:g} false, "
            "which is what its own budget allowed"
        )
    return lines


def needed_s(budget: float) -> float:
    """Seconds of normal footage after which a threshold that keeps the budget has a bound of twice the budget."""
    number = next(n for n in range(1, 1000) if upper_bound(n - 1) <= 2 * n)
    return number * DAY_S / budget


def advised_mode(calibration: Calibration, budget: float) -> str:
    """``shadow`` while the budget is extrapolated, else ``armed``."""
    return "shadow" if calibration.extrapolated(calibration.threshold(budget)) else "armed"


def budget_table(calibration: Calibration, budgets: tuple[float, ...] = BUDGETS) -> Table:
    """Threshold, what it would have raised, and the bound, for several budgets."""
    table = Table(box=None, pad_edge=False)
    for title in ("budget", "threshold", "raised", "at most (95 %)", ""):
        table.add_column(title, justify="left" if not title else "right", no_wrap=True)
    for budget in budgets:
        threshold = calibration.threshold(budget)
        bound = rate(calibration.upper_rate_per_day(threshold))
        said = "extrapolated" if calibration.extrapolated(threshold) else ""
        table.add_row(rate(budget), f"{threshold:.1f}", str(calibration.alarms_at(threshold)), bound, said)
    return table


def feature_table(stored: Stored) -> Table:
    """How large each feature usually is, over what is usual at that row of the picture."""
    table = Table(box=None, pad_edge=False)
    table.add_column("feature, over what is usual there")
    for title in ("median", "1 in 10", "1 in 100"):
        table.add_column(title, justify="right", no_wrap=True)
    for name in stored.manifest.features:
        if (tail := stored.model.tails.get(name)) is not None:
            cells = [f"{np.interp(-log(share), tail.surprise, tail.values):.2f}" for share in SHARES]
            table.add_row(name, *cells)
    return table

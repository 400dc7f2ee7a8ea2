"""How often a run's rule ``anomaly`` alarms in normal time, as it believed itself."""

from collections.abc import Iterable
from pathlib import Path

from lab.normal.alarms import ANOMALY
from lab.normal.reservoir import Followed
from pipeline.errors import CannotStart
from pipeline.messages import Event
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.store import Stored, read
from stages.alert.verdict import claim_of


def note_threshold(followed: Followed, events: Iterable[Event], folder: Path, stored: Stored) -> None:
    """Note the threshold of the run's last alarm, and its rate by the generation that raised it: another one scores
    otherwise. Where that one is gone, what was noted before holds; the generation in use judges only if nothing was."""
    starts = [each for each in events if each.rule == ANOMALY and each.type == "start"]
    for event in sorted(starts, key=lambda each: (each.media_time, each.id), reverse=True):
        claim = claim_of(event) or {}
        threshold = claim.get("threshold")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float):
            continue
        calibration = _calibration(folder, claim.get("normal"))
        if calibration is None and followed.threshold is not None:
            return
        calibration = calibration or stored.calibration
        followed.threshold, followed.expected_per_day = float(threshold), calibration.expected_per_day(float(threshold))
        return


def _calibration(folder: Path, facts: object) -> Calibration | None:
    """Of the generation that an event names."""
    if not isinstance(facts, dict) or not isinstance(number := facts.get("generation"), int):
        return None
    try:
        named = read(folder, generation=number)
    except CannotStart:
        return None
    return named.calibration if named.digest == facts.get("sha256") else None

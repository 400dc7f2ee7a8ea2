"""Why a thing is unusual, as plain values for the event: each feature beside what is normal at its place."""

from typing import Any

from stages.alert.normal.features import UNITS, WINDOW
from stages.alert.normal.model import NormalModel
from stages.alert.normal.scorer import Suspect

RARE = 0.01
"""What one normal sighting in a hundred reaches."""


def reasons(suspect: Suspect, model: NormalModel) -> list[dict[str, Any]]:
    """One entry for each feature, the most unusual first.

    ``feature``, ``value`` and its ``unit``; ``p``: share of normal sightings that reach it; ``quantile``: the share
    below; ``normal``: what one in a hundred reaches at this place, where that is a number; ``extrapolated``: ``p`` is
    smaller than what was seen can say, and assumes an exponential tail.
    """
    entries = []
    if suspect.object is not None:
        for name, (value, p) in suspect.object.parts.items():
            feature = model.features[name]
            entries.append(_entry(name, value, p, feature.rare(RARE, suspect.object.box), feature.least_p))
    if (window := suspect.window) is not None:
        normal = model.rare_window(RARE, window.box[3])
        entries.append(_entry(WINDOW, window.value, window.p, normal, model.window.least_p))
    return sorted(entries, key=lambda entry: float(entry["p"]))


def _entry(name: str, value: float, p: float, normal: float | None, least_p: float | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "feature": name,
        "value": round(value, 6),
        "unit": UNITS[name],
        "p": float(f"{p:.4g}"),
        "quantile": round(1 - p, 6),
    }
    if normal is not None:
        entry["normal"] = round(normal, 6)
    if least_p is not None:
        entry["extrapolated"] = p < least_p
    return entry

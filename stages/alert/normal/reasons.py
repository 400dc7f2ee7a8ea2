"""Why a thing is unusual, as plain values for the event: each feature beside what is normal at its place."""

from typing import Any

from stages.alert.normal.features import UNITS
from stages.alert.normal.model import NormalModel
from stages.alert.normal.scorer import Suspect

RARE = 0.01
"""What one normal sighting in a hundred reaches."""


def reasons(suspect: Suspect, model: NormalModel) -> list[dict[str, Any]]:
    """One entry for each feature, the most unusual first.

    ``feature``, ``value`` and its ``unit``; ``p``: share of normal sightings that reach it; ``quantile``: the share
    below; ``normal``: what one in a hundred reaches at this place, for magnitudes; ``extrapolated``: ``p`` is smaller
    than what was seen can say, and assumes an exponential tail.
    """
    entries = []
    if suspect.object is not None:
        foot = suspect.object.box[3]
        entries += [_entry(name, value, p, foot, model) for name, (value, p) in suspect.object.parts.items()]
    if suspect.window is not None:
        entries.append(_entry("window", suspect.window.value, suspect.window.p, suspect.window.box[3], model))
    return sorted(entries, key=lambda entry: float(entry["p"]))


def _entry(name: str, value: float, p: float, foot: float, model: NormalModel) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "feature": name,
        "value": round(value, 6),
        "unit": UNITS[name],
        "p": float(f"{p:.4g}"),
        "quantile": round(1 - p, 6),
    }
    if name in model.scales:
        entry["normal"] = round(model.rare(name, foot, RARE), 6)
        entry["extrapolated"] = p < model.tails[name].least_p
    return entry

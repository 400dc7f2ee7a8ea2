"""What a model of normal says of an event: each feature against what is normal, and the nearest normal examples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.stage import Picture
from stages.alert.normal.store import read
from stages.alert.verdict import claim_of

NEAREST_HEADER = ("normal example", "distance", "its features, and here")
FEATURE_HEADER = ("feature", "value", "1 in 100 reaches", "normal below", "so far out", "unit")


def features(event: Event) -> Iterator[tuple[str, ...]]:
    """A row for each feature, the most unusual first, as ``FEATURE_HEADER``; none for events of other rules."""
    for fact in (claim_of(event) or {}).get("features", []):
        p = fact.get("p")
        yield (
            str(fact.get("feature", "?")),
            _figure(fact.get("value")),
            _figure(fact["normal"]) if "normal" in fact else "",
            f"{fact['quantile']:.2%}" if isinstance(fact.get("quantile"), int | float) else "",
            rarity(p, extrapolated=bool(fact.get("extrapolated"))) if isinstance(p, int | float) else "",
            str(fact.get("unit", "")),
        )


def rarity(p: float, *, extrapolated: bool) -> str:
    """``1 in 2300``, marked where that is beyond what was seen."""
    often = f"1 in {float(f'{1 / p:.2g}'):,.0f}" if 0 < p < 0.5 else "usual" if p >= 0.5 else "never"
    return f"{often} (extrapolated)" if extrapolated else often


def normal_of(event: Event) -> Mapping[str, Any]:
    """Which model of normal judged; empty for other rules."""
    found = (claim_of(event) or {}).get("normal", {})
    return found if isinstance(found, Mapping) else {}


def nearest(event: Event) -> Iterator[tuple[str, str, str]]:
    """A row for each normal example that is most like it, nearest first, as ``NEAREST_HEADER``."""
    here = {fact.get("feature"): fact.get("value") for fact in (claim_of(event) or {}).get("features", [])}
    for each in (claim_of(event) or {}).get("nearest", []):
        values = [
            f"{name} {_figure(value)} ({_figure(here[name])})"
            for name, value in sorted(each.items())
            if name in here and name != "class"
        ]
        yield (
            f"{each.get('class', '')} {each.get('crop', '')}".strip(),
            _figure(each.get("distance")),
            ", ".join(values),
        )


@dataclass(frozen=True, slots=True)
class Crop:
    """A normal example to look at, uint8 (height, width, 3) BGR."""

    pixels: Picture
    caption: str


def crops(event: Event, folder: Path) -> list[Crop]:
    """Those of ``nearest`` that are still there, from the camera's model of normal.

    Raises ``UsageError`` where it is another model than the one that judged, ``CannotStart`` where it cannot be read.
    """
    import cv2

    judged = normal_of(event)
    if not judged:
        raise UsageError(f"--normal {folder}: no model of normal has judged this event; its rule is {event.rule}")
    stored = read(folder, generation=judged.get("generation"))
    if stored.digest != judged.get("sha256"):
        raise UsageError(
            f"--normal {folder}: generation {judged.get('generation')} is not the one that judged this event"
        )
    found = []
    for row, each in zip(nearest(event), (claim_of(event) or {}).get("nearest", []), strict=True):
        content = stored.exemplar(str(each.get("crop", "")))
        pixels = None if content is None else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if pixels is not None:
            found.append(Crop(np.asarray(pixels, np.uint8), f"{row[0]}, distance {row[1]}: {row[2]}"))
    return found


def _figure(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)

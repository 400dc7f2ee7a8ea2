"""What a model of normal says of an event: each feature against what is normal, and the nearest normal examples."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.messages import Event
from stages.alert.verdict import claim_of

FEATURE_HEADER = ("feature", "value", "normal (1 in 100)", "share of normal below", "as far out in normal time")


def features(event: Event) -> Iterator[tuple[str, str, str, str, str]]:
    """A row for each feature, the most unusual first, as ``FEATURE_HEADER``; none for events of other rules."""
    for fact in (claim_of(event) or {}).get("features", []):
        p = fact.get("p")
        yield (
            str(fact.get("feature", "?")),
            f"{_figure(fact.get('value'))} {fact.get('unit', '')}".strip(),
            f"{_figure(fact['normal'])} {fact.get('unit', '')}".strip() if "normal" in fact else "",
            f"{fact['quantile']:.2%}" if isinstance(fact.get("quantile"), int | float) else "",
            rarity(p, extrapolated=bool(fact.get("extrapolated"))) if isinstance(p, int | float) else "",
        )


def rarity(p: float, *, extrapolated: bool) -> str:
    """``1 in 2300``, marked where that is beyond what was seen."""
    often = f"1 in {float(f'{1 / p:.2g}'):,.0f}" if 0 < p < 0.5 else "usual" if p >= 0.5 else "never"
    return f"{often} (extrapolated)" if extrapolated else often


def normal_of(event: Event) -> Mapping[str, Any]:
    """Which model of normal judged; empty for other rules."""
    found = (claim_of(event) or {}).get("normal", {})
    return found if isinstance(found, Mapping) else {}


def _figure(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)

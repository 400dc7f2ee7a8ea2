"""Making a gallery: named examples on top of an embedding, and the threshold from which a crop counts as one."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from pipeline.errors import UsageError
from stages.classify.crop_graph import FloatArray
from stages.classify.few_shot import OTHER, normalised, scores

Method: TypeAlias = Literal["prototype", "nearest", "discriminant"]
FEWEST_EXAMPLES = 3
FEWEST_OTHERS = 20


class Type(msgspec.Struct, frozen=True):
    """A named type: ``rows`` (m, d) that crops are compared with, and where "it is one" begins.

    ``separation``: chance that an example, left out, scores above another object; near 0.5 the examples say nothing.
    """

    name: str
    examples: int
    rows: list[list[float]]
    threshold: float
    slope: float
    separation: float
    recall: float
    """Share of the examples that pass the threshold, each scored by the others."""


def name_types(
    examples: Mapping[str, FloatArray], others: FloatArray, *, method: Method, false_alarm_rate: float
) -> dict[str, Any]:
    """The gallery's content out of embeddings (n, d) of each type and of other objects.

    Half of the others place the centre and the spread, half set the thresholds, so that about ``false_alarm_rate`` of
    objects never seen pass. Types are others to each other. Raises ``UsageError`` with too few of either.
    """
    for name, rows in examples.items():
        if name == OTHER:
            raise UsageError(f"a type cannot be named {OTHER!r}; that is what everything else is called")
        if len(rows) < FEWEST_EXAMPLES:
            raise UsageError(f"type {name!r}: {len(rows)} examples; {FEWEST_EXAMPLES} at least, better 5 to 20")
    if len(others) < FEWEST_OTHERS:
        raise UsageError(f"{len(others)} crops of other objects; {FEWEST_OTHERS} at least, better several hundred")
    shaping, setting = others[::2], others[1::2]
    centre = shaping.mean(axis=0).astype(np.float32)
    near, spread = normalised(setting, centre), normalised(shaping, centre)
    whitening = _whitening(spread) if method == "discriminant" else None
    types = []
    for name, rows in examples.items():
        own = normalised(rows, centre)
        rivals = [normalised(these, centre) for other, these in examples.items() if other != name]
        against = np.concatenate([near, *rivals])
        types.append(_type(name, own, against, len(near), spread, whitening, method, false_alarm_rate))
    return {"centre": centre.tolist(), "types": types, "method": method, "false_alarm_rate": false_alarm_rate}


def _type(
    name: str,
    own: FloatArray,
    against: FloatArray,
    others: int,
    spread: FloatArray,
    whitening: FloatArray | None,
    method: Method,
    rate: float,
) -> Type:
    def rows_of(examples: FloatArray) -> FloatArray:
        return _rows(examples, spread, whitening, method)

    rows = rows_of(own)
    beside = scores(against, [rows])[:, 0]
    # Each example scored by the others: a type that scored itself would look surer than it is.
    left_out = np.array([scores(own[[i]], [rows_of(np.delete(own, i, axis=0))])[0, 0] for i in range(len(own))])
    threshold = _quantile(beside[:others], rate)
    if len(against) > others:  # rivals are few and named; half way to the middle one of them is enough
        threshold = max(threshold, float((np.median(beside[others:]) + np.median(left_out)) / 2))
    variance = (left_out.var(ddof=1) * (len(left_out) - 1) + beside.var() * 10) / (len(left_out) + 9)
    slope = max(float(left_out.mean() - beside.mean()), 1e-3) / max(float(variance), 1e-6)
    return Type(
        name=name,
        examples=len(own),
        rows=[[float(value) for value in row] for row in rows],
        threshold=threshold,
        slope=slope,
        separation=float((left_out[:, None] > beside[None, :others]).mean()),
        recall=float((left_out > threshold).mean()),
    )


def _rows(own: FloatArray, spread: FloatArray, whitening: FloatArray | None, method: Method) -> FloatArray:
    match method:
        case "nearest":
            return own
        case "prototype":
            mean = own.mean(axis=0, keepdims=True)
        case "discriminant":
            assert whitening is not None
            mean = (own.mean(axis=0) - spread.mean(axis=0))[None] @ whitening
    made: FloatArray = (mean / np.maximum(np.linalg.norm(mean), 1e-12)).astype(np.float32)
    return made


def _whitening(rows: FloatArray) -> FloatArray:
    """Inverse covariance of what other objects look like, shrunk as Ledoit and Wolf (2004) do; the direction from
    others to a type in it is the linear discriminant (Hariharan et al. 2012)."""
    from sklearn.covariance import LedoitWolf  # type: ignore[import-untyped]  # ships no types

    inverse: FloatArray = LedoitWolf().fit(rows.astype(np.float64)).precision_.astype(np.float32)
    return inverse


def _quantile(values: FloatArray, rate: float) -> float:
    """What at most a share ``rate`` of further such values exceed, on average (split conformal, Vovk et al. 2005)."""
    at = int(np.ceil((len(values) + 1) * (1 - rate))) - 1
    return float(np.sort(values)[min(at, len(values) - 1)])


def few_names(folders: Sequence[Any], names: Sequence[str]) -> list[str]:
    """A name for each folder: those given, else the folders' own. Raises ``UsageError``."""
    found = list(names) or [folder.name for folder in folders]
    if len(found) != len(folders):
        raise UsageError(f"{len(names)} --name for {len(folders)} folders; give one for each, in their order")
    if len(set(found)) != len(found):
        raise UsageError(f"two types have one name: {', '.join(found)}")
    return found

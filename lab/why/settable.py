"""Whether a rule's option can be set to a value: what cannot be set is not proposed."""

from typing import Any

from pipeline.errors import UsageError
from pipeline.registry import RULES, resolve


def settable(rule: str, option: str, value: float) -> bool:
    """As the bounds of the rule's options say; of a rule that is not known here, anything is."""
    name, _, inner = option.partition(".")
    try:
        fields: dict[str, Any] = resolve(rule, RULES).Options.model_fields
    except (UsageError, AttributeError):
        return True
    if name not in fields:
        return False
    if inner:
        return 0 < value <= 1
    return all(_within(bound, value) for bound in fields[name].metadata)


def _within(bound: Any, value: float) -> bool:
    """One bound of a pydantic field: ``ge``, ``gt``, ``le`` or ``lt``; others say nothing of numbers."""
    return (
        (not hasattr(bound, "ge") or value >= bound.ge)
        and (not hasattr(bound, "gt") or value > bound.gt)
        and (not hasattr(bound, "le") or value <= bound.le)
        and (not hasattr(bound, "lt") or value < bound.lt)
    )

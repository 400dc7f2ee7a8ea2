"""Where a message goes on a bus: a topic or subject with places for what the event says."""

import re

from pipeline.messages import Event

PLACES = ("camera", "rule", "name", "severity", "type")
_PLACE = re.compile(r"\{([^{}]*)\}")
NOTHING = "_"
"""Stands for an empty value: a digest of several cameras has none."""


def check_places(template: str) -> str:
    """The template. Raises ``ValueError`` where it has a place that nothing fills."""
    for place in _PLACE.findall(template):
        if place not in PLACES:
            allowed = ", ".join(f"{{{name}}}" for name in PLACES)
            raise ValueError(f"{{{place}}} is no place that an event fills; allowed: {allowed}")
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError("has a brace without its other one")
    return template


def filled(template: str, event: Event, unsafe: re.Pattern[str]) -> str:
    """The template with its places filled in; what is ``unsafe`` in a value becomes ``_``, so that a name with a
    separator or a wildcard in it stays one level."""

    def value(place: re.Match[str]) -> str:
        return unsafe.sub("_", str(getattr(event, place[1]))) or NOTHING

    return _PLACE.sub(value, template)


def without_places(template: str) -> str:
    """The template as if every place held a plain word; for checks of the rest."""
    return _PLACE.sub("x", template)

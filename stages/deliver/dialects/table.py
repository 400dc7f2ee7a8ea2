"""The dialects by name."""

from collections.abc import Sequence
from typing import Literal

from pipeline.errors import DeliveryRefused
from pipeline.messages import Event
from stages.deliver.cloudevents import CONTENT_TYPE, CloudEvent, cloud_event
from stages.deliver.dialects.deepstream import deepstream_event
from stages.deliver.dialects.deepstream_minimal import deepstream_frame
from stages.deliver.dialects.dialect import Dialect
from stages.deliver.dialects.frigate_object import frigate_event
from stages.deliver.dialects.frigate_review import frigate_review
from stages.deliver.dialects.onvif import TOPIC, onvif_frame

DialectName = Literal["cloudevents", "raw", "frigate", "frigate_reviews", "deepstream", "deepstream_minimal", "onvif"]
MqttDialectName = Literal[
    "cloudevents", "raw", "frigate", "home_assistant", "deepstream", "deepstream_minimal", "onvif"
]
"""There Frigate's two messages go together, on a topic each."""
OWN = ("cloudevents", "raw")
"""Those that can say everything, digests included."""
_TOPIC = "bartizan/events/{camera}/{rule}/{type}"


def _enveloped(event: Event, _earlier: Sequence[Event]) -> CloudEvent:
    return cloud_event(event)


def _bare(event: Event, _earlier: Sequence[Event]) -> Event:
    return event


DIALECTS: dict[str, Dialect] = {
    "cloudevents": Dialect(_enveloped, _TOPIC, CONTENT_TYPE),
    "raw": Dialect(_bare, _TOPIC),
    "frigate": Dialect(frigate_event, "frigate/events", needs_object=True, looks_back=True),
    "frigate_reviews": Dialect(frigate_review, "frigate/reviews", looks_back=True),
    "deepstream": Dialect(deepstream_event, _TOPIC),
    "deepstream_minimal": Dialect(deepstream_frame, _TOPIC),
    "onvif": Dialect(onvif_frame, TOPIC, needs_object=True),
}

_UNSAYABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""A type of message that a dialect has no words for, or a value that is none, such as an infinite time."""


def said(name: str, event: Event, earlier: Sequence[Event]) -> bytes:
    """An event in a dialect. Raises ``DeliveryRefused`` where it cannot be said: it never will be."""
    try:
        return DIALECTS[name].body(event, earlier)
    except _UNSAYABLE as error:
        raise DeliveryRefused(f"cannot be said in dialect {name!r}: {error}") from error

"""The filter that all sinks share."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.store.sample_event import sample_event
from stages.deliver.options import RetryOptions, SinkOptions


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ({}, True),
        ({"cameras": ["gate"]}, True),
        ({"cameras": ["yard"]}, False),
        ({"rules": ["in_field"]}, True),
        ({"rules": ["my yard"]}, True),
        ({"rules": ["loitering"]}, False),
        ({"types": ["start"]}, True),
        ({"types": ["update", "end"]}, False),
        ({"severity": "medium"}, True),
        ({"severity": "high"}, True),
        ({"severity": "critical"}, False),
        ({"cameras": ["gate"], "types": ["end"]}, False),
    ],
)
def test_a_sink_takes_what_fits_all_of_its_filter(options: dict[str, Any], taken: bool) -> None:
    event = sample_event(name="my yard", severity="high")
    sink = SinkOptions.model_validate(options)
    assert (sink.wants(event) and sink.takes(event)) is taken


@pytest.mark.parametrize(
    "options", [{"severity": "urgent"}, {"types": ["new"]}, {"camera": "gate"}, {"retry": {"x": 1}}]
)
def test_a_filter_that_means_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SinkOptions.model_validate(options)


@pytest.mark.parametrize("value", ["never", 30, 1e9, None])
def test_a_message_may_be_tried_for_so_long_or_for_ever(value: Any) -> None:
    assert RetryOptions.model_validate({"give_up_after_s": value}).give_up_after_s == value


@pytest.mark.parametrize("value", ["always", 0, -1])
def test_a_patience_that_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        RetryOptions.model_validate({"give_up_after_s": value})

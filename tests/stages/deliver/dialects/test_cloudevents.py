"""CloudEvents: the reference implementation of others reads them."""

import json

import msgspec
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from pipeline.messages import Event
from stages.deliver.dialects.table import DIALECTS
from tests.stages.deliver.dialects.telling import END, START, UPDATE, scene


@pytest.mark.parametrize("event", [START, UPDATE, END, scene()])
def test_the_sdk_reads_the_envelope_and_the_event_in_it(event: Event) -> None:
    dialect = DIALECTS["cloudevents"]
    read = from_structured_event(HTTPMessage({"content-type": dialect.content_type}, dialect.body(event)))
    assert (read.get_id(), read.get_subject()) == (event.message_id, event.id)
    assert read.get_type() == f"bartizan.{event.rule}.{event.type}"
    assert read.get_source() == "/bartizan/cameras/gate"
    at = read.get_time()
    assert at is not None
    assert at.isoformat().startswith(str(event.wall_time)[:19])
    assert read.get_extension("severity") == event.severity
    data = read.get_data()
    assert msgspec.convert(data if isinstance(data, dict) else json.loads(str(data)), Event) == event

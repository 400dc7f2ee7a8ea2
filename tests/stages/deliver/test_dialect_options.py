"""A dialect in a sink with a body: chosen by name, sent with its content type, never asked for what it cannot say."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import DeliveryRefused
from pipeline.messages import Event
from stages.deliver.mqtt_options import MqttOptions
from stages.deliver.payload import PayloadOptions
from stages.deliver.routing import Router
from stages.deliver.webhook import WebhookSink
from stages.deliver.webhook_options import WebhookOptions
from tests.stages.deliver.dialects.telling import END, START, STORY, UPDATE, scene


class Store:
    """The past of a sink."""

    def messages(self, event_id: str) -> list[Event]:
        return [event for event in STORY if event.id == event_id]

    def going_on(self) -> tuple[()]:
        return ()


class Named:
    """A sink, as far as routing goes."""

    name = "one"

    def __init__(self, **values: Any) -> None:
        self.options = PayloadOptions.model_validate(values)


def test_a_webhook_gets_frigates_words_with_what_was_before(receiver: Any) -> None:
    hook = WebhookSink(WebhookOptions.model_validate({"url": receiver.url, "dialect": "frigate"}))
    hook.look_back(Store())
    for event in STORY:
        hook.send(event, key=event.message_id)
    hook.close()
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert [body["type"] for body in bodies] == ["new", "update", "end"]
    assert bodies[2]["before"] == bodies[1]["after"]
    assert [request.headers["Idempotency-Key"] for request in receiver.requests] == [one.message_id for one in STORY]
    assert receiver.requests[0].headers["Content-Type"] == "application/json"


def test_what_a_dialect_has_no_words_for_never_lies_in_the_outbox_of_its_sink() -> None:
    for dialect, told in {"onvif": [], "frigate": [], "frigate_reviews": ["one"], "deepstream": ["one"]}.items():
        assert Router([Named(dialect=dialect)])(scene()) == told
        assert Router([Named(dialect=dialect)])(START) == ["one"]


def test_an_event_ends_in_a_dialect_of_objects_also_where_its_end_has_none() -> None:
    route = Router([Named(dialect="onvif")])
    gone = scene(END)
    assert [route(event) for event in (START, UPDATE, gone)] == [["one"]] * 3
    assert b"Object" not in PayloadOptions(dialect="onvif").payload(gone, "k")


@pytest.mark.parametrize("dialect", ["frigate", "frigate_reviews", "deepstream"])
def test_a_digest_that_comes_nevertheless_is_refused_and_not_tried_for_ever(dialect: Any) -> None:
    digest = scene(END)
    options = PayloadOptions.model_validate({"dialect": dialect})
    assert not options.governed
    with pytest.raises(DeliveryRefused, match=f"cannot be said in dialect '{dialect}'"):
        options.payload(
            Event(**{**{name: getattr(digest, name) for name in digest.__struct_fields__}, "type": "digest"}), "k"
        )


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"dialect": "frigate", "retain": True}, "never retains events: leave `retain` out"),
        ({"dialect": "home_assistant", "types": ["start"]}, "needs the types start and end"),
        ({"dialect": "frigate", "topic": "a/{camera}"}, "is the root of its topics, without places"),
        ({"dialect": "onvif", "governed": True}, "has no words for a governor's digest"),
        ({"dialect": "deepstream", "body": "x"}, "`body` takes the place of a dialect"),
        ({"dialect": "home_assistant", "discovery_prefix": "a/#"}, "has no '\\+' or '#'"),
        ({"dialect": "frigat"}, "Input should be 'cloudevents'"),
        ({"format": "raw"}, "Extra inputs are not permitted"),
    ],
)
def test_options_that_contradict_a_dialect_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MqttOptions.model_validate({"host": "h", **values})


@pytest.mark.parametrize(
    ("values", "topic", "available"),
    [
        ({}, "bartizan/events/{camera}/{rule}/{type}", "bartizan/availability"),
        ({"dialect": "frigate"}, "frigate", "frigate/available"),
        ({"dialect": "frigate", "topic": "nvr"}, "nvr", "nvr/available"),
        ({"dialect": "frigate", "availability_topic": None}, "frigate", None),
        ({"dialect": "home_assistant", "topic": "north"}, "north", "north/availability"),
        ({"dialect": "onvif"}, "bartizan/onvif-mj/VideoAnalytics/{camera}/{rule}", "bartizan/availability"),
    ],
)
def test_topics_are_those_of_the_dialect_unless_the_user_names_others(
    values: dict[str, Any], topic: str, available: str | None
) -> None:
    options = MqttOptions.model_validate({"host": "h", **values})
    assert (options.topic, options.availability_topic) == (topic, available)
    again = MqttOptions.model_validate(options.model_dump())
    assert (again.topic, again.availability_topic, again.governed) == (topic, available, options.governed)

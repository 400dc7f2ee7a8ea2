"""What a message looks like on its way: an envelope, the bare event, or a text by the user's template."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

import msgspec
from pydantic import Field, field_validator

from pipeline.messages import Event
from stages.deliver.cloudevents import CONTENT_TYPE, cloud_event
from stages.deliver.options import Fault, SinkOptions
from stages.deliver.template import Template

JSON = "application/json"
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; *[A-Za-z0-9_-]+=[A-Za-z0-9_.-]+)*")


class PayloadOptions(SinkOptions):
    """A sink that sends each message as a body of bytes."""

    format: Literal["cloudevents", "raw"] = Field(
        default="cloudevents",
        description="Body: the event in a CloudEvents 1.0 envelope (structured JSON), or the bare event.",
    )
    body: str | None = Field(
        default=None,
        min_length=1,
        description="Body as a Jinja template instead, such as '{\"text\": {{ event.reason | tojson }}}'. It may use "
        "`event`, with the fields of events.jsonl, and `key`, the idempotency key.",
    )
    content_type: str = Field(
        default=JSON, description="What `body` makes; JSON is checked.", examples=["text/plain; charset=utf-8"]
    )

    @field_validator("content_type")
    @classmethod
    def _is_content_type(cls, text: str) -> str:
        if not _CONTENT_TYPE.fullmatch(text):
            raise ValueError(f"{text!r} is no content type; write it like 'application/json'")
        return text

    @cached_property
    def _template(self) -> Template | None:
        return None if self.body is None else Template(self.body, is_json=self.media_type.startswith(JSON))

    @property
    def media_type(self) -> str:
        """The content type of what ``payload`` gives."""
        if self.body is not None:
            return self.content_type
        return CONTENT_TYPE if self.format == "cloudevents" else JSON

    def payload(self, event: Event, key: str) -> bytes:
        """The body of one message. Raises ``DeliveryRefused`` where the template fails for it."""
        if self._template is not None:
            return self._template.render(event, key).encode()
        return msgspec.json.encode(cloud_event(event) if self.format == "cloudevents" else event)

    def faults(self) -> Iterator[Fault]:
        """A template that is broken."""
        yield from super().faults()
        if self._template is not None and (fault := self._template.fault()):
            yield ("body",), fault

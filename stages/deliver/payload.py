"""What a message looks like on its way: an event in some dialect, or a text by the user's template."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from pipeline.messages import Event
from stages.deliver.dialects.dialect import JSON
from stages.deliver.dialects.table import DIALECTS, OWN, DialectName, said
from stages.deliver.options import Fault, SinkOptions
from stages.deliver.past import Past, before
from stages.deliver.template import Template

_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; *[A-Za-z0-9_-]+=[A-Za-z0-9_.-]+)*")


class PayloadOptions(SinkOptions):
    """A sink that sends each message as a body of bytes."""

    dialect: DialectName = Field(
        default="cloudevents",
        description="Whose words the body is in: the event in a CloudEvents 1.0 envelope (structured JSON), the bare "
        "event (`raw`), or what another system would say of it.",
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

    @model_validator(mode="before")
    @classmethod
    def _ungoverned(cls, data: Any) -> Any:
        """Nobody else's dialect has words for a digest, so no governor stands before it."""
        if isinstance(data, dict) and data.get("dialect", OWN[0]) not in OWN:
            return {"governed": False, **data}
        return data

    @model_validator(mode="after")
    def _can_be_said(self) -> Self:
        if self.dialect not in OWN and self.governed:
            raise ValueError(f"dialect {self.dialect!r} has no words for a governor's digest: leave `governed` out")
        if self.dialect not in OWN and self.body is not None:
            raise ValueError("`body` takes the place of a dialect: leave one of them out")
        return self

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
        return DIALECTS[self.dialect].content_type

    def wants(self, event: Event) -> bool:
        """As for every sink; and its dialect must have words for the event."""
        return super().wants(event) and (self.body is not None or DIALECTS[self.dialect].tells(event))

    def payload(self, event: Event, key: str, past: Past | None = None) -> bytes:
        """The body of one message. Raises ``DeliveryRefused`` where it cannot be made."""
        if self._template is not None:
            return self._template.render(event, key).encode()
        dialect = DIALECTS[self.dialect]
        return said(self.dialect, event, before(past, event) if dialect.looks_back else ())

    def faults(self) -> Iterator[Fault]:
        """A template that is broken."""
        yield from super().faults()
        if self._template is not None and (fault := self._template.fault()):
            yield ("body",), fault

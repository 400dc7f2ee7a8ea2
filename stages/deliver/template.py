"""Texts with places for what an event says, written by the user: Jinja in a sandbox.

The sandbox (``jinja2.sandbox.ImmutableSandboxedEnvironment``) lets a template read the event and nothing else: no
attribute of Python's own, no file, no change. A name that is not there is an error and not an empty text, and every
template is tried on two events when the configuration is checked, so that a typing error is found then.
"""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.errors import DeliveryRefused
from pipeline.messages import Event, EventObject

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_SAMPLE = Event(
    id="0" * 32,
    message_id="1" * 32,
    type="start",
    camera="gate",
    rule="in_field",
    name='the "yard"',
    severity="high",
    ordinal=1,
    media_time=12.5,
    started=10.4,
    frame=126,
    wall_time="2026-11-21T12:00:00.000Z",
    reason="person 7 stayed in zone 'the \"yard\"' for 2.1 s (limit 2 s)",
    object=EventObject(
        class_name="person",
        track_id=7,
        confidence=0.83,
        box_px=(320.0, 240.0, 360.0, 340.0),
        box=(0.41667, 0.41667, 0.46875, 0.59028),
        path=[(0.44271, 0.59028, 12.5)],
        attributes={},
    ),
    evidence={"snapshot": "media/1.jpg"},
)
_BARE = msgspec.structs.replace(_SAMPLE, type="digest", camera="", object=None, wall_time=None, evidence={})
"""A digest, or an event about the whole scene, of a recording whose hour is not known."""
_SAMPLES = ((_SAMPLE, ""), (_BARE, " for an event without object and wall time"))


class Template:
    """A text with ``{{ event.camera }}``, ``{% if event.object %}`` and so on."""

    def __init__(self, text: str, *, is_json: bool = False) -> None:
        """``is_json``: what comes of it must be JSON."""
        self._text = text
        self._is_json = is_json

    @cached_property
    def _compiled(self) -> Any:
        return _environment().from_string(self._text)

    def render(self, event: Event, key: str) -> str:
        """The text for one message. Raises ``DeliveryRefused`` where the template fails for it: it would again."""
        try:
            return self._rendered(event, key)
        except Exception as error:  # whatever a template of the user's does
            raise DeliveryRefused(f"the template fails for this message: {_line(error)}") from error

    def fault(self) -> str | None:
        """What is wrong with it, or None."""
        from jinja2 import TemplateSyntaxError

        for event, which in _SAMPLES:
            try:
                rendered = self._rendered(event, event.message_id)
            except TemplateSyntaxError as error:
                return f"line {error.lineno} of the template: {error.message}"
            except Exception as error:  # whatever a template of the user's does
                return f"line {_line_number(error)} of the template fails{which}: {_line(error)}"
            if self._is_json and (fault := _json_fault(rendered)):
                return f"gives no JSON{which}: {fault}; write texts as {{{{ event.reason | tojson }}}}, without quotes"
        return None

    def _rendered(self, event: Event, key: str) -> str:
        text: str = self._compiled.render(event=msgspec.to_builtins(event), key=key)
        return text


def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.filters["tojson"] = lambda value: json.dumps(
        value, ensure_ascii=False, default=str
    )  # Jinja's own is for HTML
    environment.globals.clear()  # range(10**5) in range(10**5) is all that they are good for here
    return environment


def _json_fault(text: str) -> str | None:
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return None


def _line_number(error: BaseException) -> int:
    """Of the template, from the innermost of its frames."""
    number, step = 1, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<template>":
            number = step.tb_lineno
        step = step.tb_next
    return number


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

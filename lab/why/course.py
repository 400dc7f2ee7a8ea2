"""An event from start to end, as its messages tell it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.messages import Event


@dataclass(frozen=True, slots=True)
class Course:
    """All messages that are known of one event, by what they are."""

    start: Event
    end: Event | None
    messages: tuple[Event, ...]
    """In order of their ordinals."""

    @classmethod
    def of(cls, messages: Sequence[Event]) -> "Course | None":
        """None where the start is not among them."""
        ordered = tuple(sorted(messages, key=lambda message: message.ordinal))
        start = next((message for message in ordered if message.type == "start"), None)
        end = next((message for message in ordered if message.type == "end"), None)
        return None if start is None else cls(start, end, ordered)

    @property
    def momentary(self) -> bool:
        """It is about a moment, such as a crossing: its end says nothing new."""
        return self.end is not None and self.end.ended == "momentary"

    @property
    def over_s(self) -> float | None:
        """Media time at which the condition no longer held, or was last looked at; None if the record does not say."""
        if self.end is None or self.momentary or not self.end.why:
            return None
        cause = self.end.why[0]
        gone = cause["value"] if cause.get("predicate") in ("seconds_outside", "seconds_unseen") else 0.0
        return self.end.media_time - gone if isinstance(gone, int | float) else None

"""Options of the sinks: which events they take, where those go, and how often delivery is tried."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from pipeline.messages import Event
from pipeline.schedule import Schedule
from stages.deliver.decision import rank
from stages.deliver.moment import Moment

Severity = Literal["low", "medium", "high", "critical"]
Fault = tuple[tuple[str | int, ...], str]
"""The way to an option (empty: all of them), and what is wrong there."""


class RetryOptions(BaseModel):
    """How often and how long delivery of one message is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_s: float = Field(
        default=1.0, ge=0.01, le=3600, description="Upper bound of the wait after the first failure."
    )
    factor: float = Field(
        default=2.0, ge=1, le=10, description="By how much that bound grows with each further failure."
    )
    longest_s: float = Field(default=300.0, ge=0.01, le=86400, description="The bound grows no further than this.")
    give_up_after_s: Annotated[float, Field(gt=0)] | Literal["never"] | None = Field(
        default=None,
        description="Time from a message's first failure after which it becomes a dead letter, or `never`. Unset: "
        "three days for live cameras; never for recordings, where the drain timeout of the run decides.",
    )


class SinkOptions(BaseModel):
    """What all sinks have in common: a filter, and the retries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[str, ...] = Field(
        default=(), description="Only events of these rules, by the rule's name or its kind."
    )
    cameras: tuple[str, ...] = Field(default=(), description="Only events of these cameras.")
    severity: Severity = Field(default="low", description="Only events of at least this severity.")
    schedule: Schedule | None = Field(
        default=None,
        description="When an event may come to this sink, by the wall time of its messages; what came runs on to its "
        "end. Without a wall time it is not checkable, and lets everything pass. Live, digests wait until it opens.",
    )
    types: tuple[Literal["start", "update", "end"], ...] = Field(default=(), description="Only these types of message.")
    governed: bool = Field(
        default=True,
        description="Whether the governor, where it is enabled, decides what this sink gets; false for programs that "
        "want every message.",
    )
    retry: RetryOptions = Field(default=RetryOptions(), description="When to try again what was not acknowledged.")

    def wants(self, event: Event) -> bool:
        """Whether a message with this content brings its event to the sink. An empty list wants all."""
        return (
            (not self.rules or event.rule in self.rules or event.name in self.rules)
            and (not self.cameras or event.camera in self.cameras)
            and rank(event.severity) >= rank(self.severity)
            and self._on_duty(event)
        )

    def takes(self, event: Event) -> bool:
        """Whether the sink is sent this message, if it knows of its event."""
        return not self.types or event.type in self.types

    _is_trial: bool = PrivateAttr(default=False)

    @property
    def is_trial(self) -> bool:
        """Whether a run may go on beside this sink, with the same receiver."""
        return self._is_trial

    def for_trial(self) -> Self:
        """What a sink is tried out with beside a run that goes on, so that this run is not disturbed."""
        beside = self.model_copy()
        beside._is_trial = True
        return beside

    def faults(self) -> Iterator[Fault]:
        """What is wrong beyond the values themselves: files that are missing, templates that are broken. Asked by
        ``bartizan check`` and before a run starts, not by its processes."""
        yield from ()

    def _on_duty(self, event: Event) -> bool:
        wall_ns = None if self.schedule is None else Moment.of(event).wall_ns
        return self.schedule is None or wall_ns is None or self.schedule.armed(wall_ns)


class JsonLinesOptions(SinkOptions):
    """A file with one event per line."""

    path: Path = Field(description="The file; appended to. Its folder must exist.")
    fsync: bool = Field(default=True, description="Wait for the disk after each line, so that a power cut loses none.")


class SqliteOptions(SinkOptions):
    """A table in a SQLite database of the user's own."""

    path: Path = Field(description="The database file; made if absent. Its folder must exist.")
    table: str = Field(
        default="events", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$", description="The table; made if absent."
    )


class TerminalOptions(SinkOptions):
    """One line per event on the terminal."""

    color: Literal["auto", "always", "never"] = Field(default="auto", description="Colours: auto follows the terminal.")
    reasons: bool = Field(default=True, description="Say why, at the end of each line.")

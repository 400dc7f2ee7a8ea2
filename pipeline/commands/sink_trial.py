"""A sink tried out with an alert that says that it is a test."""

import os
import threading
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.configuration.config import SinkConfig
from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.redaction import redact
from pipeline.registry import SINKS, resolve
from pipeline.store.sample_event import sample_event
from pipeline.wall import rfc3339

RULE = "test"


@dataclass(frozen=True, slots=True)
class Trial:
    """What happened."""

    name: str
    kind: str
    taken: tuple[str, ...]
    """Types of the messages that were acknowledged, in order."""
    error: str
    """Empty: all of them were."""
    seconds: float

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"sink": self.name, "kind": self.kind, "ok": not self.error, "taken": list(self.taken),
                "error": self.error, "seconds": round(self.seconds, 3)}  # fmt: skip


def try_sink(config: SinkConfig, camera: str, *, timeout_s: float) -> Trial:
    """Send a start and its end, of those that the sink takes, and wait for each to be acknowledged. Once only."""
    taken: list[str] = []
    errors: list[str] = []
    thread = threading.Thread(target=_send, args=(config, camera, taken, errors), daemon=True)
    began = time.monotonic()
    thread.start()
    thread.join(timeout_s)
    elapsed_s = time.monotonic() - began
    error = f"no answer within {timeout_s:g} s" if thread.is_alive() else redact(" ".join(errors))
    return Trial(config.name, config.kind, tuple(taken), error, elapsed_s)


def marked_events(sink: str, camera: str) -> list[Event]:
    """An alert that nothing happened for, from its start to its end, with keys of its own at each call."""
    identity = os.urandom(12).hex()
    now_ns = time.time_ns()
    found = []
    thing = sample_event().object
    assert thing is not None
    thing = msgspec.structs.replace(thing, class_name=RULE)  # some dialects have words for the object alone
    for ordinal, kind in enumerate(("start", "end"), start=1):
        found.append(
            sample_event(
                camera,
                ordinal,
                id=f"test-{identity}",
                message_id=f"test-{identity}-{ordinal}",
                type=kind,
                rule=RULE,
                name=RULE,
                severity="low",
                reason=f"this is a test of sink {sink} by bartizan deliver test: nothing happened",
                ended="test" if kind == "end" else "",
                wall_time=rfc3339(now_ns),
                object=thing,
                why=[],
                model={"name": RULE, "sha256": ""},
                correlation_id=f"{camera}/test/{ordinal}",
            )
        )
    return found


def _send(config: SinkConfig, camera: str, taken: list[str], errors: list[str]) -> None:
    wanted = getattr(config.options, "types", ())
    try:
        options = config.options.for_trial() if hasattr(config.options, "for_trial") else config.options
        sink = resolve(config.kind, SINKS)(options)
        try:
            for event in marked_events(config.name, camera):
                if not wanted or event.type in wanted:
                    sink.send(event, key=event.message_id)
                    taken.append(event.type)
        finally:
            sink.close()
    except DeliveryError as error:
        errors.append(str(error))
    except Exception as error:  # a sink of the user's own may raise anything, and the others are still to be tried
        errors.append(f"{type(error).__name__}: {error}".partition("\n")[0])

"""A store with a history: events of several cameras and rules, some over, some not, some delivered."""

from collections.abc import Iterable

from pipeline.clock import ManualClock
from pipeline.messages import Event
from pipeline.store.address import StoreAddress
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.wall import rfc3339

DAY = 86_400 * 10**9
NOON = 1_795_176_000 * 10**9
"""2026-11-20T12:00:00Z."""
RULES = (("in_field", "yard"), ("loitering", "door"), ("line_crossed", "road"))
SEVERITIES = ("low", "medium", "high", "critical")
CLASSES = ("person", "car")


def make_history(
    place: StoreAddress, count: int, *, every_ns: int = DAY, sinks: Iterable[str] = ("hook",), deliver: bool = True
) -> None:
    """``count`` events, the first at noon, one every so often; those that are divisible by seven are not over."""
    to = list(sinks)
    with EventStore.open(place, analysis_sha256="a", clock=ManualClock(wall_ns=NOON)) as store:
        ordinals: dict[str, int] = {}
        for number in range(1, count + 1):
            camera = ("gate", "yard")[number % 2]
            events = list(_messages(number, camera, NOON + (number - 1) * every_ns, ordinals))
            store.commit(camera, events, Position(b"", number, number), lambda event: to)
        while deliver and (rows := [row for sink in to for row in store.pending(sink, 0)]):
            for row in rows:
                store.delivered(row)


def _messages(number: int, camera: str, at_ns: int, ordinals: dict[str, int]) -> Iterable[Event]:
    rule, name = RULES[number % 3]
    about = sample_event().object
    assert about is not None
    for kind in ("start",) if number % 7 == 0 else ("start", "end"):
        ordinals[camera] = ordinals.get(camera, 0) + 1
        yield sample_event(
            camera,
            ordinals[camera],
            id=f"event-{number:04}",
            type=kind,
            rule=rule,
            name=name,
            severity=SEVERITIES[number % 4],
            wall_time=rfc3339(at_ns + (10 * 10**9 if kind == "end" else 0)),
            media_time=float(number * 100 + (10 if kind == "end" else 0)),
            started=float(number * 100),
            ended="left" if kind == "end" else "",
            region={"line": [[0.1, 0.1], [0.9, 0.9]]} if rule == "line_crossed" else {"zone": [[0, 0], [1, 0], [1, 1]]},
            object=about.__class__(
                class_name=CLASSES[number % 2],
                track_id=number,
                confidence=0.8,
                box_px=about.box_px,
                box=about.box,
                path=about.path,
            ),
        )

"""Finding the event that is meant, among those that a run left behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import msgspec

from lab.why.course import Course
from lab.why.words import title
from pipeline.errors import StoreError, UsageError
from pipeline.messages import Event
from pipeline.store.address import FILE, STORE, StoreAddress, find_address

EVENTS = "events.jsonl"
_SHORT = 8
"""Characters of an id that are shown."""
_FEW = 3


@dataclass(frozen=True, slots=True)
class Results:
    """Messages of a run, in the order of their file."""

    source: Path
    """The file they were read from."""
    messages: tuple[Event, ...]

    @property
    def folder(self) -> Path:
        """Where the media lie."""
        return self.source.parent

    def find(self, name: str) -> Course:
        """The event that ``name`` means: the number of a line, an id, a message id, or the beginning of one.

        Raises ``UsageError`` if there is none, or more than one.
        """
        if name.isdecimal() and 1 <= int(name) <= len(self.messages):
            return self._course(self.messages[int(name) - 1].id)
        wanted = name.strip().lower()
        found = {each.id for each in self.messages if wanted in (each.id, each.message_id)} or {
            each.id for each in self.messages if _fits(each, wanted)
        }
        if len(found) > 1:
            fitting = {each.id: each for each in self.messages if each.id in found and _fits(each, wanted)}
            raise UsageError(
                f"{name!r} fits {len(found)} events of {self.source}: {_listed(list(fitting.values()), wanted)}; "
                "give more of the id"
            )
        if not found:
            raise UsageError(f"{self.source} has no event {name!r}{self._hint(wanted)}")
        return self._course(found.pop())

    def line(self, event: Event) -> int:
        """The number of a message, from 1."""
        return next(n for n, each in enumerate(self.messages, start=1) if each.message_id == event.message_id)

    def _course(self, event_id: str) -> Course:
        course = Course.of([each for each in self.messages if each.id == event_id])
        if course is None:
            raise UsageError(
                f"{self.source} has no start of event {event_id[:_SHORT]}, so it does not say why: "
                "was it cut off at the front?"
            )
        return course

    def _starts(self) -> list[Event]:
        return [each for each in self.messages if each.type == "start"]

    def _hint(self, wanted: str) -> str:
        if wanted.isdecimal() and len(wanted) < _SHORT:
            return f": it has {len(self.messages)} lines"
        names = {each.id: each for each in self._starts()} | {each.message_id: each for each in self._starts()}
        length = max(len(wanted), 1)
        short = {each[:length]: each for each in names}
        close = get_close_matches(wanted, short, n=1, cutoff=0.7)
        if close and length > 2:
            return f"; did you mean {_listed([names[short[close[0]]]])}?"
        return f"; the latest are {_listed(self._starts()[-_FEW:])}"


def read_results(out: Path) -> Results:
    """The messages in a folder of results, or in an ``events.jsonl`` by itself.

    Raises ``UsageError`` where there are none, or where a line cannot be read.
    """
    if not out.exists():
        raise UsageError(f"--out {out}: there is no such folder; name one that a run has written")
    path = out if out.is_file() else out / EVENTS
    if path.is_file():
        messages = _lines(path)
    elif any((out / name).is_file() for name in (STORE, FILE)):  # killed before it could write the file
        path, messages = out / STORE, _stored(find_address(out))
    else:
        raise UsageError(f"--out {out}: has no {EVENTS}; name the folder of a run's results")
    if not messages:
        raise UsageError(f"{path}: holds no events: nothing was raised")
    return Results(path, tuple(messages))


def _lines(path: Path) -> list[Event]:
    decode, messages = msgspec.json.Decoder(Event).decode, []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                messages.append(decode(line))
            except msgspec.MsgspecError as error:
                if line.endswith(b"\n"):
                    raise UsageError(f"{path}:{number}: is no event of Bartizan: {error}") from error
                break  # a live run is about to write the rest of its last line
    return messages


def _stored(address: StoreAddress) -> list[Event]:
    from pipeline.store.event_store import EventStore

    try:
        with EventStore.open(address, analysis_sha256=None) as store:
            return [stored.event for stored in store.events("content")]
    except StoreError as error:
        raise UsageError(str(error)) from error


def _fits(event: Event, wanted: str) -> bool:
    return bool(wanted) and (event.id.startswith(wanted) or event.message_id.startswith(wanted))


def _listed(events: Sequence[Event], wanted: str = "") -> str:
    """Each by its id, or by that of its message where that is what fits."""
    ids = [each.id if each.id.startswith(wanted) else each.message_id for each in events]
    shown = [
        f"{name[:_SHORT]} ({title(each)}, {each.media_time:.1f} s)"
        for name, each in list(zip(ids, events, strict=True))[:_FEW]
    ]
    return ", ".join(shown) + (f" and {len(events) - _FEW} more" if len(events) > _FEW else "")

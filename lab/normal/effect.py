"""What feedback would change in stored runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.normal.giving import files_with
from lab.normal.keeping import place
from lab.normal.past import Past
from pipeline.messages import Event
from pipeline.rehearsal.difference import Alarm, Pair, Verdict, alarms, compare
from stages.alert.normal.feedback import Feedback
from stages.alert.normal.store import GENERATIONS, Stored


@dataclass(frozen=True)
class Effect:
    """What one run raised, and what two generations would raise in it."""

    past: Past
    now: list[Alarm]
    """By the generation in use."""
    pairs: list[Pair]
    """Each event by the generation in use beside what it would be."""
    names: dict[str, str]
    """The id of an event as it was raised, by that of the same event by either generation."""

    @classmethod
    def of(cls, past: Past, now: list[Event], then: list[Event]) -> "Effect":
        """``now``, ``then``: what the generation in use, and the next, would raise."""
        names = {
            pair.told.start.id: pair.raised.start.id
            for told in (now, then)
            for pair in compare(past.raised, told)
            if pair.told is not None and pair.raised is not None
        }
        return cls(past, alarms(now), compare(now, then), names)

    def of_verdict(self, *verdicts: Verdict) -> list[Pair]:
        """Those of which this would become."""
        return [pair for pair in self.pairs if pair.verdict in verdicts]

    @property
    def gone(self) -> list[Pair]:
        """Events that would not be raised any more."""
        return self.of_verdict(Verdict.GONE)

    @property
    def remaining(self) -> list[Pair]:
        """Events that would be raised still."""
        return [pair for pair in self.pairs if pair.raised is not None and pair.told is not None]

    def name(self, pair: Pair) -> str:
        """The id under which its event was raised; that of the same event by now, where it was not."""
        start = (pair.raised or pair.alarm).start
        return self.names.get(start.id, start.id)


@contextmanager
def generation_with(stored: Stored, feedback: Feedback) -> Iterator[Path]:
    """The folder of a generation that differs in its feedback alone, for as long as it is looked at."""
    with TemporaryDirectory(prefix="bartizan-normal-") as name:
        number = stored.manifest.generation + 1
        place(Path(name), number, files_with(stored, feedback, generation=number))
        yield Path(name) / GENERATIONS / str(number)

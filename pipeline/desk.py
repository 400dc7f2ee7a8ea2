"""The alert process's side of classification: which answers have come, which are waited for, and which came too late.

Recordings wait for every answer, so that what an event says does not depend on how fast anything was. A live camera
waits for none: what is not there when it is due has been missed, and that is written down with the events.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.journal.answers import AnswersReader
from pipeline.messages import Answer, AnswersHeader, Missed, Wish, WishKey
from pipeline.spec import RunSpec
from pipeline.stage import Fact

logger = logging.getLogger(__name__)

LOST = "classify_lost"
LATE = "late"
JOINED = "joined"


class Desk:
    """One camera's answers."""

    def __init__(
        self,
        spec: RunSpec,
        camera: str,
        processes: Mapping[str, int],
        *,
        live: bool,
        after: int,
        missed: Sequence[Missed],
    ) -> None:
        """``processes``: how many each classifier of this camera has. ``after``: the last frame that is committed;
        answers about earlier ones are wanted only where wishes are open. ``missed``: what was missed before."""
        self._camera = camera
        self._processes = processes
        self._live = live
        self._after = after
        self._readers: dict[Path, AnswersReader] = {}
        for name, count in processes.items():
            paths = [spec.answers_path(camera, name, number) for number in range(count)]
            for path in {*paths, *spec.answers_paths(camera, name)}:
                self._readers[path] = AnswersReader(path)
        self._readers = dict(sorted(self._readers.items()))
        self._answers: dict[WishKey, Answer] = {}
        self._headers: dict[str, AnswersHeader] = {}
        self._lost: dict[str, str] = {}
        """Processes that will not come back in this run, by name, and why."""
        self._missed = {fact.key: fact for fact in missed}
        self._joined = {fact.classifier for fact in missed if fact.reason == JOINED}

    def lose(self, process: str, reason: str) -> None:
        """A classify process is given up."""
        name, _, _ = process.rpartition("/")
        if name in self._processes and process not in self._lost:
            self._lost[process] = reason
            logger.error("camera %s: goes on without %s (%s): %s", self._camera, process, LOST, reason)

    def poll(self, open_wishes: Sequence[Wish]) -> list[AnswersHeader]:
        """Read what has come; the headers of classifiers that are new. Raises ``LogError``."""
        fresh: list[AnswersHeader] = []
        wanted: set[WishKey] | None = None
        for reader in self._readers.values():
            for entry in reader.read():
                if isinstance(entry, AnswersHeader):
                    if entry.classifier not in self._headers:
                        self._headers[entry.classifier] = entry
                        fresh.append(entry)
                    continue
                if wanted is None:
                    wanted = {wish.key for wish in open_wishes}
                if entry.index > self._after or entry.key in wanted:
                    self._answers.setdefault(entry.key, entry)
        return fresh

    def joins(self, classifier: str) -> bool:
        """Whether this live classifier takes part for the first time; True once."""
        is_new = classifier not in self._joined
        self._joined.add(classifier)
        return is_new

    def is_complete(self) -> bool:
        """Every classifier has said what it can say, or is lost. A live camera does not wait for that."""
        return self._live or all(
            name in self._headers or all(f"{name}/{number}" in self._lost for number in range(count))
            for name, count in self._processes.items()
        )

    def lacks(self, due: Sequence[Wish]) -> bool:
        """Whether something could be in a journal that has not been read yet."""
        if len(self._headers) < len(self._processes):
            return True
        return any(wish.key not in self._answers and wish.key not in self._missed for wish in due)

    def settle(self, due: Sequence[Wish]) -> list[Fact] | None:
        """What became of wishes that are due; None while a recording has to wait."""
        found: list[Fact] = []
        for wish in due:
            missed, answer = self._missed.get(wish.key), self._answers.get(wish.key)
            if missed is None and answer is not None:
                found.append(answer)
            elif missed is not None:
                found.append(missed)
            elif self._process_of(wish) in self._lost:
                found.append(Missed(*wish.key, LOST))
            elif self._live:
                found.append(Missed(*wish.key, LATE))
            else:
                return None
        for wish in due:
            self._answers.pop(wish.key, None)
        return found

    def unanswered(self, wishes: Sequence[Wish]) -> list[Wish]:
        """Those that somebody still has to look at."""
        return [wish for wish in wishes if wish.key not in self._answers and self._process_of(wish) not in self._lost]

    def passed(self, index: int) -> None:
        """The reader is past this frame."""
        self._after = index

    def close(self) -> None:
        """Close the journals."""
        for reader in self._readers.values():
            reader.close()

    def _process_of(self, wish: Wish) -> str:
        return f"{wish.classifier}/{wish.track_id % self._processes.get(wish.classifier, 1)}"

"""What classifiers said about one camera in a run, given to the alert stage again before the same frames."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.journal.answers import AnswersReader
from pipeline.messages import AnswersHeader, Frame, Missed, WishKey
from pipeline.stage import Alert, Fact

JOINED = "joined"
"""As ``pipeline.desk`` says it."""
NEVER_ASKED = "never_asked"
"""Other rules may remember objects for longer, and wish for what the run did not."""


class StoredAnswers:
    """All answers of one camera."""

    def __init__(self, camera: str, journals: Sequence[Path], missed: Sequence[Missed], *, live: bool) -> None:
        """``missed``: what did not count in the run. Raises ``LogError`` for a damaged journal."""
        self._camera = camera
        self._facts: dict[WishKey, Fact] = {}
        self._joining: list[tuple[int, AnswersHeader]] = []
        headers: dict[str, AnswersHeader] = {}
        for path in sorted(journals):
            reader = AnswersReader(path)
            try:
                for entry in reader.read():
                    if isinstance(entry, AnswersHeader):
                        headers.setdefault(entry.classifier, entry)
                    else:
                        self._facts.setdefault(entry.key, entry)
            finally:
                reader.close()
        joined = {fact.classifier: fact.index for fact in missed if fact.reason == JOINED}
        for name, header in headers.items():
            if not live or name in joined:
                self._joining.append((joined.get(name, 0), header))
        self._facts |= {fact.key: fact for fact in missed if fact.reason != JOINED}

    @property
    def is_joined(self) -> bool:
        """Every classifier that took part does so by now."""
        return not self._joining

    def tell(self, alert: Alert, frame: Frame) -> None:
        """Have the alert stage learn what is due before this frame."""
        due: list[Fact] = [header for index, header in self._joining if index <= frame.index]
        if due:
            self._joining = [(index, header) for index, header in self._joining if index > frame.index]
        for wish in alert.wishes(self._camera):
            if wish.due_ns <= frame.media_ns:
                due.append(self._facts.get(wish.key) or Missed(*wish.key, NEVER_ASKED))
        if due:
            alert.learn(self._camera, due)

"""Carries out what users ask of a run: deletes events in the process that holds the chain, beside its other work."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.clock import SECOND, Clock
from pipeline.errors import BartizanError
from pipeline.integrity.witness import Witness
from pipeline.retention.pruned import Undertaker
from pipeline.retention.request import ANSWER, Answer, Request, answer_to, said_of, standing
from pipeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

EVERY_NS = SECOND // 5
"""Between two looks for a request: a busy process comes by far more often, and who asks waits ten seconds for it."""


class Requested:
    """Looks for requests in one folder of results."""

    def __init__(
        self,
        out: Path,
        witness: Witness,
        store: EventStore,
        clock: Clock,
        *,
        answer: Callable[[], None] = lambda: None,
        removed: Callable[[], None] = lambda: None,
    ) -> None:
        """``answer`` is called between two files, ``removed`` after files were deleted."""
        self._out = out
        self._witness = witness
        self._store = store
        self._clock = clock
        self._answer = answer
        self._removed = removed
        self._work: Iterator[None] | None = None
        self._due_ns = 0
        self._last = ""
        """Id of the request that was taken up last."""

    def step(self) -> bool:
        """Do a little of what is asked for; False when nothing is. Failures are told to who asked, and logged."""
        if self._work is None:
            now_ns = self._clock.monotonic_ns()
            if now_ns < self._due_ns:
                return False
            self._due_ns = now_ns + EVERY_NS
            try:
                request = standing(self._out)
            except (BartizanError, OSError) as error:
                logger.debug("%s", error)  # who asks hears that nobody takes it up
                return False
            if request is None or request.id == self._last:
                return False
            self._last = request.id
            self._work = self._carried_out(request)
        if next(self._work, _OVER) is _OVER:
            self._work = None
        return True

    def _carried_out(self, request: Request) -> Iterator[None]:
        told = before = Answer(id=request.id)
        try:
            told = before = said_of(self._out, request) or before  # by a process that was killed at it
            answer_to(self._out, told)
            self._witness.catch_up()
            undertaker = Undertaker(
                self._out, self._witness, self._clock, why=request.why, with_media=request.with_media
            )
            pruning = self._store.pruning(request.wanted, before_ns=request.before_ns, with_dead=request.with_dead)
            for events, messages in pruning.steps(undertaker.tell):
                told = Answer(id=request.id, events=before.events + events, messages=before.messages + messages)
                answer_to(self._out, told)
                yield None
                if standing(self._out) != request:
                    logger.warning("prune: nobody waits for it any more: ended after %d events", events)
                    break
            files, size = undertaker.remove_files(self._answer)
            self._removed()
            told = Answer(
                id=request.id, events=told.events, messages=told.messages, files=files, size=size, is_over=True
            )
            self._conclude(request, told)
        except (BartizanError, OSError) as error:
            logger.warning("prune: %s", error)
            self._give_up(request, told, str(error))
        else:
            logger.info("%s: deleted %d events, %d files", request.why, told.events, told.files)

    def _conclude(self, request: Request, over: Answer) -> None:
        """The last answer, which does not stay where nobody waits for it. Raises ``OSError``."""
        answer_to(self._out, over)
        try:
            awaited = standing(self._out) == request
        except (BartizanError, OSError):
            awaited = False
        if not awaited:
            (self._out / ANSWER).unlink(missing_ok=True)

    def _give_up(self, request: Request, told: Answer, why: str) -> None:
        over = Answer(id=told.id, events=told.events, messages=told.messages, is_over=True, error=why)
        try:
            self._conclude(request, over)
        except OSError as error:
            logger.warning("prune: cannot be answered: %s", error.strerror)


_OVER = object()

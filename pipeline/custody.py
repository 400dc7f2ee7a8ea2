"""What the process that holds the chain does for it beside its other work: it takes note of what is new, deletes what
is not to be kept any more, and deletes what users ask for."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Self

from pipeline.clock import Clock
from pipeline.configuration.config import PipelineConfig
from pipeline.integrity.witness import Witness, witness
from pipeline.retention.requested import Requested
from pipeline.retention.sweep import Sweep
from pipeline.store.event_store import EventStore

logger = logging.getLogger(__name__)


class Custody:
    """Of the evidence of one folder of results. Where the chain cannot be written, its entries wait."""

    def __init__(self, witness: Witness, sweep: Sweep | None = None, requested: Requested | None = None) -> None:
        """``sweep`` deletes what is not to be kept, ``requested`` what users ask for."""
        self.witness = witness
        self._sweep = sweep
        self._requested = requested
        self._is_unnoted = False
        """It has been said that the chain cannot be written."""

    @classmethod
    def open(
        cls, out: Path, config: PipelineConfig, store: EventStore, clock: Clock, answer: Callable[[], None]
    ) -> Self:
        """``answer`` is called now and then while there is much to do. Raises ``CannotStart``."""
        by = witness(out, store, config.integrity.key, clock, answer)
        sweep = Sweep(out, config.retention, by, store, clock, answer)
        return cls(by, sweep, Requested(out, by, store, clock, answer=answer, removed=sweep.recount))

    def take_note(self) -> None:
        """Of what is new."""
        try:
            self.witness.catch_up()
        except OSError as error:
            if not self._is_unnoted:
                logger.warning("the chain cannot be written, its entries wait: %s", error.strerror)
            self._is_unnoted = True
        else:
            self._is_unnoted = False

    def sweep(self) -> None:
        """Delete some of what is not to be kept."""
        if self._sweep is not None:
            self._sweep.look()

    def step(self) -> bool:
        """Delete a little of what users ask for; False when nothing is asked."""
        return self._requested is not None and self._requested.step()

    def close(self) -> None:
        """Close the chain."""
        try:
            self.witness.close()
        except OSError as error:
            logger.warning("the chain's end waits for the next run: %s", error.strerror)

"""Builds the stages of one process from the configuration: names become classes here, and nowhere earlier."""

import logging
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.clock import SECOND, Clock
from pipeline.configuration.config import ClassifyConfig, PipelineConfig, RuleConfig, SinkConfig, StageConfig
from pipeline.errors import DeliveryError, StoreError
from pipeline.journal.log import LogReader
from pipeline.messages import EngineRecord, Event
from pipeline.registry import (
    ALERTS,
    CAPTURES,
    CLASSIFIERS,
    DETECTORS,
    EVIDENCE,
    MEASUREMENTS,
    RULES,
    SINKS,
    TRACKERS,
    resolve,
)

if TYPE_CHECKING:
    from pipeline.spec import RunSpec
    from pipeline.stage import Alert, Asking, Capture, Classify, Detector, Evidence, Sink, Tracker
    from pipeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

CLASSIFY_STAGE = "stages.classify.stage:classify_stage"
OPEN_SOURCE = "stages.capture.sources:open_source"
DELIVER_DUE = "stages.deliver.outbox:deliver_due"
GOVERNED_OUTBOX = "stages.deliver.governed:GovernedOutbox"
ROUTER = "stages.deliver.routing:Router"
RETRY_OPTIONS = "stages.deliver.options:RetryOptions"
WRITE_TRACKS = "stages.track.export:write_tracks"


def build_capture(config: PipelineConfig, camera: str, clock: Clock) -> "Capture":
    """The capture stage of one camera, not yet opened."""
    options = config.cameras[camera]
    source = resolve(OPEN_SOURCE, {})(options, clock)
    kind = resolve("camera", CAPTURES)
    capture: Capture = kind(
        options,
        camera=camera,
        source=source,
        clock=clock,
        foreground=config.detect.kind == "motion",
        measurements={name: resolve(name, MEASUREMENTS)(options) for name in sorted(needs(config, camera))},
    )
    return capture


def needs(config: PipelineConfig, camera: str) -> set[str]:
    """What the rules of a camera have its capture measure, by names of ``MEASUREMENTS``."""
    options = [rule.options for rule in config.rules if camera in rule.cameras]
    return {name for each in options for name in getattr(each, "needs", ())}


def build_detector(config: PipelineConfig) -> "Detector":
    """The detector of a worker, loaded and ready."""
    detector: Detector = resolve(config.detect.kind, DETECTORS)(config.detect.options)
    return detector


class Alerting(Protocol):
    """The part of a configuration that decides what comes of the logs."""

    @property
    def track(self) -> StageConfig:
        """The tracker."""
        ...

    @property
    def alert(self) -> StageConfig:
        """The alert stage."""
        ...

    @property
    def rules(self) -> tuple[RuleConfig, ...]:
        """All of them; each names its cameras."""
        ...

    @property
    def classify(self) -> tuple[ClassifyConfig, ...]:
        """All of them; each names its cameras."""
        ...

    @property
    def clips(self) -> Collection[str]:
        """Cameras whose events have clips."""
        ...


def build_alert(
    config: Alerting, *, trackers: "Callable[[str], Tracker] | None" = None, exact: bool = False
) -> "Alert":
    """The alert stage with its rules, and a tracker for each camera: the configured one, or what ``trackers`` gives.

    ``exact``: what rules follow must be what the log names, or it is an error.
    """
    rules = [resolve(rule.kind, RULES)(rule.options) for rule in config.rules]
    also: dict[str, Any] = {"classifiers": [asking(item) for item in config.classify]} if config.classify else {}
    if config.clips:
        also["clips"] = config.clips
    if exact and any(getattr(rule.options, "follows", {}) for rule in config.rules):
        also["exact"] = True
    made = trackers or partial(build_tracker, config)
    alert: Alert = resolve(config.alert.kind, ALERTS)(config.alert.options, rules=rules, trackers=made, **also)
    return alert


def build_tracker(config: Alerting, _camera: str) -> "Tracker":
    """The tracker of a camera."""
    tracker: Tracker = resolve(config.track.kind, TRACKERS)(config.track.options)
    return tracker


def asking(item: ClassifyConfig) -> "Asking":
    """When a classifier is asked, and about what."""
    from pipeline.stage import Asking

    when = item.when
    return Asking(
        name=item.name,
        cameras=item.cameras,
        classes=when.classes,
        delay_ns=round(when.delay_s * SECOND),
        every_ns=round(when.every_s * SECOND),
        settled_ns=round(when.settled_every_s * SECOND),
        min_px=when.min_px,
    )


def build_classifier(item: ClassifyConfig) -> "Callable[..., Classify]":
    """A classifier, loaded once; what is returned makes the stage of a camera: ``make(live=...)``."""
    model = resolve(item.kind, CLASSIFIERS)(item.options)
    return partial(resolve(CLASSIFY_STAGE, {}), model)


def build_evidence(config: PipelineConfig) -> "Evidence":
    """The stage that draws snapshots."""
    evidence: Evidence = resolve(config.evidence.kind, EVIDENCE)(config.evidence.options)
    return evidence


@dataclass(slots=True)
class BuiltSink:
    """A sink and how to deliver to it."""

    config: SinkConfig
    sink: "Sink"
    live: bool
    clock: Clock
    retry: Any
    deliver_due: Callable[..., Any]
    govern: "Callable[[EventStore], Any] | None" = None
    """Makes the outbox that a governor watches over."""
    _governed: Any = None
    _looks_back: bool = False
    _is_away: bool = False
    """It could not connect, and has not taken anything since."""
    _failing: set[str] = field(default_factory=set)
    """Cameras of which a message failed and waits for another try."""

    @property
    def name(self) -> str:
        """Unique in the configuration."""
        return self.config.name

    def deliver(
        self,
        store: "EventStore",
        *,
        limit: int,
        go_on: Callable[[], bool] = lambda: True,
        note: Callable[[Callable[[], None]], None] | None = None,
    ) -> bool:
        """Send what is due, at most ``limit`` messages and as many digests, none after ``go_on`` said no; False when
        there was nothing to do. ``note`` writes down what became of each. Raises ``StoreError``."""
        try:
            return self._due(store, limit=limit, go_on=go_on, **({} if note is None else {"note": note}))
        except StoreError:
            self._governed = None  # it may have gone by what is not written: the log of decisions says what is
            raise

    def _due(self, store: "EventStore", **how: Any) -> bool:
        if not self._looks_back and hasattr(self.sink, "look_back"):
            from pipeline.store.past import Past

            self.sink.look_back(Past(store, self.name))
            self._looks_back = True
        if self.govern is not None and self._governed is None:
            self._governed = self.govern(store)
        sifted = self._governed.sifted if self._governed else 0
        messages = self._deliver(store if self._governed is None else self._governed, how)
        digests = self._deliver(store.digests, how)
        return messages or digests or (self._governed is not None and self._governed.sifted > sifted)

    @property
    def is_troubled(self) -> bool:
        """Whether a message failed, and waits for another try."""
        return bool(self._failing)

    def hurry(self, store: "EventStore", *, longest_s: float) -> None:
        """Nobody has much time left: try now what waits for its next attempt, and wait no longer than this for one."""
        longest_s = min(self.retry.longest_s, longest_s)
        first_s = min(self.retry.first_s, longest_s)
        self.retry = self.retry.model_copy(update={"longest_s": longest_s, "first_s": first_s})
        store.hasten(self.name)

    def flush(self) -> bool:
        """Have the governor tell now what it kept back; False if there is nothing. Raises ``StoreError``."""
        try:
            return self._governed is not None and bool(self._governed.flush())
        except StoreError:
            self._governed = None
            raise

    def _deliver(self, outbox: Any, how: dict[str, Any]) -> bool:
        tally = self.deliver_due(
            outbox,
            self.config.name,
            self.sink,
            retry=self.retry,
            live=self.live,
            clock=self.clock,
            random=random.random,
            **how,
        )
        self._say(tally)
        return bool(tally.delivered or tally.failed or tally.dead)

    def _say(self, tally: Any) -> None:
        """Log when deliveries begin to fail, and when those of all cameras work again."""
        was_troubled = self._is_away or bool(self._failing)
        self._failing = (self._failing - tally.freed) | tally.held
        self._is_away = self._is_away and not tally.delivered
        if tally.failed and not was_troubled:
            logger.warning("sink %s: %s; it is tried again", self.name, tally.error)
        elif tally.delivered and was_troubled and not self._failing:
            logger.info("sink %s delivers again", self.name)

    def open(self) -> bool:
        """Have the sink connect, where it does so ahead; whether it could."""
        opens = getattr(self.sink, "open", None)
        try:
            if opens is not None:
                opens()
        except DeliveryError as error:
            if not self._is_away and not self._failing:
                logger.warning("sink %s: %s; it is tried again", self.name, error)
                self._is_away = True
            return False
        if self._is_away:
            logger.info("sink %s is there again", self.name)
            self._is_away = False
        return True

    def close(self) -> None:
        """Let go of connections."""
        if self._governed is not None and (untold := self._governed.untold):
            said = "sink %s: %d events that were kept from it are in no digest yet; it comes when the schedule opens"
            logger.info(said, self.name, untold)
        self.sink.close()


def build_sinks(config: PipelineConfig, clock: Clock, out: Path | None = None) -> list[BuiltSink]:
    """All sinks of the configuration. ``out``: the result folder, for those that attach pictures."""
    live = any(config.is_live(camera) for camera in config.cameras)
    deliver_due, usual = resolve(DELIVER_DUE, {}), resolve(RETRY_OPTIONS, {})()

    def built(sink: SinkConfig) -> BuiltSink:
        retry = getattr(sink.options, "retry", usual)
        govern = _governor(config, sink, clock, live=live)
        made = resolve(sink.kind, SINKS)(sink.options)
        if out is not None and hasattr(made, "look_in"):
            made.look_in(out)
        if hasattr(made, "meet"):
            made.meet({camera: _watching(config, camera) for camera in config.cameras})
        return BuiltSink(sink, made, live, clock, retry, deliver_due, govern)

    return [built(sink) for sink in config.sinks]


def _watching(config: PipelineConfig, camera: str) -> list[tuple[str, str]]:
    """Kind and name of each rule that watches a camera, as its events say them."""
    rules = [rule for rule in config.rules if camera in rule.cameras]
    return [(rule.kind, getattr(rule.options, "title", rule.name)) for rule in rules]


def _governor(
    config: PipelineConfig, sink: SinkConfig, clock: Clock, *, live: bool
) -> "Callable[[EventStore], Any] | None":
    """What puts a governor before a sink; None where there is to be none."""
    if not config.governor.enabled or not getattr(sink.options, "governed", True):
        return None
    kind, schedule = resolve(GOVERNED_OUTBOX, {}), getattr(sink.options, "schedule", None)
    return lambda store: kind(
        store, store.decisions, sink.name, config.governor, clock=clock, live=live, schedule=schedule
    )


def route(config: PipelineConfig, store: "EventStore | None" = None) -> Callable[[Event], list[str]]:
    """Which sinks a message is sent to; what came of its event before is looked up in the store."""
    router = resolve(ROUTER, {})
    if store is None:
        made: Callable[[Event], list[str]] = router(config.sinks)
        return made

    def told(event_id: str) -> set[str]:
        return {delivery.sink for delivery in store.catalogue.deliveries(event_id)}

    made = router(config.sinks, history=store.messages, told=told)
    return made


def export_tracks(spec: "RunSpec", camera: str) -> Path:
    """Write the camera's spool as Parquet, gaps filled and marked."""
    from pipeline.spool import read as read_spool

    names, path = _class_names(spec.log_path(camera)), spec.tracks_path(camera)
    resolve(WRITE_TRACKS, {})(read_spool(spec.spool_path(camera)), names, path, fill=True)
    return path


def _class_names(log: Path) -> list[str]:
    """What the engine calls its classes; a live log may begin long before a worker is ready."""
    reader = LogReader(log)
    try:
        while batch := reader.read(4096):
            for record, _ in batch:
                if isinstance(record, EngineRecord):
                    return record.names
    finally:
        reader.close()
    return []

"""Runs that left their results, made without a process or a picture: scripted detections through the real stages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.build import build_alert
from pipeline.configuration.config import ClassifyConfig, RuleConfig, StageConfig
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.kinds import options_of
from pipeline.configuration.settings import ClassifyOptions
from pipeline.journal.answers import AnswersWriter
from pipeline.journal.log import LogWriter
from pipeline.messages import SCHEMA, Answer, AnswersHeader, Event, FrameRecord, LogHeader, Missed, Record, Wish
from pipeline.registry import ALERTS, CLASSIFIERS, RULES, TRACKERS
from pipeline.rehearsal.stored_answers import JOINED
from pipeline.spec import RunSpec
from pipeline.spool import Spool
from pipeline.stage import Alert, Fact
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.testing import Script, Walk

ZONE = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]]
LINE = [[0.5, 0.2], [0.5, 0.8]]
LAWN: dict[str, Any] = {"rule": "in_field", "name": "lawn", "zone": ZONE}
KERB: dict[str, Any] = {"rule": "line_crossed", "name": "kerb", "line": LINE}
WALKS = [
    Walk(stops=[(5, 0.1, 0.6), (14, 0.95, 0.6)]),
    Walk(stops=[(40, 0.9, 0.5), (45, 0.5, 0.5), (60, 0.45, 0.5), (64, 0.05, 0.5)], track=2),
]
SCRIPT = Script(walks=WALKS, seconds=90, fps=5, static=[(20.0, 30.0), (48.0, 52.0)], dropped=[(8.0, 8.6)])


def spec_of(out: Path, cameras: Sequence[str]) -> RunSpec:
    return RunSpec(
        config=b"", out=str(out), run_dir="", ring_dir="", endpoint="", analysis_sha256="", cameras=list(cameras)
    )


def kept_of(
    *rules: Mapping[str, Any], cameras: Mapping[str, bool], classify: tuple[ClassifyConfig, ...] = ()
) -> KeptAnalysis:
    """What a run of these rules would keep; ``cameras``: whether each is live."""
    options = [options_of(rule["rule"], RULES).model_validate(rule) for rule in rules]
    made = tuple(
        RuleConfig(rule["rule"], rule.get("name", rule["rule"]), tuple(rule.get("cameras", cameras)), each)
        for rule, each in zip(rules, options, strict=True)
    )
    return KeptAnalysis(
        covered={"cameras": list(cameras), "rules": []},
        cameras=cameras,
        track=StageConfig("bytetrack", options_of("bytetrack", TRACKERS)()),
        alert=StageConfig("rules", options_of("rules", ALERTS)()),
        classify=classify,
        rules=(),
    ).with_rules(made)


def colour(*cameras: str) -> ClassifyConfig:
    """A classifier of colours, asked half a second before its answer counts."""
    when = ClassifyOptions(name="colour", delay_s=0.5, every_s=1.0, min_px=1)
    return ClassifyConfig("colour", "colour", cameras, when, options_of("colour", CLASSIFIERS)())


def store_run(
    out: Path, kept: KeptAnalysis, scripts: Mapping[str, Script], *, upto: int | None = None, late: int = 0
) -> list[Event]:
    """What a run leaves in ``out``; its events. ``upto``: it has committed so many records of each camera by now.
    ``late``: so many answers of classifiers came too late, and classifiers joined at the eleventh frame (live)."""
    for name in ("logs", "tracks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    kept.write(out)
    alert, spec, told = build_alert(kept), spec_of(out, list(kept.cameras)), list[Event]()
    with EventStore.open(out / "events.db", analysis_sha256=kept.sha256, source_order=list(kept.cameras)) as store:
        for camera, script in scripts.items():
            records = script.records()
            header = LogHeader(SCHEMA, camera, kept.cameras[camera], kept.sha256, script.source_sha256)
            log = LogWriter.open(spec.log_path(camera), header)
            for record in records[1:]:
                log.append(record)
            log.close()
            answers = Answers(spec, kept, camera, late)
            spool = Spool(spec.spool_path(camera), 0)
            events: list[Event] = []
            for record in [header, *records[1:upto]]:
                events += _taken(alert, camera, record, spool, answers)
            spool.close()
            answers.close()
            position = Position(b"", 0, len(records[:upto]))
            store.commit(camera, events, position, lambda _event: [], missed=answers.missed)
            told += sorted(events, key=lambda event: (event.media_time, event.ordinal))
    return told


def _taken(alert: Alert, camera: str, record: Record, spool: Spool, answers: "Answers") -> list[Event]:
    if isinstance(record, FrameRecord):
        alert.learn(camera, answers.due(alert.wishes(camera), record))
    outcome = alert.process(camera, [record])
    spool.append(outcome.tracked)
    return outcome.events


class Answers:
    """A classifier that says of everybody that he is red."""

    def __init__(self, spec: RunSpec, kept: KeptAnalysis, camera: str, late: int) -> None:
        self._live, self._late = kept.cameras[camera], late
        self._camera = camera
        self.missed: list[Missed] = []
        self._header: AnswersHeader | None = None
        self._journal: AnswersWriter | None = None
        if any(camera in item.cameras for item in kept.classify):
            self._header = AnswersHeader(SCHEMA, camera, "colour", kept.sha256, {"name": "x"}, ["red", "blue"])
            self._journal = AnswersWriter.open(spec.answers_path(camera, "colour", 0), self._header)

    def due(self, wishes: Sequence[Wish], record: FrameRecord) -> list[Fact]:
        facts: list[Fact] = []
        if self._header is not None and (not self._live or record.frame.index == 10):
            facts.append(self._header)
            self._header = None
            if self._live:
                self.missed.append(Missed(record.frame.index, -1, "colour", JOINED))
        for wish in wishes:
            if wish.due_ns <= record.frame.media_ns and self._journal is not None:
                answer = Answer(wish.index, wish.track_id, "colour", {"red": 0.9, "blue": 0.1})
                self._journal.append(answer)
                if self._late > 0:
                    self._late -= 1
                    self.missed.append(Missed(*wish.key, "late"))
                    facts.append(self.missed[-1])
                else:
                    facts.append(answer)
        return facts

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

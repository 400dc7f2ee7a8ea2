"""Stored runs of a camera, judged again by another generation of its model of normal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lab.normal.witness import KIND as WITNESS
from lab.normal.witness import WitnessOptions
from pipeline.configuration.config import RuleConfig
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.suggestions import listed
from pipeline.errors import CannotStart, UsageError
from pipeline.messages import Event
from pipeline.rehearsal.difference import compare
from pipeline.rehearsal.rehearsal import rehearse
from pipeline.rehearsal.window import Window
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from stages.alert.options import RuleOptions
from stages.alert.rules.anomaly import AnomalyOptions

ANOMALY = "anomaly"


@dataclass(frozen=True)
class Past:
    """One camera in the results of a run."""

    out: Path
    camera: str
    folder: Path
    """Of the camera's model of normal."""
    kept: KeptAnalysis
    raised: list[Event]
    """What its rules raised, or where one only shadows, what that would have raised if it had been armed."""
    is_shadow: bool
    """A rule shadowed."""

    @classmethod
    def of(cls, out: Path, camera: str, folder: Path) -> Self:
        """Raises ``UsageError`` for results in which no rule of the camera goes by this model."""
        kept = KeptAnalysis.read(out)
        if camera not in kept.cameras:
            raise UsageError(f"--results {out}: has no camera {camera}; cameras there: {listed(kept.cameras)}")
        folder = folder.resolve()
        own = [rule for rule in kept.rules if camera in rule.cameras and _goes_by(rule.options, folder)]
        if not own:
            raise UsageError(f"--results {out}: no rule of camera {camera} goes by the model of normal in {folder}")
        modes = {getattr(rule.options, "mode", "armed") for rule in own if rule.kind == ANOMALY}
        if modes & {"shadow", "learning"}:
            kept = kept.with_rules(tuple(_with(rule, camera, folder, None) for rule in kept.rules))
            return cls(out, camera, folder, kept, rehearse(out, kept, cameras=[camera], window=Window()).told, True)
        raised = _raised(out, camera)
        silent = _silent(out, kept, camera, folder, raised) if "auto" in modes else []
        return cls(out, camera, folder, kept, [*raised, *silent], bool(silent))

    def judged(self, generation: Path) -> list[Event]:
        """What would be raised by the generation in this folder."""
        return self._told(tuple(_with(rule, self.camera, self.folder, generation) for rule in self.kept.rules))

    def witnessed(
        self, generation: Path, name: str, *, since: float, until: float
    ) -> tuple[list[Event], WitnessOptions]:
        """The same, and the rule of this name with a book of what it saw between two moments (media time)."""
        rules = [_with(rule, self.camera, self.folder, generation) for rule in self.kept.rules]
        for place, rule in enumerate(rules):
            if rule.name == name and self.camera in rule.cameras and isinstance(rule.options, AnomalyOptions):
                options = WitnessOptions.beside(rule.options, since=since, until=until)
                rules[place] = RuleConfig(WITNESS, rule.name, rule.cameras, options)
                return self._told(tuple(rules)), options
        raise UsageError(f"{self.out}: has no rule {name!r} of kind {ANOMALY}")

    def _told(self, rules: Sequence[RuleConfig]) -> list[Event]:
        return rehearse(self.out, self.kept.with_rules(tuple(rules)), cameras=[self.camera], window=Window()).told


def _silent(out: Path, kept: KeptAnalysis, camera: str, folder: Path, raised: Sequence[Event]) -> list[Event]:
    """What rules that arm themselves would have raised in the time in which they were in shadow: by the generations
    that the log names, or where one of them is gone by the one in use."""
    as_logged = {"mode": "armed", "online": True}
    try:
        told = rehearse(out, _armed(kept, camera, folder, as_logged), cameras=[camera], window=Window()).told
    except CannotStart:
        now = {"mode": "armed", "online": False}
        told = rehearse(out, _armed(kept, camera, folder, now), cameras=[camera], window=Window()).told
    pairs = compare(raised, [each for each in told if each.rule == ANOMALY])
    return [event for pair in pairs if pair.raised is None and pair.told for event in pair.told.messages]


def _armed(kept: KeptAnalysis, camera: str, folder: Path, wanted: Mapping[str, Any]) -> KeptAnalysis:
    return kept.with_rules(
        tuple(
            RuleConfig(rule.kind, rule.name, rule.cameras, _changed(rule.options, folder, wanted))
            if camera in rule.cameras and isinstance(rule.options, RuleOptions)
            else rule
            for rule in kept.rules
        )
    )


def _raised(out: Path, camera: str) -> list[Event]:
    """What a run raised, as far as it has come."""
    with EventStore.open(find_address(out), analysis_sha256=None) as store:
        _, last = store.reached()
        return [row.event for row in store.events("content") if row.number <= last and row.event.camera == camera]


def _goes_by(options: Any, folder: Path) -> bool:
    """Whether a rule, or a part of it, has a generation of the model in this folder, or the folder itself."""
    normal = getattr(options, "normal", None)
    if isinstance(normal, Path) and folder in (normal.resolve(), normal.resolve().parent.parent):
        return True
    return any(_goes_by(part, folder) for part in getattr(options, "parts", ()))


def _with(rule: RuleConfig, camera: str, folder: Path, generation: Path | None) -> RuleConfig:
    """The rule, armed, with another generation if it goes by this model; None: with its own."""
    if camera not in rule.cameras or not isinstance(rule.options, RuleOptions):
        return rule
    wanted: dict[str, Any] = {"mode": "armed", "online": False}
    if generation is not None:
        wanted["normal"] = generation
    return RuleConfig(rule.kind, rule.name, rule.cameras, _changed(rule.options, folder, wanted))


def _changed(options: RuleOptions, folder: Path, wanted: Mapping[str, Any]) -> RuleOptions:
    if options.parts:
        return options.model_copy(update={"of": tuple(_changed(part, folder, wanted) for part in options.parts)})
    if not _goes_by(options, folder):
        return options
    return options.model_copy(update={key: value for key, value in wanted.items() if key in type(options).model_fields})

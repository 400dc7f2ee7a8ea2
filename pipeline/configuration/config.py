"""The configuration, read and resolved: what a run is made of.

``pipeline.configuration.loading`` makes one from a YAML file, ``pipeline.configuration.defaults`` from arguments
alone. ``to_spec`` and ``from_spec`` carry it into child processes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from pipeline.configuration.kinds import DEFAULT_KINDS, KIND_TABLES, options_of
from pipeline.configuration.retention import RetentionOptions
from pipeline.configuration.secrets import secrets_in
from pipeline.configuration.settings import (
    ClassifyOptions,
    DispatchOptions,
    GovernorOptions,
    IntegrityOptions,
    LinkOptions,
    LogOptions,
    MetricsOptions,
    StoreOptions,
    SupervisorOptions,
)
from pipeline.configuration.source_paths import is_network
from pipeline.redaction import register_secret, registered_secrets
from pipeline.registry import CLASSIFIERS, DETECTORS, RULES

DEFAULT_OUT = Path("results")


@dataclass(frozen=True, slots=True)
class StageConfig:
    """A stage: its kind, the options of that kind, and how many processes share its work."""

    kind: str
    options: BaseModel
    workers: int = 1


@dataclass(frozen=True, slots=True)
class ClassifyConfig:
    """A classifier, and the cameras it looks at: always named, never empty. ``name`` is unique."""

    kind: str
    name: str
    cameras: tuple[str, ...]
    when: ClassifyOptions
    options: BaseModel

    @property
    def workers(self) -> int:
        """How many processes share its work."""
        return self.when.workers


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """What is recorded of some cameras: always named, never empty."""

    cameras: tuple[str, ...]
    source: str
    """Where the video that is kept comes from (the camera's main stream); empty: where analysis has its own."""
    options: BaseModel

    def shares(self, source: str) -> bool:
        """Whether the frames that analysis has of ``source``, were it live, are what is recorded."""
        connection = getattr(self.options, "connection", None)
        return not self.source and (connection or ("own" if is_network(source) else "shared")) == "shared"

    @property
    def mode(self) -> str:
        """What is kept: ``events``, ``continuous`` or ``off``."""
        return str(getattr(self.options, "mode", "events"))


@dataclass(frozen=True, slots=True)
class RuleConfig:
    """A rule, and the cameras it watches: always named, never empty."""

    kind: str
    name: str
    cameras: tuple[str, ...]
    options: BaseModel


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """A place where events go; ``name`` is unique in the configuration."""

    kind: str
    name: str
    options: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    """Everything a run needs, validated. Paths to sources and weights are absolute, ``out`` is as the user wrote it.

    Relative sources and weights of a YAML file belong to its folder (``base``), so that a configuration works from
    anywhere; those on the command line, and ``out`` always, belong to the working directory.
    """

    base: Path
    cameras: dict[str, BaseModel]
    """In the order of the YAML: the source order of events."""
    detect: StageConfig
    track: StageConfig
    alert: StageConfig
    evidence: StageConfig
    rules: tuple[RuleConfig, ...]
    classify: tuple[ClassifyConfig, ...] = ()
    record: tuple[RecordConfig, ...] = ()
    sinks: tuple[SinkConfig, ...] = ()
    out: Path = DEFAULT_OUT
    dispatch: DispatchOptions = field(default_factory=DispatchOptions)
    governor: GovernorOptions = field(default_factory=GovernorOptions)
    integrity: IntegrityOptions = field(default_factory=IntegrityOptions)
    retention: RetentionOptions = field(default_factory=RetentionOptions)
    store: StoreOptions = field(default_factory=StoreOptions)
    supervisor: SupervisorOptions = field(default_factory=SupervisorOptions)
    metrics: MetricsOptions = field(default_factory=MetricsOptions)
    logs: LogOptions = field(default_factory=LogOptions)
    links: LinkOptions = field(default_factory=LinkOptions)

    def is_live(self, camera: str) -> bool:
        """Whether the camera's frames are lost when nobody takes them in time; a recording waits."""
        return bool(getattr(self.cameras[camera], "live", False))

    def recorded(self, camera: str) -> RecordConfig | None:
        """What is recorded of a camera; None: nothing."""
        return next((item for item in self.record if camera in item.cameras), None)

    def is_shared(self, camera: str) -> bool:
        """Whether a live camera's recording is made of the frames that analysis has."""
        item, source = self.recorded(camera), str(getattr(self.cameras[camera], "source", ""))
        return item is not None and item.mode != "off" and self.is_live(camera) and item.shares(source)

    @property
    def clips(self) -> frozenset[str]:
        """Cameras whose events have clips."""
        recorded = (camera for item in self.record for camera in item.cameras if item.mode != "off")
        return frozenset(recorded)

    def register_secrets(self) -> None:
        """Have ``redact`` hide every secret that the options hold; call it once in each process."""
        for secret in self._secrets():
            register_secret(secret)

    def _secrets(self) -> list[str]:
        options_of_all: list[BaseModel] = [*self.cameras.values(), self.links, self.store]
        options_of_all += [stage.options for stage in (self.detect, self.track, self.alert, self.evidence)]
        options_of_all += [item.options for item in self.classify] + [item.options for item in self.record]
        options_of_all += [rule.options for rule in self.rules] + [sink.options for sink in self.sinks]
        return [secret for options in options_of_all for secret in secrets_in(options)]

    def to_spec(self) -> bytes:
        """As JSON for a child process. **Holds secrets in plain text**: only for a file that its owner alone reads."""
        spec: dict[str, Any] = {"base": str(self.base), "out": str(self.out)}
        spec["secrets"] = list(dict.fromkeys([*self._secrets(), *registered_secrets()]))
        spec["cameras"] = [[name, plain(options)] for name, options in self.cameras.items()]
        for name in STAGES:
            spec[name] = stage_to_spec(getattr(self, name))
        spec["classify"] = classify_to_spec(self.classify)
        spec["rules"] = rules_to_spec(self.rules)
        spec["record"] = [
            {"cameras": item.cameras, "source": item.source, "options": plain(item.options)} for item in self.record
        ]
        spec["sinks"] = [{"kind": sink.kind, "name": sink.name, "options": plain(sink.options)} for sink in self.sinks]
        spec |= {name: plain(getattr(self, name)) for name in SETTINGS}
        return json.dumps(spec).encode()

    @staticmethod
    def from_spec(spec: bytes) -> "PipelineConfig":
        """The inverse of ``to_spec``, each part read when it is asked for; registers the secrets for redaction."""
        from pipeline.configuration.carried import CarriedConfig

        return CarriedConfig.of(spec)


STAGES = {"detect": DETECTORS, **{name: KIND_TABLES[name] for name in DEFAULT_KINDS}}
"""The stages that have a kind, and the tables of their kinds."""

SETTINGS: dict[str, type[BaseModel]] = {
    "dispatch": DispatchOptions,
    "governor": GovernorOptions,
    "integrity": IntegrityOptions,
    "retention": RetentionOptions,
    "store": StoreOptions,
    "supervisor": SupervisorOptions,
    "metrics": MetricsOptions,
    "logs": LogOptions,
    "links": LinkOptions,
}
"""The sections that belong to the machine."""


def stage_to_spec(stage: StageConfig) -> dict[str, Any]:
    """A stage as JSON has it; secrets in plain text."""
    return {"kind": stage.kind, "workers": stage.workers, "options": plain(stage.options)}


def stage_from_spec(spec: Mapping[str, Any], table: dict[str, str]) -> StageConfig:
    """The inverse of ``stage_to_spec``. Raises ``UsageError`` for an unknown kind."""
    return StageConfig(spec["kind"], options_from_spec(spec, table), spec["workers"])


def classify_to_spec(classify: Sequence[ClassifyConfig]) -> list[dict[str, Any]]:
    """Classifiers as JSON has them; secrets in plain text."""
    return [
        {
            "kind": item.kind,
            "name": item.name,
            "cameras": item.cameras,
            "when": plain(item.when),
            "options": plain(item.options),
        }
        for item in classify
    ]


def classify_from_spec(spec: Sequence[Mapping[str, Any]]) -> tuple[ClassifyConfig, ...]:
    """The inverse of ``classify_to_spec``. Raises ``UsageError`` for an unknown kind."""
    return tuple(
        ClassifyConfig(
            item["kind"],
            item["name"],
            tuple(item["cameras"]),
            ClassifyOptions.model_validate(item["when"]),
            options_from_spec(item, CLASSIFIERS),
        )
        for item in spec
    )


def rules_to_spec(rules: Sequence[RuleConfig]) -> list[dict[str, Any]]:
    """Rules as JSON has them; secrets in plain text."""
    return [
        {"kind": rule.kind, "name": rule.name, "cameras": rule.cameras, "options": plain(rule.options)}
        for rule in rules
    ]


def rules_from_spec(spec: Sequence[Mapping[str, Any]]) -> tuple[RuleConfig, ...]:
    """The inverse of ``rules_to_spec``. Raises ``UsageError`` for an unknown kind."""
    return tuple(
        RuleConfig(rule["kind"], rule["name"], tuple(rule["cameras"]), options_from_spec(rule, RULES)) for rule in spec
    )


def options_from_spec(spec: Mapping[str, Any], table: dict[str, str]) -> BaseModel:
    """The options of a spec with a ``kind``. Raises ``UsageError`` for an unknown one."""
    return options_of(spec["kind"], table).model_validate(spec["options"])


def plain(options: BaseModel) -> dict[str, Any]:
    """The values of options as JSON has them, secrets in plain text."""
    values: dict[str, Any] = _plain(options.model_dump(mode="python"))
    return values


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case set() | frozenset():
            return sorted(_plain(inner) for inner in value)
        case _:
            return to_jsonable_python(value)

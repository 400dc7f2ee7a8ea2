"""What could be read of a configuration."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.configuration.config import (
    DEFAULT_OUT,
    ClassifyConfig,
    PipelineConfig,
    RecordConfig,
    RuleConfig,
    SinkConfig,
    StageConfig,
)
from pipeline.configuration.faults import KeyPath
from pipeline.configuration.yaml_source import Document


@dataclass
class Sections:
    """What could be read. Items keep their place in the document (name or index), for faults that come later."""

    document: Document
    base: Path
    cameras: dict[str, BaseModel] = field(default_factory=dict)
    stages: dict[str, StageConfig] = field(default_factory=dict)
    classify: dict[int, ClassifyConfig] = field(default_factory=dict)
    record: dict[int, RecordConfig] = field(default_factory=dict)
    rules: dict[int, RuleConfig] = field(default_factory=dict)
    sinks: dict[int, SinkConfig] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    out: Path = DEFAULT_OUT

    @property
    def camera_names(self) -> list[str]:
        """Every camera that the user named, valid or not: rules and sinks may refer to it."""
        cameras = self.document.data.get("cameras")
        return list(cameras) if isinstance(cameras, dict) else []

    def config(self) -> PipelineConfig:
        """The configuration of what could be read; only whole where the stages have no fault."""
        parts: dict[str, Any] = {**self.stages, **self.settings}
        return PipelineConfig(
            base=self.base,
            cameras=self.cameras,
            classify=tuple(self.classify.values()),
            record=tuple(self.record.values()),
            rules=tuple(self.rules.values()),
            sinks=tuple(self.sinks.values()),
            out=self.out,
            **parts,
        )

    def stage_path(self, name: str, index: int) -> KeyPath:
        """Where a classifier, or what is recorded of some cameras, stands in the document: one alone needs no list."""
        stages = self.document.data.get("stages")
        is_list = isinstance(stages, dict) and isinstance(stages.get(name), list)
        return ("stages", name, index) if is_list else ("stages", name)

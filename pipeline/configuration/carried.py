"""The configuration as a child process has it: each part is read when it is first asked for.

Most processes need few of them, and a part brings the modules of whatever it configures. The supervisor has validated
all of it before.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from pipeline.configuration.config import (
    SETTINGS,
    STAGES,
    PipelineConfig,
    RecordConfig,
    SinkConfig,
    classify_from_spec,
    options_from_spec,
    rules_from_spec,
    stage_from_spec,
)
from pipeline.configuration.kinds import camera_options, record_options
from pipeline.redaction import register_secret
from pipeline.registry import SINKS


class CarriedConfig(PipelineConfig):
    """Made by ``of``. Asking for a part raises ``UsageError`` where its kind is unknown."""

    __slots__ = ("_spec",)

    @classmethod
    def of(cls, spec: bytes) -> Self:
        """What ``PipelineConfig.to_spec`` wrote; registers its secrets for redaction."""
        config = cls.__new__(cls)
        object.__setattr__(config, "_spec", json.loads(spec))
        for secret in config._spec["secrets"]:
            register_secret(secret)
        return config

    def __getattr__(self, name: str) -> Any:
        """A part that nobody has asked for yet."""
        if name.startswith("_"):
            raise AttributeError(name)
        value = _read(name, self._spec)
        object.__setattr__(self, name, value)
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PipelineConfig) and all(
            getattr(self, each.name) == getattr(other, each.name) for each in fields(PipelineConfig)
        )

    __hash__ = None  # type: ignore[assignment]  # mappings are among its parts, as in what it stands for


def _read(name: str, spec: Mapping[str, Any]) -> Any:
    if name in SETTINGS:
        return SETTINGS[name].model_validate(spec[name])
    if name in STAGES:
        return stage_from_spec(spec[name], STAGES[name])
    match name:
        case "base" | "out":
            return Path(spec[name])
        case "cameras":
            camera = camera_options()
            return {name: camera.model_validate(options) for name, options in spec["cameras"]}
        case "classify":
            return classify_from_spec(spec["classify"])
        case "rules":
            return rules_from_spec(spec["rules"])
        case "record":
            return tuple(
                RecordConfig(tuple(item["cameras"]), item["source"], record_options().model_validate(item["options"]))
                for item in spec["record"]
            )
        case "sinks":
            return tuple(
                SinkConfig(item["kind"], item["name"], options_from_spec(item, SINKS)) for item in spec["sinks"]
            )
        case _:
            raise AttributeError(name)

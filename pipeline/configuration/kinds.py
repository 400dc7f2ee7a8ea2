"""From the name of a kind to the options it takes, without importing anything that is not asked for."""

from pydantic import BaseModel

from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.errors import UsageError
from pipeline.registry import ALERTS, EVIDENCE, TRACKERS, Table, resolve

CAMERA_OPTIONS = "stages.capture.options:CameraOptions"
RECORD_OPTIONS = "stages.record.options:RecordOptions"
DEFAULT_KINDS = {"track": "bytetrack", "alert": "rules", "evidence": "snapshot"}
"""Stages that always run, and the kind that they are unless the YAML says otherwise."""
KIND_TABLES: dict[str, Table] = {"track": TRACKERS, "alert": ALERTS, "evidence": EVIDENCE}
_OPTIONS = {
    "bytetrack": "stages.track.options:TrackOptions",
    "rules": "stages.alert.options:AlertOptions",
    "snapshot": "stages.evidence.options:SnapshotOptions",
}
"""Where the options of these kinds lie: lighter to import than their classes."""


def camera_options() -> type[BaseModel]:
    """What may stand under a camera's name."""
    return _checked(resolve(CAMERA_OPTIONS, {}), CAMERA_OPTIONS)


def record_options() -> type[BaseModel]:
    """What may stand under ``stages.record``, beside what the machine reads itself."""
    return _checked(resolve(RECORD_OPTIONS, {}), RECORD_OPTIONS)


def options_of(kind: str, table: Table) -> type[BaseModel]:
    """The options that ``kind`` takes. Raises ``UsageError`` for an unknown kind or a class without options."""
    if kind not in table and ":" not in kind:
        near = did_you_mean(kind, table) or ","
        raise UsageError(f"unknown kind {kind!r}{near} allowed: {listed(sorted(table))}, or package.module:Class")
    if kind in table and kind in _OPTIONS:
        return _checked(resolve(_OPTIONS[kind], {}), kind)
    return _checked(getattr(resolve(kind, table), "Options", None), kind)


def _checked(options: object, kind: str) -> type[BaseModel]:
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise UsageError(f"kind {kind!r} has no class attribute Options that is a pydantic model")
    return options

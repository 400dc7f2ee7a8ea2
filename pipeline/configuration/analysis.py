"""What decides the analysis, as one hash: two runs with the same hash and the same recordings give the same events.

Covered: models (their content, not their paths), precision, detector, tracker and alert options, classifiers and
rules with their cameras, and of each camera its masks, frame rate, gate and times. Not covered: how many workers share
the work, where results go, who is told, how processes reach and watch each other, and where a source lies.
An option can exclude itself with ``json_schema_extra={"analysis": False}``; one that names a folder can say with
``{"content": NAME}`` which file in it vouches for what decides. Of a folder that rules follow while they run only the
name counts: what it held, and from which frame on, stands in the log. What is unknown counts, so that a new
option can only refuse to resume, never mix two analyses.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.configuration.config import ClassifyConfig, PipelineConfig, RuleConfig, plain
from pipeline.configuration.source_paths import is_stream, local_path
from pipeline.file_digest import file_sha256
from pipeline.models import find, is_name

SPEED_ONLY = frozenset({"workers", "batch", "batch_wait_ms", "threads", "streams"})
"""Options of a detector that change how fast it is, not what it finds."""
CONNECTION_ONLY = frozenset({"transport", "username", "password", "user", "headers", "user_agent"})
"""Options of a camera that say how to reach it."""
_CONNECTION_WORDS = ("timeout", "reconnect", "backoff", "retry", "retries")


def analysis_sha256(config: PipelineConfig) -> str:
    """Hex digest over the canonical JSON of everything that decides the analysis. Reads the weight files."""
    return digest_of(analysis_of(config))


def digest_of(covered: Mapping[str, Any]) -> str:
    """Hex digest of what ``analysis_of`` gives."""
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def analysis_of(config: PipelineConfig) -> dict[str, Any]:
    """What ``analysis_sha256`` covers, as plain values; equal analyses give equal values."""
    detect = _deciding(config.detect.options, SPEED_ONLY)
    classify = {"classify": [_classifier(item) for item in config.classify]} if config.classify else {}
    clips = {"clips": sorted(config.clips)} if config.clips else {}
    return {
        **classify,
        **clips,
        "cameras": {name: _camera(options) for name, options in config.cameras.items()},
        "detect": {"kind": config.detect.kind, "options": detect},
        "track": {"kind": config.track.kind, "options": _deciding(config.track.options)},
        "alert": {"kind": config.alert.kind, "options": _deciding(config.alert.options)},
        "rules": rules_of(config.rules),
    }


def rules_of(rules: Sequence[RuleConfig]) -> list[dict[str, Any]]:
    """The part of ``analysis_of`` that rules have. Reads the files that they name."""
    return [
        {"kind": rule.kind, "name": rule.name, "cameras": rule.cameras, "options": _deciding(rule.options)}
        for rule in rules
    ]


def _classifier(item: ClassifyConfig) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "name": item.name,
        "cameras": item.cameras,
        "when": _deciding(item.when, SPEED_ONLY),
        "options": _deciding(item.options, SPEED_ONLY),
    }


def _camera(options: BaseModel) -> dict[str, Any]:
    values = _deciding(options, CONNECTION_ONLY)
    values = {name: value for name, value in values.items() if not any(word in name for word in _CONNECTION_WORDS)}
    if "source" in values:
        values["source"] = _source_name(str(values["source"]))
    return values


def _source_name(source: str) -> str:
    """The file name of a recording, wherever it lies; a live camera's address decides nothing."""
    return Path(source).name if local_path(source) is not None or not is_stream(source) else ""


def _deciding(options: BaseModel, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    values = plain(options)
    followed: Mapping[str, Path] = getattr(options, "follows", {})
    for name, field in type(options).model_fields.items():
        extra = field.json_schema_extra
        if name in left_out or (isinstance(extra, dict) and extra.get("analysis") is False):
            values.pop(name, None)
        elif isinstance(value := getattr(options, name), Path) and str(value) in followed:
            values[name] = value.name
        elif isinstance(value, Path) and isinstance(extra, dict) and "content" in extra:
            values[name] = content_sha256(value / str(extra["content"]))
        elif isinstance(value, Path):
            values[name] = content_sha256(find(str(value)) if is_name(str(value)) else value)
        elif isinstance(value, tuple) and value and all(isinstance(each, BaseModel) for each in value):
            values[name] = [_deciding(each) for each in value]
    return values


def content_sha256(path: Path) -> str:
    """Digest of a file, or of a folder's files with their names; the name itself where there is no such file.

    The weights beside an OpenVINO ``.xml`` belong to it.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        parts = [f"{file.relative_to(path).as_posix()} {file_sha256(file)}" for file in files]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if not path.is_file():
        return path.name
    weights = path.with_suffix(".bin")
    if path.suffix == ".xml" and weights.is_file():
        return hashlib.sha256(f"{file_sha256(path)} {file_sha256(weights)}".encode()).hexdigest()
    return file_sha256(path)

"""From the document that the user wrote to a configuration, section by section; all faults, not the first one."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from pipeline.configuration.config import (
    DEFAULT_OUT,
    SETTINGS,
    STAGES,
    ClassifyConfig,
    PipelineConfig,
    RecordConfig,
    RuleConfig,
    SinkConfig,
    StageConfig,
)
from pipeline.configuration.faults import KeyPath
from pipeline.configuration.kinds import DEFAULT_KINDS, camera_options, options_of, record_options
from pipeline.configuration.settings import ClassifyOptions, DispatchOptions, RecordSource, WorkerOptions
from pipeline.configuration.source_paths import local_path
from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.configuration.validation import validate
from pipeline.configuration.yaml_source import Document, kind_of
from pipeline.errors import UsageError
from pipeline.models import is_name
from pipeline.registry import CLASSIFIERS, RULES, SINKS, Table

TOP = (
    *("cameras", "stages", "rules", "sinks", "governor", "integrity", "retention", "store", "out"),
    *("supervisor", "metrics", "logs", "links"),
)
DEFAULT_DETECTOR: Mapping[str, Any] = {"kind": "yolo"}
"""What detects where the configuration names nothing: the detector that ships."""
DEFAULT_RULE: Mapping[str, Any] = {"rule": "in_field"}
"""What alerts where the configuration has no ``rules``: any object, anywhere in the picture."""
NOT_RECORDED = "not_recorded"
"""The rule that every live camera that is recorded has."""
PARTS = "of"
"""The key under which a rule that is made of rules holds them."""
CAMERA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


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


def read_sections(document: Document, base: Path) -> Sections:
    """Read every section of ``document``; what is wrong goes to its ``faults`` and is left out."""
    sections = Sections(document, base)
    _refuse_unknown(document, (), document.data, TOP)
    _cameras(sections)
    _stages(sections)
    read_rules(sections)
    _sinks(sections)
    for name, model in SETTINGS.items():
        if model is not DispatchOptions:
            sections.settings[name] = validate(model, document.data.get(name), path=(name,), document=document)
    _out(sections)
    return sections


def _refuse_unknown(document: Document, path: KeyPath, data: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known and not key.startswith("x-"):
            near = did_you_mean(key, known) or ","
            document.complain((*path, key), f"unknown key{near} allowed: {listed(known)}", of_key=True)


def _mapping(document: Document, path: KeyPath, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        document.complain(path, f"must be a mapping of keys, not {kind_of(value)}")
        return {}
    return value


def _cameras(sections: Sections) -> None:
    document = sections.document
    cameras = _mapping(document, ("cameras",), document.data.get("cameras"))
    if not cameras and not document.faults:
        document.complain(("cameras",), "name at least one camera: cameras: {gate: {source: rtsp://...}}", of_key=True)
    for name, data in cameras.items():
        path = ("cameras", name)
        if not CAMERA_NAME.fullmatch(name):
            document.complain(path, "a camera's name has 1 to 64 letters, digits, '_' or '-'", of_key=True)
            continue
        options = _options(sections, path, data, camera_options())
        if options is not None:
            sections.cameras[name] = options


def _options(sections: Sections, path: KeyPath, data: Any, model: type[BaseModel], *taken: str) -> BaseModel | None:
    """The options of one item; ``taken`` are keys that the machine reads itself."""
    document = sections.document
    if data is not None and not isinstance(data, dict):
        document.complain(path, f"must be a mapping of keys, not {kind_of(data)}")
        return None
    own = {key: value for key, value in (data or {}).items() if key not in taken or key in model.model_fields}
    own = _with_paths(sections, path, own, model)
    return validate(
        model, own, path=path, document=document, hints=[key for key in taken if key not in model.model_fields]
    )


def _with_paths(sections: Sections, path: KeyPath, data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Relative paths made absolute: of a file's values from its folder, of arguments from the working directory."""
    result = dict(data)
    for key, value in data.items():
        info = model.model_fields.get(key)
        is_path = info is not None and (Path in get_args(info.annotation) or info.annotation is Path)
        is_source = path[0] == "cameras" and key == "source" and _is_path(value)
        if isinstance(value, str) and value and path[0] != "sinks" and (is_path or is_source):
            from_argument = not sections.document.place((*path, key)).line
            folder = Path.cwd() if from_argument else sections.base
            if not (key == "model" and is_name(value)):
                result[key] = os.path.normpath(folder / Path(value).expanduser())
    return result


def _is_path(source: Any) -> bool:
    """Whether a camera's source is a path, absolute or not."""
    return isinstance(source, str) and not source.lower().startswith("file:") and local_path(source) is not None


def _kind(sections: Sections, path: KeyPath, key: str, data: Any, table: Table) -> tuple[str, type[BaseModel]] | None:
    """The kind that ``data[key]`` names, and its options."""
    document = sections.document
    kind = data.get(key) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        document.complain(path, f"must be a mapping of keys, not {kind_of(data)}")
    elif key not in data:
        near = next((f" (did you mean that by {other!r}?)" for other in ("kind", "rule", "type") if other in data), "")
        document.complain((*path, key), f"is required{near}; allowed: {listed(sorted(table))}, or package.module:Class")
    elif not isinstance(kind, str):
        document.complain((*path, key), f"must be the name of a kind, not {kind_of(kind)}")
    else:
        try:
            return kind, options_of(kind, table)
        except UsageError as error:
            document.complain((*path, key), str(error))
    return None


def _stages(sections: Sections) -> None:
    document = sections.document
    stages = _mapping(document, ("stages",), document.data.get("stages"))
    _refuse_unknown(document, ("stages",), stages, (*STAGES, "classify", "dispatch", "record"))
    for name, table in STAGES.items():
        data = stages.get(name)
        data = {} if data is None else data
        if isinstance(data, dict) and "kind" not in data:
            data = {**(DEFAULT_DETECTOR if name == "detect" else {"kind": DEFAULT_KINDS[name]}), **data}
        stage = _stage(sections, name, data, table)
        if stage is not None:
            sections.stages[name] = stage
    dispatch = validate(DispatchOptions, stages.get("dispatch"), path=("stages", "dispatch"), document=document)
    sections.settings["dispatch"] = dispatch
    _classifiers(sections, stages.get("classify"))
    _recordings(sections, stages.get("record"))


def classify_path(sections: Sections, index: int) -> KeyPath:
    """Where a classifier stands in the document: a single one needs no list."""
    return _path_of(sections, "classify", index)


def record_path(sections: Sections, index: int) -> KeyPath:
    """Where what is recorded of some cameras stands in the document."""
    return _path_of(sections, "record", index)


def _path_of(sections: Sections, name: str, index: int) -> KeyPath:
    stages = sections.document.data.get("stages")
    is_list = isinstance(stages, dict) and isinstance(stages.get(name), list)
    return ("stages", name, index) if is_list else ("stages", name)


def _recordings(sections: Sections, given: Any) -> None:
    """What is recorded: one item for some cameras, or a list of them; no camera in two."""
    items = given if isinstance(given, list) else [] if given is None else [given]
    taken: set[str] = set()
    for index, data in enumerate(items):
        path = record_path(sections, index)
        options = _options(sections, path, data, record_options(), *RecordSource.model_fields)
        if options is None:
            continue
        own = {key: value for key, value in (data or {}).items() if key in RecordSource.model_fields}
        machine = validate(RecordSource, own, path=path, document=sections.document)
        cameras = _camera_names(sections, (*path, "cameras"), own.get("cameras"))
        if machine is None or not cameras:
            continue
        if twice := sorted(taken.intersection(cameras)):
            sections.document.complain((*path, "cameras"), f"{listed(twice)} is recorded by another item already")
        elif machine.source and len(cameras) > 1:
            sections.document.complain((*path, "source"), "is of one camera: name it, cameras: [NAME]")
        else:
            sections.record[index] = RecordConfig(cameras, machine.source, options)
        taken.update(cameras)


def _classifiers(sections: Sections, given: Any) -> None:
    """One classifier, or a list of them."""
    items = given if isinstance(given, list) else [] if given is None else [given]
    names = [item.get("name") for item in items if isinstance(item, dict)]
    for index, data in enumerate(items):
        path = classify_path(sections, index)
        found = _kind(sections, path, "kind", data, CLASSIFIERS)
        if found is None:
            continue
        kind, model = found
        name = data.get("name") or _free_name(kind, names, "_")
        names.append(name)
        machine = tuple(ClassifyOptions.model_fields)
        own = {key: value for key, value in data.items() if key in machine and key != "name"}
        when = validate(ClassifyOptions, {**own, "name": name}, path=path, document=sections.document)
        options = _options(sections, path, data, model, "kind", *machine)
        cameras = _camera_names(sections, (*path, "cameras"), data.get("cameras"))
        if options is not None and when is not None and cameras:
            sections.classify[index] = ClassifyConfig(kind, when.name, cameras, when, options)


def _stage(sections: Sections, name: str, data: Any, table: Table) -> StageConfig | None:
    path: KeyPath = ("stages", name)
    found = _kind(sections, path, "kind", data, table)
    if found is None:
        return None
    kind, model = found
    taken = ("kind", "workers") if name == "detect" else ("kind",)
    options = _options(sections, path, data, model, *taken)
    workers: WorkerOptions | None = WorkerOptions()
    if "workers" in taken and "workers" in data:
        given = {"workers": data["workers"]}
        workers = validate(WorkerOptions, given, path=path, document=sections.document)
    return StageConfig(kind, options, workers.workers) if options is not None and workers is not None else None


def _items(sections: Sections, key: str) -> list[Any]:
    value = sections.document.data.get(key)
    if value is not None and not isinstance(value, list):
        sections.document.complain((key,), f"must be a list (lines that begin with '-'), not {kind_of(value)}")
        return []
    return value or []


def read_rules(sections: Sections) -> None:
    """Read the section ``rules``; what is wrong goes to the document's ``faults`` and is left out."""
    items = _items(sections, "rules")
    if "rules" not in sections.document.data:
        items = [dict(DEFAULT_RULE)]
    names = [item.get("name") for item in items if isinstance(item, dict)]
    for index, data in enumerate(items):
        found = _kind(sections, ("rules", index), "rule", data, RULES)
        if found is None:
            continue
        kind, model = found
        name = data.get("name") or _free_name(kind, names)
        names.append(name)
        given = {**data, "name": name} if "name" in model.model_fields else data
        given = _with_parts(sections, ("rules", index), given, model)
        options = _options(sections, ("rules", index), given, model, "rule", "name", "cameras")
        cameras = _camera_names(sections, ("rules", index, "cameras"), data.get("cameras"))
        if options is not None and cameras:
            sections.rules[index] = RuleConfig(kind, str(name), cameras, options)
    _mind_recordings(sections)


def _mind_recordings(sections: Sections) -> None:
    """Nobody should find out too late that a live camera is not being recorded: there is always a rule for that."""
    minded = {camera for rule in sections.rules.values() if rule.kind == NOT_RECORDED for camera in rule.cameras}
    recorded = [camera for item in sections.record.values() if item.mode != "off" for camera in item.cameras]
    live = [name for name in recorded if getattr(sections.cameras.get(name), "live", False) and name not in minded]
    taken = {rule.name for rule in sections.rules.values()}
    if live and NOT_RECORDED not in taken:
        options = options_of(NOT_RECORDED, RULES)(name=NOT_RECORDED, cameras=tuple(live))
        number = max(sections.rules, default=-1) + 1
        sections.rules[number] = RuleConfig(NOT_RECORDED, NOT_RECORDED, tuple(live), options)


def _with_parts(sections: Sections, path: KeyPath, data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The data of a rule that is made of rules, each part read as rules are; so faults are told where they stand.

    A part that is wrong is stood in for by the default rule, so that the rest of the rule is still checked.
    """
    parts = data.get(PARTS)
    if PARTS not in model.model_fields or not isinstance(parts, list):
        return data
    read: list[Any] = []
    for index, part in enumerate(parts):
        inner = (*path, PARTS, index)
        found = _kind(sections, inner, "rule", part, RULES)
        known = _with_parts(sections, inner, part, found[1]) if found is not None else {}
        is_read = found is not None and _options(sections, inner, known, found[1], "rule") is not None
        read.append(_with_paths(sections, inner, known, found[1]) if found is not None and is_read else DEFAULT_RULE)
    return {**data, PARTS: read}


def _free_name(kind: str, taken: list[Any], joint: str = "-") -> str:
    short = kind.rpartition(":")[2]
    numbered = (f"{short}{joint}{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (short, *numbered) if name not in taken)


def _camera_names(sections: Sections, path: KeyPath, given: Any) -> tuple[str, ...]:
    """The cameras that a rule or classifier is for: those it names, or all. Unknown names are faults."""
    document = sections.document
    known = sections.camera_names
    if not given:
        return tuple(known)
    if not isinstance(given, list):
        if not any(fault.key[: len(path)] == path for fault in document.faults):
            document.complain(path, f"must be a list of cameras: [{given}]")
        return ()
    for position, name in enumerate(given):
        if name not in known:
            near = did_you_mean(str(name), known) or ","
            document.complain((*path, position), f"no camera {name!r}{near} allowed: {listed(known)}")
    return tuple(name for name in given if name in known)


def _sinks(sections: Sections) -> None:
    items = _items(sections, "sinks")
    names = [item.get("name") for item in items if isinstance(item, dict)]
    for index, data in enumerate(items):
        found = _kind(sections, ("sinks", index), "kind", data, SINKS)
        if found is None:
            continue
        kind, model = found
        name = data.get("name") or _free_name(kind, names)
        names.append(name)
        given = {**data, "name": name} if "name" in model.model_fields else data
        options = _options(sections, ("sinks", index), given, model, "kind", "name")
        if not isinstance(name, str):
            sections.document.complain(("sinks", index, "name"), f"must be text, not {kind_of(name)}")
        elif options is not None:
            sections.sinks[index] = SinkConfig(kind, name, options)


def _out(sections: Sections) -> None:
    value = sections.document.data.get("out")
    if value is None:
        return
    if not isinstance(value, str) or not value.strip():
        sections.document.complain(("out",), f"must be the path of a folder, not {kind_of(value)}")
        return
    sections.out = Path(value).expanduser()

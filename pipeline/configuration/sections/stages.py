"""The section ``stages``."""

from collections.abc import Mapping
from typing import Any

from pipeline.configuration.config import STAGES, StageConfig
from pipeline.configuration.faults import KeyPath
from pipeline.configuration.kinds import DEFAULT_KINDS
from pipeline.configuration.sections.classifiers import read_classifiers
from pipeline.configuration.sections.item import read_kind, read_options
from pipeline.configuration.sections.recordings import read_recordings
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.sections.shape import mapping_at, refuse_unknown
from pipeline.configuration.settings import DispatchOptions, WorkerOptions
from pipeline.configuration.validation import validate
from pipeline.registry import Table

DEFAULT_DETECTOR: Mapping[str, Any] = {"kind": "yolo"}
"""What detects where the configuration names nothing: the detector that ships."""


def read_stages(sections: Sections) -> None:
    """Read the section; what is wrong goes to the document's ``faults`` and is left out."""
    document = sections.document
    stages = mapping_at(document, ("stages",), document.data.get("stages"))
    refuse_unknown(document, ("stages",), stages, (*STAGES, "classify", "dispatch", "record"))
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
    read_classifiers(sections, stages.get("classify"))
    read_recordings(sections, stages.get("record"))


def _stage(sections: Sections, name: str, data: Any, table: Table) -> StageConfig | None:
    path: KeyPath = ("stages", name)
    found = read_kind(sections, path, "kind", data, table)
    if found is None:
        return None
    kind, model = found
    taken = ("kind", "workers") if name == "detect" else ("kind",)
    options = read_options(sections, path, data, model, *taken)
    workers: WorkerOptions | None = WorkerOptions()
    if "workers" in taken and "workers" in data:
        given = {"workers": data["workers"]}
        workers = validate(WorkerOptions, given, path=path, document=sections.document)
    return StageConfig(kind, options, workers.workers) if options is not None and workers is not None else None

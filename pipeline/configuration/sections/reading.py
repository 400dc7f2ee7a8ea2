"""From the document that the user wrote to its sections; all faults, not the first one."""

from pathlib import Path

from pipeline.configuration.config import SETTINGS
from pipeline.configuration.sections.cameras import read_cameras
from pipeline.configuration.sections.rules import read_rules
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.sections.shape import refuse_unknown
from pipeline.configuration.sections.sinks import read_sinks
from pipeline.configuration.sections.stages import read_stages
from pipeline.configuration.settings import DispatchOptions
from pipeline.configuration.validation import validate
from pipeline.configuration.yaml_source import Document, kind_of

TOP = (
    *("cameras", "stages", "rules", "sinks", "governor", "integrity", "retention", "store", "out"),
    *("supervisor", "metrics", "logs", "links"),
)


def read_sections(document: Document, base: Path) -> Sections:
    """Read every section of ``document``; what is wrong goes to its ``faults`` and is left out."""
    sections = Sections(document, base)
    refuse_unknown(document, (), document.data, TOP)
    read_cameras(sections)
    read_stages(sections)
    read_rules(sections)
    read_sinks(sections)
    for name, model in SETTINGS.items():
        if model is not DispatchOptions:
            sections.settings[name] = validate(model, document.data.get(name), path=(name,), document=document)
    _read_out(sections)
    return sections


def _read_out(sections: Sections) -> None:
    value = sections.document.data.get("out")
    if value is None:
        return
    if not isinstance(value, str) or not value.strip():
        sections.document.complain(("out",), f"must be the path of a folder, not {kind_of(value)}")
        return
    sections.out = Path(value).expanduser()

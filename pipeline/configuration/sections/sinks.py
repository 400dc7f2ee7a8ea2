"""The section ``sinks``."""

from pipeline.configuration.config import SinkConfig
from pipeline.configuration.sections.item import named_items, read_options
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.sections.shape import items_under
from pipeline.configuration.yaml_source import kind_of
from pipeline.registry import SINKS


def read_sinks(sections: Sections) -> None:
    """Read the section; what is wrong goes to the document's ``faults`` and is left out."""
    items = items_under(sections.document, "sinks")
    for index, kind, model, name, given in named_items(sections, "sinks", "kind", items, SINKS):
        options = read_options(sections, ("sinks", index), given, model, "kind", "name")
        if not isinstance(name, str):
            sections.document.complain(("sinks", index, "name"), f"must be text, not {kind_of(name)}")
        elif options is not None:
            sections.sinks[index] = SinkConfig(kind, name, options)

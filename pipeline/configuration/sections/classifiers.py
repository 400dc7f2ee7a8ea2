"""The classifiers among the stages."""

from typing import Any

from pipeline.configuration.config import ClassifyConfig
from pipeline.configuration.sections.item import free_name, read_camera_names, read_kind, read_options
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.settings import ClassifyOptions
from pipeline.configuration.validation import validate
from pipeline.registry import CLASSIFIERS


def read_classifiers(sections: Sections, given: Any) -> None:
    """Read them: one, or a list of them. What is wrong goes to the document's ``faults`` and is left out."""
    items = given if isinstance(given, list) else [] if given is None else [given]
    names = [item.get("name") for item in items if isinstance(item, dict)]
    for index, data in enumerate(items):
        path = sections.stage_path("classify", index)
        found = read_kind(sections, path, "kind", data, CLASSIFIERS)
        if found is None:
            continue
        kind, model = found
        name = data.get("name") or free_name(kind, names, "_")
        names.append(name)
        machine = tuple(ClassifyOptions.model_fields)
        own = {key: value for key, value in data.items() if key in machine and key != "name"}
        when = validate(ClassifyOptions, {**own, "name": name}, path=path, document=sections.document)
        options = read_options(sections, path, data, model, "kind", *machine)
        cameras = read_camera_names(sections, (*path, "cameras"), data.get("cameras"))
        if options is not None and when is not None and cameras:
            sections.classify[index] = ClassifyConfig(kind, when.name, cameras, when, options)

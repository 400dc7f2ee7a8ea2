"""What is recorded, among the stages."""

from typing import Any

from pipeline.configuration.config import RecordConfig
from pipeline.configuration.kinds import record_options
from pipeline.configuration.sections.item import read_camera_names, read_options
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.settings import RecordSource
from pipeline.configuration.suggestions import listed
from pipeline.configuration.validation import validate


def read_recordings(sections: Sections, given: Any) -> None:
    """Read it: one item for some cameras, or a list of them; no camera in two.

    What is wrong goes to the document's ``faults`` and is left out.
    """
    items = given if isinstance(given, list) else [] if given is None else [given]
    taken: set[str] = set()
    for index, data in enumerate(items):
        path = sections.stage_path("record", index)
        options = read_options(sections, path, data, record_options(), *RecordSource.model_fields)
        if options is None:
            continue
        own = {key: value for key, value in (data or {}).items() if key in RecordSource.model_fields}
        machine = validate(RecordSource, own, path=path, document=sections.document)
        cameras = read_camera_names(sections, (*path, "cameras"), own.get("cameras"))
        if machine is None or not cameras:
            continue
        if twice := sorted(taken.intersection(cameras)):
            sections.document.complain((*path, "cameras"), f"{listed(twice)} is recorded by another item already")
        elif machine.source and len(cameras) > 1:
            sections.document.complain((*path, "source"), "is of one camera: name it, cameras: [NAME]")
        else:
            sections.record[index] = RecordConfig(cameras, machine.source, options)
        taken.update(cameras)

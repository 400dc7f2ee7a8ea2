"""The section ``cameras``."""

import re

from pipeline.configuration.kinds import camera_options
from pipeline.configuration.sections.item import read_options
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.sections.shape import mapping_at

CAMERA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_cameras(sections: Sections) -> None:
    """Read the section; what is wrong goes to the document's ``faults`` and is left out."""
    document = sections.document
    cameras = mapping_at(document, ("cameras",), document.data.get("cameras"))
    if not cameras and not document.faults:
        document.complain(("cameras",), "name at least one camera: cameras: {gate: {source: rtsp://...}}", of_key=True)
    for name, data in cameras.items():
        path = ("cameras", name)
        if not CAMERA_NAME.fullmatch(name):
            document.complain(path, "a camera's name has 1 to 64 letters, digits, '_' or '-'", of_key=True)
            continue
        options = read_options(sections, path, data, camera_options())
        if options is not None:
            sections.cameras[name] = options

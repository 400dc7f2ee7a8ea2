"""What a path that is not absolute is relative to."""

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from pipeline.configuration.faults import KeyPath
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.source_paths import local_path
from pipeline.models import is_name


def absolute_paths(sections: Sections, path: KeyPath, data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
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

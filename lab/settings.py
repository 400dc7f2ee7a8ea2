"""YAML files of the laboratory's commands, read into pydantic models with every fault at its place."""

import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.configuration.faults import usage_error
from pipeline.configuration.secrets import Vault
from pipeline.configuration.suggestions import did_you_mean, did_you_mean_file
from pipeline.configuration.yaml_source import read_yaml
from pipeline.errors import UsageError

Model = TypeVar("Model", bound=BaseModel)


class LabSettings(BaseModel):
    """Options of one laboratory command: frozen, and unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def load(path: Path, model: type[Model]) -> Model:
    """The settings in the YAML file ``path``. Raises ``UsageError`` with ``file:line:column: key: ...`` for each fault.

    Paths in it stay as written; ``beside`` finds them from the file's own folder.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}{did_you_mean_file(path)}") from error
    document = read_yaml(text, str(path), Vault(os.environ))
    if document.faults:
        raise usage_error(document.faults)
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for fault in error.errors():
            unknown = fault["type"] == "extra_forbidden"
            hint = did_you_mean(str(fault["loc"][-1]), model.model_fields) if unknown and len(fault["loc"]) == 1 else ""
            message = "unknown key" if unknown else fault["msg"].removeprefix("Value error, ")
            document.complain(tuple(fault["loc"]), f"{message}{hint}", of_key=unknown)
        raise usage_error(document.faults) from error


def beside(file: Path, named: Path) -> Path:
    """A path that a settings file names: from the file's folder, as written where that does not exist."""
    near = file.parent / named
    return near if near.exists() or not named.exists() else named
